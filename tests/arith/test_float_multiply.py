import shutil
import subprocess

import numpy as np
import pytest
from amaranth.back import verilog
from hypothesis import given, settings
from hypothesis import strategies as st

from gen.synth import synth
from gen.synth.simulated import ECP5_BLOCKS
from hw.arith import BF16, FP16, FP32, FloatFormat, FloatMultiply
from sim.golden import arith as golden
from tests.arith.float_pairs import directed_pairs, every_pair, random_pairs, special_values
from tests.arith.pipelines import pipeline
from tests.streams import generator

FORMATS = pytest.mark.parametrize("form", [FP16, BF16, FP32], ids=["fp16", "bf16", "fp32"])

BENCH = """
module bench;
  reg clk = 0;
  reg [{width}-1:0] a, b;
  wire [{width}-1:0] p;
  reg [2*{width}-1:0] pairs [0:{count}-1];
  integer n;
  float_multiply dut(.clk(clk), .a(a), .b(b), .p(p));
  initial begin
    $readmemh("pairs.hex", pairs);
    for (n = 0; n < {count} + {latency} - 1; n = n + 1) begin
      {{a, b}} = pairs[n < {count} ? n : 0];
      #1 clk = 1;
      #1 clk = 0;
      if (n >= {latency} - 1) $display("%h", p);
    end
  end
endmodule
"""


def numpy_generator():
    return np.random.default_rng(generator().getrandbits(32))


def check(run, a, b, form):
    _, p = run(a, b, np.zeros(len(a)))
    wrong = np.flatnonzero(p != golden.float_multiply(a, b, form))
    assert not len(wrong), [f"{a[n]:x} * {b[n]:x} is not {p[n]:x}" for n in wrong[:5]]


def simulate(form, a, b, vendor="generic"):
    """Products by Amaranth's simulator."""
    dut = FloatMultiply(form, vendor)
    rows = pipeline(dut, [dut.a.as_value(), dut.b.as_value()], [dut.p.as_value()], list(zip(a, b, strict=True)),
                    dut.latency)
    return [p for p, in rows]


@FORMATS
def test_all_pairs_of_special_values(form, compiled_floats):
    check(compiled_floats[form], *every_pair(special_values(form), special_values(form)), form)


@pytest.mark.parametrize("form", [FP16, BF16], ids=["fp16", "bf16"])
def test_all_numbers_with_special_values(form, compiled_floats):
    numbers = np.arange(1 << 16, dtype=np.uint32)
    for value in special_values(form):
        other = np.full_like(numbers, value)
        check(compiled_floats[form], numbers, other, form)
        check(compiled_floats[form], other, numbers, form)


@FORMATS
@pytest.mark.parametrize("make", [random_pairs, directed_pairs])
def test_many_pairs(form, make, compiled_floats):
    check(compiled_floats[form], *make(form, 200_000, numpy_generator()), form)


@pytest.mark.parametrize("form", [FloatFormat(2, 1), FloatFormat(3, 1), FloatFormat(2, 2), FloatFormat(3, 3)])
def test_exhaustive_small(form):
    a, b = every_pair(np.arange(1 << form.width), np.arange(1 << form.width))
    assert np.array_equal(simulate(form, a, b), golden.float_multiply(a, b, form))


@settings(max_examples=12, deadline=None)
@given(exponent=st.integers(2, 8), mantissa=st.integers(1, 23), vendor=st.sampled_from(["generic", "xilinx"]),
       seed=st.integers(0, 2**32 - 1))
def test_any_format(exponent, mantissa, vendor, seed):
    form, rng = FloatFormat(exponent, mantissa), np.random.default_rng(seed)
    pairs = [make(form, 100, rng) for make in (random_pairs, directed_pairs)]
    a, b = (np.concatenate(side) for side in zip(*pairs, strict=True))
    assert np.array_equal(simulate(form, a, b, vendor), golden.float_multiply(a, b, form))


@pytest.mark.skipif(not shutil.which("iverilog"), reason="needs Icarus Verilog")
@pytest.mark.parametrize("form, blocks", [(FP16, 1), (BF16, 1), (FP32, 4)], ids=["fp16", "bf16", "fp32"])
def test_ecp5_blocks(form, blocks, tmp_path):
    """With the model of the multiplier block."""
    dut = FloatMultiply(form, "ecp5")
    pairs = [make(form, 500, numpy_generator()) for make in (random_pairs, directed_pairs)]
    a, b = (np.concatenate(side) for side in zip(*pairs, strict=True))
    text = verilog.convert(dut, name="float_multiply", emit_src=False)
    assert text.count("MULT18X18D #(") == blocks
    (tmp_path / "float_multiply.v").write_text(text)
    (tmp_path / "pairs.hex").write_text("\n".join(f"{int(x) << form.width | int(y):x}"
                                                  for x, y in zip(a, b, strict=True)))
    (tmp_path / "bench.v").write_text(BENCH.format(width=form.width, count=len(a), latency=dut.latency))
    subprocess.run(["iverilog", "-g2005", "-s", "bench", "-o", "bench.vvp", "bench.v", "float_multiply.v", ECP5_BLOCKS],
                   cwd=tmp_path, check=True)
    lines = subprocess.run(["vvp", "-n", "bench.vvp"], cwd=tmp_path, check=True, capture_output=True,
                           text=True).stdout.split()
    assert [int(line, 16) for line in lines] == golden.float_multiply(a, b, form).tolist()


def test_latency():
    assert [FloatMultiply(form).latency for form in (FP16, BF16, FP32)] == [6, 6, 8]


def test_area(tmp_path):
    """On ECP5, with carry chains; 198 look-up tables when this was written."""
    path = tmp_path / "float_multiply.v"
    path.write_text(verilog.convert(FloatMultiply(FP16, "ecp5"), name="float_multiply", emit_src=False))
    report = synth(path, "float_multiply")
    assert report["luts"] <= 210 and report["dsps"] == 1


def test_bad_vendor():
    for form in (FP16, FP32):
        with pytest.raises(ValueError, match=r"^vendor must be one of generic, ecp5, xilinx, not 'intel'$"):
            FloatMultiply(form, "intel")
