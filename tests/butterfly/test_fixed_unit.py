"""`FixedButterflyUnit`: both modes, scaled or not, against the golden stages."""

import itertools

import numpy as np
import pytest

from hw.arith import FIXED16
from hw.butterfly.fixed_unit import FixedButterflyUnit
from sim.golden.butterfly import FixedFormat
from sim.golden.butterfly.transform import bpmm_stage, fft_stage
from tests.butterfly.machines import tiny
from tests.streams import generator, run

FORM = FixedFormat()
CORNERS = (-32768, -32767, -16384, -8193, -1, 0, 1, 8192, 16384, 32767)


def golden(fft, scale, words, factors):
    """Words p' and q' of the golden model, of one butterfly, or of the two halves of a pair of words."""
    if fft:
        planes = tuple(words[:, part] for part in range(2))
        real, imaginary = fft_stage(planes, (factors[0][:1], factors[0][1:2]), 1, FORM, scale)
        return np.stack([real, imaginary], -1)
    return np.stack([bpmm_stage(words[:, half], factors[half].reshape(1, 2, 2), 1, FORM, scale)
                     for half in range(2)], -1)


def check(dut, steps):
    """Steps ``(fft, scale, words (2, 2), factors of each half)``, a cycle each, or two of a pair of real vectors.

    The unit is empty where the mode changes.
    """
    cycles = [(fft, half, scale, words, factors[half]) for fft, scale, words, factors in steps
              for half in range(1 if fft else 2)]
    results = []

    async def testbench(ctx):
        for mode, batch in itertools.groupby(cycles, key=lambda cycle: cycle[0]):
            batch = list(batch)
            ctx.set(dut.fft, mode)
            await ctx.tick()
            for number in range(len(batch) + dut.latency):
                if number < len(batch):
                    _, half, scale, words, factors = batch[number]
                    ctx.set(dut.half, half)
                    ctx.set(dut.scale, scale)
                    ctx.set(dut.p, [int(value) & 0xFFFF for value in words[0]])
                    ctx.set(dut.q, [int(value) & 0xFFFF for value in words[1]])
                    ctx.set(dut.coefficients, [int(value) & 0xFFFF for value in factors])
                if number >= dut.latency:
                    results.append([list(ctx.get(dut.o_p)), list(ctx.get(dut.o_q))])
                await ctx.tick()

    run(dut, testbench)
    wanted, saturated = [golden(*step) for step in steps], 0
    place = -1
    for step, values in zip(steps, wanted, strict=True):
        place += 1 if step[0] else 2
        got = np.array(results[place], dtype=np.uint16).view(np.int16)
        np.testing.assert_array_equal(got, values, err_msg=str(step))
        saturated += int(np.isin(values, (-32768, 32767)).any())
    return saturated


@pytest.mark.parametrize("fft", [1, 0])
def test_random(fft):
    draw = np.random.default_rng(generator().getrandbits(32))
    steps = [(fft, int(draw.integers(2)), draw.integers(-32768, 32768, (2, 2)) >> draw.integers(0, 5),
              draw.integers(-32768, 32768, (2, 4)) >> draw.integers(0, 5)) for _ in range(600)]
    assert 0 < check(FixedButterflyUnit(tiny(arithmetic="fixed16")), steps) < 600


@pytest.mark.parametrize("fft", [1, 0])
def test_corners(fft):
    """All corners of the operands of a product, with each corner of what it is added to."""
    draw, steps = np.random.default_rng(generator().getrandbits(32)), []
    for a, b, scale in itertools.product(CORNERS, CORNERS, range(2)):
        for extreme in (-32768, 32767):
            others = draw.choice(CORNERS, (2, 2)), draw.choice(CORNERS, (2, 4))
            others[0][1, :], others[1][:, 0] = (a, extreme), b
            others[0][0, 0] = extreme
            steps.append((fft, scale, *others))
    assert check(FixedButterflyUnit(tiny(arithmetic="fixed16")), steps) > len(steps) // 4


def test_modes_and_scaling_follow_one_another():
    draw = np.random.default_rng(generator().getrandbits(32))
    steps = [(int(draw.integers(2)), int(draw.integers(2)), draw.integers(-32768, 32768, (2, 2)),
              draw.integers(-32768, 32768, (2, 4))) for _ in range(300)]
    check(FixedButterflyUnit(tiny(arithmetic="fixed16")), steps)


def test_transforms_only():
    draw = np.random.default_rng(generator().getrandbits(32))
    steps = [(1, int(draw.integers(2)), draw.choice(CORNERS, (2, 2)), draw.choice(CORNERS, (2, 4)))
             for _ in range(300)]
    check(FixedButterflyUnit(tiny(arithmetic="fixed16", bpmm=False)), steps)


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0, 0.70710678, -2.0, 1.9999999, 3.5, -7.0, 2.5 / 16384, 3.5 / 16384])
def test_coefficients_as_the_golden_model_rounds_them(value):
    assert FIXED16.encoded(value) == int(FORM.encode_coefficients(value)) & 0xFFFF
