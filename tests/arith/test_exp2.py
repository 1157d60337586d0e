import numpy as np
import pytest
from amaranth.back import verilog
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.arith import Exp2, ScaledExp2
from sim.golden import arith as golden
from tests.arith.pipelines import pipeline


@pytest.mark.parametrize("parameters", [(), (8, 12), (4, 6), (1, 2), (9, 12, 2**-9)])
def test_exp2_exhaustive(parameters):
    dut = Exp2(*parameters)
    f = np.arange(1 << dut.table.fraction_bits)
    results = pipeline(dut, [dut.i], [dut.o], [(value,) for value in f], dut.latency)
    assert np.array_equal([result for result, in results], golden.exp2(f, dut.table))


def check_scaled(dut, z, zclip, output_fraction):
    rows = pipeline(dut, [dut.i], [dut.o, dut.clipped, dut.positive], [(value,) for value in z], dut.latency)
    result, clipped, positive = (np.array(column) for column in zip(*rows, strict=True))
    expected = golden.scaled_exp2(z, dut.table, zclip, output_fraction)
    assert np.array_equal(result, expected[0])
    assert np.array_equal(clipped, expected[1])
    assert np.array_equal(positive, expected[2])


def dense(z_integer_bits, z_fraction_bits, count, rng):
    """Both ends, both sides of every whole number, and `count` random arguments between."""
    half = 1 << (z_integer_bits + z_fraction_bits - 1)
    whole = np.arange(-half, half, 1 << z_fraction_bits)
    edges = np.concatenate([whole, whole + 1, whole - 1, [-half, half - 1]])
    return np.clip(np.concatenate([edges, rng.integers(-half, half, count)]), -half, half - 1)


@pytest.mark.parametrize("parameters", [
    (6, 10, 4, 12), (5, 6, 0, 8), (2, 4, 1, 3), (1, 3, 0, 2), (4, 8, 7, 6), (5, 10, 3, 6),
])
def test_scaled_exp2_matches_model(parameters):
    z_integer_bits, z_fraction_bits, zclip, output_fraction = parameters
    dut = ScaledExp2(*parameters)
    z = dense(z_integer_bits, z_fraction_bits, 1500, np.random.default_rng(1))
    check_scaled(dut, z, zclip, output_fraction)


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_scaled_exp2_any_parameters(data):
    z_integer_bits = data.draw(st.integers(1, 8))
    output_fraction = data.draw(st.integers(1, 12))
    mantissa_bits = data.draw(st.integers(2, 14))
    z_fraction_bits = data.draw(st.integers(1, min(mantissa_bits, 8)))
    zclip = data.draw(st.integers(0, min(16, (1 << (z_integer_bits - 1)) - 1)))
    dut = ScaledExp2(z_integer_bits, z_fraction_bits, zclip, output_fraction, mantissa_bits)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    check_scaled(dut, dense(z_integer_bits, z_fraction_bits, 50, rng), zclip, output_fraction)


@pytest.mark.parametrize("zclip, output_fraction", [(0, 12), (4, 12), (7, 6)])
def test_scaled_exp2_error_exhaustive(zclip, output_fraction):
    dut = ScaledExp2(6, 10, zclip, output_fraction)
    assert "clipped" in verilog.convert(dut, emit_src=False)
    z = np.arange(-(1 << 15), 1 << 15)
    result, clipped, positive = golden.scaled_exp2(z, dut.table, zclip, output_fraction)
    result = result / 2.0**output_fraction
    real = z / 1024
    exact = 2.0**real

    assert np.array_equal(clipped, real >= zclip)
    assert np.array_equal(positive, real > 0)
    assert (result[clipped] == 2**zclip).all()
    # Some arguments meet the bound exactly; the rest is the rounding of this comparison.
    bound = 2.0**np.floor(real) * float(dut.error) + 2.0**-(output_fraction + 1) + 1e-12
    assert (np.abs(result - exact) <= bound)[~clipped].all()
    assert np.abs(result - exact)[real <= 0].max() <= 0.75 * 2.0**-output_fraction
    assert (result[real < -output_fraction - 2] == 0).all()
    whole = (z % 1024 == 0) & (real >= -output_fraction) & ~clipped
    assert np.array_equal(result[whole], exact[whole])


def test_latencies_are_stated():
    assert (Exp2.latency, ScaledExp2.latency) == (3, 6)


@pytest.mark.parametrize("dut", [lambda: Exp2(), lambda: ScaledExp2(6, 10, 4, 12)])
def test_converts_without_multiplier(dut):
    text = verilog.convert(dut(), name="exp2", emit_src=False)
    assert "module exp2" in text
    assert " * " not in text.replace("(* ", "")


def test_bad_parameters():
    with pytest.raises(ValueError, match=r"^fraction_bits must be in 1\.\.14, not 0$"):
        Exp2(0)
    with pytest.raises(TypeError, match=r"^output_bits must be an integer, not 14\.5$"):
        Exp2(10, 14.5)
    with pytest.raises(ValueError, match=r"^zclip must be in 0\.\.7, not 8$"):
        ScaledExp2(4, 8, 8, 12)
    with pytest.raises(ValueError, match=r"^z_integer_bits must be in 1\.\.16, not 17$"):
        ScaledExp2(17, 8, 8, 12)
    with pytest.raises(ValueError, match=r"^output_fraction must be in 1\.\.22, not 0$"):
        ScaledExp2(6, 8, 4, 0)
    with pytest.raises(ValueError, match=r"^mantissa_bits must be in 2\.\.24, not 1$"):
        ScaledExp2(6, 1, 4, 12, 1)
    with pytest.raises(ValueError, match=r"^z_fraction_bits must be in 1\.\.13, not 15$"):
        ScaledExp2(6, 15, 4, 12, 13)
