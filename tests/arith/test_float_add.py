import numpy as np
import pytest
from amaranth.back import verilog
from hypothesis import given, settings
from hypothesis import strategies as st

from gen.synth import synth
from hw.arith import BF16, FP16, FP32, FloatAdd, FloatFormat
from sim.golden import arith as golden
from tests.arith.float_pairs import directed_pairs, every_pair, random_pairs, special_values
from tests.arith.pipelines import pipeline
from tests.streams import generator

FORMATS = pytest.mark.parametrize("form", [FP16, BF16, FP32], ids=["fp16", "bf16", "fp32"])


def numpy_generator():
    return np.random.default_rng(generator().getrandbits(32))


def expected(a, b, subtract, form):
    return np.where(subtract, golden.float_subtract(a, b, form), golden.float_add(a, b, form))


def check(run, a, b, subtract, form):
    o, _ = run(a, b, subtract)
    wrong = np.flatnonzero(o != expected(a, b, subtract, form))
    assert not len(wrong), [f"{a[n]:x} {'-' if subtract[n] else '+'} {b[n]:x} is not {o[n]:x}" for n in wrong[:5]]


def simulate(form, a, b, subtract):
    """Sums by Amaranth's simulator."""
    dut = FloatAdd(form)
    rows = pipeline(dut, [dut.a.as_value(), dut.b.as_value(), dut.subtract], [dut.o.as_value()],
                    list(zip(a, b, subtract, strict=True)), dut.latency)
    return [o for o, in rows]


@FORMATS
def test_all_pairs_of_special_values(form, compiled_floats):
    a, b = every_pair(special_values(form), special_values(form))
    for subtract in (0, 1):
        check(compiled_floats[form], a, b, np.full(len(a), subtract), form)


@pytest.mark.parametrize("form", [FP16, BF16], ids=["fp16", "bf16"])
def test_all_numbers_with_special_values(form, compiled_floats):
    numbers = np.arange(1 << 16, dtype=np.uint32)
    for value in special_values(form):
        other = np.full_like(numbers, value)
        check(compiled_floats[form], numbers, other, np.zeros(len(numbers)), form)
        check(compiled_floats[form], other, numbers, np.ones(len(numbers)), form)


@FORMATS
@pytest.mark.parametrize("make", [random_pairs, directed_pairs])
def test_many_pairs(form, make, compiled_floats):
    rng = numpy_generator()
    a, b = make(form, 200_000, rng)
    check(compiled_floats[form], a, b, rng.integers(0, 2, len(a)), form)


@pytest.mark.parametrize("form", [FloatFormat(2, 1), FloatFormat(3, 1), FloatFormat(2, 2)])
def test_exhaustive_small(form):
    a, b = every_pair(np.arange(1 << form.width), np.arange(1 << form.width))
    a, b, subtract = np.tile(a, 2), np.tile(b, 2), np.repeat([0, 1], len(a))
    assert np.array_equal(simulate(form, a, b, subtract), expected(a, b, subtract, form))


@settings(max_examples=12, deadline=None)
@given(exponent=st.integers(2, 8), mantissa=st.integers(1, 23), seed=st.integers(0, 2**32 - 1))
def test_any_format(exponent, mantissa, seed):
    form, rng = FloatFormat(exponent, mantissa), np.random.default_rng(seed)
    pairs = [make(form, 100, rng) for make in (random_pairs, directed_pairs)]
    a, b = (np.concatenate(side) for side in zip(*pairs, strict=True))
    subtract = rng.integers(0, 2, len(a))
    assert np.array_equal(simulate(form, a, b, subtract), expected(a, b, subtract, form))


def test_zeros_have_signs():
    plus, minus, one = 0, 0x8000, 0x3C00
    rows = [(one, one, 1), (one, one | 0x8000, 0), (minus, minus, 0), (plus, minus, 0), (minus, plus, 1),
            (minus, plus, 0)]
    assert simulate(FP16, *zip(*rows, strict=True)) == [plus, plus, minus, plus, minus, plus]


def test_latency():
    assert {FloatAdd(form).latency for form in (FP16, BF16, FP32)} == {7}


def test_area(tmp_path):
    """On ECP5, with carry chains; 254 look-up tables when this was written."""
    path = tmp_path / "float_add.v"
    path.write_text(verilog.convert(FloatAdd(FP16), name="float_add", emit_src=False))
    assert synth(path, "float_add")["luts"] <= 265
