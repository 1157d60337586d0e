import re
import shutil
import subprocess

import numpy as np
import pytest
from amaranth.back import verilog
from amaranth.hdl import Shape, signed, unsigned

from gen.synth.simulated import ECP5_BLOCKS
from hw.arith import Multiply
from sim.golden import arith as golden
from tests.arith.pipelines import pipeline

SHAPES = [(signed(8), signed(8)), (signed(16), unsigned(13)), (unsigned(18), signed(18)),
          (unsigned(18), unsigned(18)), (signed(1), unsigned(1)), (signed(18), signed(18))]


def operands(shape, count, rng):
    low, high = (-(1 << (shape.width - 1)), 1 << (shape.width - 1)) if shape.signed else (0, 1 << shape.width)
    return np.concatenate([[low, low, high - 1, high - 1, 0], rng.integers(low, high, count)])


def pairs(a_shape, b_shape, count, seed=1):
    rng = np.random.default_rng(seed)
    a, b = operands(a_shape, count, rng), operands(b_shape, count, rng)
    b[:4] = b[[0, 2, 1, 3]]
    return a, b


@pytest.mark.parametrize("vendor", ["generic", "xilinx"])
@pytest.mark.parametrize("shapes", [*SHAPES, (signed(24), signed(25))])
def test_matches_model(shapes, vendor):
    a, b = pairs(*shapes, 100)
    dut = Multiply(*shapes, vendor)
    results = pipeline(dut, [dut.a, dut.b], [dut.p], list(zip(a, b, strict=True)), dut.latency)
    assert np.array_equal([p for p, in results], golden.multiply(a, b))


@pytest.mark.skipif(not shutil.which("iverilog"), reason="needs Icarus Verilog")
@pytest.mark.parametrize("shapes", SHAPES)
def test_ecp5_primitive_is_wired_as_the_model(shapes, tmp_path):
    a, b = pairs(*shapes, 40)
    p_width = shapes[0].width + shapes[1].width
    dut = Multiply(*shapes, "ecp5")
    stimulus = "\n".join(f"a = {int(x)}; b = {int(y)}; #1 clk = 1; #1 clk = 0; $display(\"%b\", p);"
                         for x, y in zip(a, b, strict=True))
    bench = f"""
module bench;
  reg clk = 0; reg [{shapes[0].width - 1}:0] a; reg [{shapes[1].width - 1}:0] b; wire [{p_width - 1}:0] p;
  multiply dut(.clk(clk), .rst(1'b0), .a(a), .b(b), .p(p));
  initial begin {stimulus} repeat (2) begin #1 clk = 1; #1 clk = 0; $display("%b", p); end end
endmodule
"""
    source = tmp_path / "bench.v"
    text = verilog.convert(dut, name="multiply", emit_src=False)
    if not re.search(r"\brst;", text):
        bench = bench.replace(".rst(1'b0), ", "")
    source.write_text(text + bench)
    program = tmp_path / "bench.vvp"
    subprocess.run(["iverilog", "-g2005", "-s", "bench", "-o", program, source, ECP5_BLOCKS], check=True)
    lines = subprocess.run(["vvp", "-n", program], check=True, capture_output=True, text=True).stdout.split()
    # The product of the operands set before edge n is there after edge n + 2.
    expected = golden.multiply(a, b) & ((1 << p_width) - 1)
    assert [int(line, 2) for line in lines[2:]] == expected.tolist()


def test_ecp5_uses_its_registers():
    text = verilog.convert(Multiply(signed(16), signed(16), "ecp5"), emit_src=False)
    assert text.count("MULT18X18D") == 1
    for register in ("INPUTA", "INPUTB", "OUTPUT"):
        assert f'.REG_{register}_CLK("CLK0")' in text
    assert text.count("always @") == 1          # the register behind it


def test_product_shape():
    assert Shape.cast(Multiply(signed(8), unsigned(4)).p.shape()) == signed(12)
    assert Shape.cast(Multiply(8, 4).p.shape()) == unsigned(12)


def test_bad_parameters():
    with pytest.raises(ValueError, match=r"^a_shape must have at most 18 bits with vendor 'ecp5', not 19$"):
        Multiply(19, 8, "ecp5")
    with pytest.raises(ValueError, match=r"^b_shape must have at most 18 bits with vendor 'ecp5', not 24$"):
        Multiply(signed(8), signed(24), vendor="ecp5")
    with pytest.raises(ValueError, match=r"^vendor must be one of generic, ecp5, xilinx, not 'intel'$"):
        Multiply(8, 8, "intel")
    with pytest.raises(ValueError, match=r"^a_shape must have at least 1 bit, not 0$"):
        Multiply(0, 8)
    with pytest.raises(TypeError, match=r"^b_shape must be shape-like, not 'x'$"):
        Multiply(8, "x")
