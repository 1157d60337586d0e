from fractions import Fraction

import pytest
from amaranth.back import verilog
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.arith import Reciprocal
from sim.golden import arith as golden
from tests.streams import generator, transfer


def check(dut, values, stalls=(0, 0), rng=None):
    received, sent_cycles, received_cycles = transfer(dut, dut.i, dut.o, values, stalls=stalls, rng=rng)
    expected = golden.reciprocal(values, dut.output_bits)
    assert [(o.reciprocal, o.exponent, bool(o.zero)) for o in received] == [
        (int(r), int(e), bool(z)) for r, e, z in zip(*expected, strict=True)]
    return sent_cycles, received_cycles


@pytest.mark.parametrize("output_bits", [1, 3, 8, 17, 30])
def test_model_is_exact(output_bits):
    values = [*range(1, 600), 2**20 - 1, 2**20, 2**20 + 1, 2**31 - 1]
    for value, r, e, zero in zip(values, *golden.reciprocal(values, output_bits), strict=True):
        exact = Fraction(2**(output_bits + int(e)), value)
        assert not zero
        assert 2**int(e) <= value < 2**(int(e) + 1)
        assert abs(int(r) - exact) < Fraction(1, 2) or exact == int(r)
        assert 2**(output_bits - 1) <= r <= 2**output_bits
    assert [int(part[0]) for part in golden.reciprocal([0], output_bits)] == [0, 0, 1]


@pytest.mark.parametrize("bits_per_cycle", [1, 2, 4])
def test_exhaustive_small(bits_per_cycle):
    for output_bits in (4, 5, 6, 7):
        check(Reciprocal(5, output_bits, bits_per_cycle), range(32))


@pytest.mark.parametrize("bits_per_cycle", [1, 2, 4])
def test_dense(bits_per_cycle):
    rng = generator()
    values = [0, 1, 2, 3, 2**24 - 1, 2**23, 2**23 + 1, 2**23 - 1]
    values += [rng.getrandbits(rng.randrange(1, 25)) for _ in range(60)]
    check(Reciprocal(24, bits_per_cycle=bits_per_cycle), values)


@settings(max_examples=15, deadline=None)
@given(width=st.integers(1, 40), output_bits=st.integers(1, 24), bits_per_cycle=st.sampled_from([1, 2, 4]),
       seed=st.integers(0, 2**32 - 1))
def test_any_parameters_with_stalls(width, output_bits, bits_per_cycle, seed):
    rng = generator(seed)
    values = [0, 1, (1 << width) - 1, 1 << (width - 1)] + [rng.getrandbits(width) for _ in range(6)]
    stalls = (rng.random() * 0.8, rng.random() * 0.9)
    check(Reciprocal(width, output_bits, bits_per_cycle), values, stalls, rng)


@pytest.mark.parametrize("bits_per_cycle, latency, period", [(1, 26, 20), (2, 17, 11), (4, 13, 7)])
def test_latency_and_period(bits_per_cycle, latency, period):
    dut = Reciprocal(24, 17, bits_per_cycle)
    assert (dut.latency, dut.period) == (latency, period)
    # One argument is normalised, and waits, while the one before is divided.
    sent, received = check(dut, [5, 0, 7, 9])
    assert sent == [0, *(places + n * period for n, places in enumerate([5 + 2] * 3))]
    assert received == [latency + n * period for n in range(4)]


def test_converts():
    assert "module reciprocal" in verilog.convert(Reciprocal(24), name="reciprocal", emit_src=False)


def test_bad_parameters():
    with pytest.raises(ValueError, match=r"^width must be in 1\.\.64, not 0$"):
        Reciprocal(0)
    with pytest.raises(TypeError, match=r"^output_bits must be an integer, not None$"):
        Reciprocal(8, None)
    with pytest.raises(ValueError, match=r"^bits_per_cycle must be 1, 2 or 4, not 3$"):
        Reciprocal(8, 8, 3)
