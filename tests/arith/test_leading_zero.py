import numpy as np
import pytest
from amaranth.back import verilog

from hw.arith import LeadingZeroCount8, LeadingZeroEncoder, LogCode
from sim.golden import arith as golden
from tests.streams import run


def naive_leading_zeros(x, width):
    return width - int(x).bit_length()


def sweep(dut, inputs, outputs, latency=0):
    """Values of `outputs` for each value of `dut.i`, as an array of one column an output."""
    rows = []

    async def testbench(ctx):
        for value in inputs:
            ctx.set(dut.i, int(value))
            await ctx.delay(1e-9)
            for _ in range(latency):
                await ctx.tick()
            rows.append([ctx.get(output) for output in outputs])

    run(dut, testbench)
    return np.array(rows).T


def test_count8_exhaustive():
    dut = LeadingZeroCount8()
    count, zero = sweep(dut, range(256), [dut.count, dut.zero])
    expected_count, expected_zero = golden.leading_zero_count8(np.arange(256))
    assert np.array_equal(count, expected_count)
    assert np.array_equal(zero, expected_zero)


def test_encoder_exhaustive():
    dut = LeadingZeroEncoder()
    x = np.arange(65536)
    outputs = [field for part in (dut.high, dut.low, dut.wide) for field in (part.count, part.zero)]
    results = sweep(dut, x, outputs, latency=dut.latency)
    expected = golden.leading_zero_encoder(x)
    for n, name in enumerate(("high", "low", "wide")):
        assert np.array_equal(results[2 * n], expected[name][0]), name
        assert np.array_equal(results[2 * n + 1], expected[name][1]), name


def test_models_exhaustive():
    for x in range(1, 256):
        assert golden.leading_zero_count8(x) == (naive_leading_zeros(x, 8), False)
    x = np.arange(65536)
    count, zero = golden.leading_zero_encoder(x)["wide"]
    assert count.tolist() == [min(naive_leading_zeros(value, 16), 15) for value in x]
    assert zero.tolist() == [value == 0 for value in x]


@pytest.mark.parametrize("width", [8, 16])
def test_log_code_exhaustive(width):
    dut = LogCode(width)
    x = np.arange(-(1 << (width - 1)), 1 << (width - 1))
    exponent, sign, zero = sweep(dut, x, [dut.o.exponent, dut.o.sign, dut.o.zero], dut.latency)
    expected_exponent, expected_sign, expected_zero = golden.log_code(x, width)
    assert np.array_equal(exponent, expected_exponent)
    assert np.array_equal(sign, expected_sign)
    assert np.array_equal(zero, expected_zero)

    magnitude = np.minimum(np.abs(x), (1 << (width - 1)) - 1)
    with np.errstate(divide="ignore"):
        floor_log2 = np.floor(np.log2(magnitude))
    assert np.array_equal(exponent[~expected_zero], floor_log2[~expected_zero])
    assert exponent[~expected_zero].max() == width - 2
    assert exponent[expected_zero] == (1 << dut.exponent_width) - 1


def test_snaps_as_in_the_worked_example():
    # 24 x 6 of SOFA's figure 7(c): 6 becomes a shift by 2, so the product is 96.
    exponent, sign, zero = golden.log_code(6, 8)
    assert (24 << int(exponent), bool(sign), bool(zero)) == (96, False, False)


def test_converts():
    assert "module code" in verilog.convert(LogCode(16), name="code", emit_src=False)


@pytest.mark.parametrize("width", [7, 0, "8"])
def test_bad_width(width):
    with pytest.raises(ValueError, match=rf"^width must be 8 or 16, not {width!r}$"):
        LogCode(width)
