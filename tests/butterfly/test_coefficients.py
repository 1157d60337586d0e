"""Coefficients for every step: rows as they were written, and twiddles of transforms of every length."""

import numpy as np
import pytest

from hw.butterfly.coefficients import Coefficients, twiddle
from sim.golden.butterfly import bit_reversed, find_format
from tests.butterfly.machines import tiny
from tests.streams import generator, run


@pytest.mark.parametrize("bits", [0, 1, 4, 9])
def test_twiddles_are_roots_of_unity(bits):
    for block in range(1 << bits):
        turns = bit_reversed(1 << bits)[block] / (2 << bits)
        assert np.allclose(complex(*twiddle(block)), np.exp(-2j * np.pi * turns), rtol=0, atol=1e-15)


def test_right_angles_are_exact():
    assert [twiddle(block) for block in (0, 1)] == [(1.0, 0.0), (0.0, -1.0)]


@pytest.mark.parametrize("arithmetic", ["fp16", "fixed16"])
@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_words_of_steps(lanes, arithmetic):
    rng = generator()
    p = tiny(lanes=lanes, arithmetic=arithmetic)
    dut, form = Coefficients(p), find_format(arithmetic)
    rows = [[[rng.getrandbits(16) for _ in range(4)] for _ in range(lanes)]
            for _ in range(p.coefficient_rows_of(0))]
    steps = [{"fft": rng.random() < .5, "row": rng.randrange(len(rows)), "twiddle": rng.randrange(16 // lanes),
              "places": [rng.randrange(lanes) for _ in range(lanes)]} for _ in range(100)]

    def expected(step):
        if not step["fft"]:
            return rows[step["row"]]
        values = [twiddle(step["twiddle"] * lanes + place) for place in step["places"]]
        encoded = form.encode_coefficients(np.array(values))
        return (encoded & 0xffff if arithmetic == "fixed16" else encoded.view(np.uint16)).tolist()

    async def testbench(ctx):
        ctx.set(dut.write_enable, 1)
        for address, row in enumerate(rows):
            ctx.set(dut.write_address, address)
            ctx.set(dut.write_data, row)
            await ctx.tick()
        ctx.set(dut.write_enable, 0)
        # The mode is not to change within a task: all steps of one mode, then of the other.
        for mode in (False, True):
            mine = [step for step in steps if step["fft"] == mode]
            ctx.set(dut.fft, mode)
            for number in range(len(mine) + dut.latency - 1):
                step = mine[min(number, len(mine) - 1)]
                ctx.set(dut.step.coefficients, step["row"])
                ctx.set(dut.step.twiddle, step["twiddle"])
                for unit, place in enumerate(step["places"]):
                    ctx.set(dut.step.places[unit], place)
                await ctx.tick()
                if number + 1 >= dut.latency:
                    given, wanted = ctx.get(dut.o), expected(mine[number + 1 - dut.latency])
                    for unit in range(lanes):
                        assert [given[unit][part] for part in range(len(wanted[unit]))] == wanted[unit]

    run(dut, testbench)
