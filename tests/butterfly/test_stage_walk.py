"""`StageWalk`: which elements the banks show in each step, against the definition of a butterfly."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.butterfly.stage_walk import StageWalk
from tests.butterfly.machines import tiny
from tests.streams import run

LATENCY = 9


def walk(p, shape, groups):
    """Steps of `groups` groups and the cycle of each."""
    dut, steps = StageWalk(p, LATENCY), []

    async def testbench(ctx):
        ctx.set(dut.shape, shape | {"worked": shape["stages"]})
        ctx.set(dut.share.count, shape["stages"])
        await ctx.tick().repeat(4)
        started = cycle = 0
        while len(steps) < groups * (shape["last_row"] + 1) * shape["stages"] * (1 if shape["fft"] else 2):
            start = started < groups and ctx.get(dut.ready)
            ctx.set(dut.start, start)
            started += start
            _, _, valid, step = await ctx.tick().sample(dut.valid, dut.step)
            if valid:
                steps.append((cycle, {name: getattr(step, name) for name in (
                    "low", "high", "rotation", "pairing", "half", "twiddle", "coefficients")}
                    | {"places": list(step.places)}))
            cycle += 1
            assert cycle < 50_000

    run(dut, testbench)
    return steps


def element(bank, row, banks):
    """Number of the element in a bank's row."""
    return row * banks + (bank - row.bit_count()) % banks


def pairs(step, lanes):
    """Elements that the units take: first and second, unit by unit."""
    banks = 2 * lanes
    shown = []
    for bank in range(banks):
        odd = (step["rotation"] ^ bank) & 1
        shown.append(element(bank, step["high"] if odd else step["low"], banks))
    ordered = [shown[(place + step["rotation"]) % banks] for place in range(banks)]
    exponent = step["pairing"]
    below = (1 << exponent) - 1
    first = [((unit & ~below) << 1) | (unit & below) for unit in range(lanes)]
    return [(ordered[place], ordered[place | 1 << exponent]) for place in first]


def check(p, points, vectors, fft, groups=2):
    rows = vectors * points // p.banks
    shape = dict(fft=fft, stages=points.bit_length() - 1, last_row=rows - 1, vector_rows=max(0, points // p.banks - 1))
    steps = walk(p, shape, groups)
    halves = 1 if fft else 2
    number, written, place = 0, {}, 0
    for _ in range(groups):
        place = 0
        for stage in range(shape["stages"]):
            stride, seen = points >> (stage + 1), set()
            for _ in range(rows):
                for half in range(halves):
                    cycle, step = steps[number]
                    number += 1
                    assert step["half"] == half
                    for unit, (a, b) in enumerate(pairs(step, p.lanes)):
                        assert b == a + stride and a % (2 * stride) < stride
                        if half == halves - 1:
                            seen |= {a, b}
                        # What is read was written before, and a side is not read again before it is written.
                        for index in (a, b):
                            if stage and half == 0:
                                assert cycle > written[index] + LATENCY
                        block = a % points // (2 * stride)
                        if fft:
                            got = (step["twiddle"] * p.lanes + step["places"][unit]) if p.lane_bits else step["twiddle"]
                            assert got == block
                    if half == halves - 1:
                        for pair in pairs(step, p.lanes):
                            written |= dict.fromkeys(pair, cycle)
                    if not fft:
                        assert step["coefficients"] == place + (len(seen) // p.banks - (half == halves - 1)) % max(
                            1, points // p.banks)
            assert seen == set(range(rows * p.banks))
            place += max(1, points // p.banks)
    return [cycle for cycle, _ in steps]


@pytest.mark.parametrize("fft", [1, 0])
@pytest.mark.parametrize("lanes", [1, 2, 4, 8])
@pytest.mark.parametrize("points", [2, 4, 8, 16, 32, 128])
def test_pairs_of_each_stage(lanes, points, fft):
    p = tiny(lanes=lanes, bus_width=32, max_points=128, resident_points=256)
    check(p, points, max(1, p.banks // points) * 3 if points < 128 else 2, fft)


@settings(max_examples=12, deadline=None)
@given(lanes=st.sampled_from([1, 2, 4]), exponent=st.integers(1, 6), vectors=st.integers(1, 5), fft=st.booleans())
def test_any_group(lanes, exponent, vectors, fft):
    p = tiny(lanes=lanes, max_points=64, resident_points=512)
    points = 1 << exponent
    check(p, points, vectors * max(1, p.banks // points), int(fft))


@pytest.mark.parametrize("fft, rows", [(1, 32), (0, 16)])
def test_no_gap_when_a_group_is_large_enough(fft, rows):
    p = tiny(max_points=64, resident_points=128)
    cycles = check(p, 64, rows // 16, fft, groups=3)
    assert cycles == list(range(cycles[0], cycles[0] + len(cycles)))
