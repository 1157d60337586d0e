# amaranth: UnusedElaboratable=no
import pytest
from amaranth.utils import bits_for
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.predictor.shift_tree import ShiftTree
from tests.streams import generator, run


def sums(dut, rows):
    """What the tree gives for rows of ``(keys, codes)``, a code being ``(sign, 0 or 1 + shift)``, one a cycle."""
    got = []

    async def testbench(ctx):
        for cycle in range(len(rows) + dut.latency):
            if cycle < len(rows):
                keys, codes = rows[cycle]
                ctx.set(dut.keys, keys)
                ctx.set(dut.codes, [{"sign": sign, "shift": max(level - 1, 0), "nonzero": level > 0}
                                    for sign, level in codes])
            _, _, total, carry = await ctx.tick().sample(dut.o, dut.carry)
            if cycle >= dut.latency:
                got.append(total + carry)

    run(dut, testbench)
    return got


def expected(keys, codes):
    return sum(((-1) ** sign * key << (level - 1)) if level else 0
               for key, (sign, level) in zip(keys, codes, strict=True))


def width_for(lanes, key_width, levels):
    return 1 + bits_for(lanes << (key_width + levels - 2))


@settings(max_examples=25)
@given(log_lanes=st.integers(0, 4), key_width=st.integers(2, 8), levels=st.integers(1, 6),
       adder_levels=st.integers(1, 4), seed=st.integers(0, 2**32 - 1))
def test_matches_definition(log_lanes, key_width, levels, adder_levels, seed):
    rng = generator(seed)
    lanes, half = 1 << log_lanes, 1 << (key_width - 1)
    dut = ShiftTree(lanes, key_width, levels, width_for(lanes, key_width, levels), adder_levels)
    rows = [([rng.randint(-half, half - 1) for _ in range(lanes)],
             [(rng.getrandbits(1), rng.randint(0, levels)) for _ in range(lanes)]) for _ in range(12)]
    rows += [([key] * lanes, [(sign, level)] * lanes)
             for key in (-half, half - 1) for sign in (0, 1) for level in (0, levels)]
    assert sums(dut, rows) == [expected(*row) for row in rows]


def test_a_code_of_zero_is_nothing_whatever_its_sign():
    dut = ShiftTree(2, 4, 3, 8)
    assert sums(dut, [([-8, 7], [(1, 0), (1, 0)]), ([-8, 7], [(1, 1), (1, 0)])]) == [0, 8]


@pytest.mark.parametrize(("lanes", "adder_levels", "latency"), [
    (1, 1, 1), (2, 1, 2), (16, 1, 5), (1, 2, 1), (2, 2, 2), (16, 2, 3), (8, 2, 3), (16, 3, 3)])
def test_latency_is_stated(lanes, adder_levels, latency):
    assert ShiftTree(lanes, 4, 3, 12, adder_levels).latency == latency


