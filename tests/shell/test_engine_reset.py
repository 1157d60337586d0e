"""The stretched reset of an engine."""

import pytest

from hw.shell.engine_reset import RESET_CYCLES, EngineReset
from tests.streams import run


async def watch(ctx, dut, cycles):
    """`reset` and `alone` in each of the following cycles."""
    seen = []
    for _ in range(cycles):
        seen.append((ctx.get(dut.reset), ctx.get(dut.alone)))
        await ctx.tick()
    return seen


EXPECTED = [(1, 1)] * RESET_CYCLES + [(0, 1)] * RESET_CYCLES + [(0, 0)] * 4


def test_reset_of_the_design():
    dut = EngineReset()

    async def testbench(ctx):
        assert await watch(ctx, dut, len(EXPECTED)) == EXPECTED
    run(dut, testbench)


@pytest.mark.parametrize("moment", [0, 3, RESET_CYCLES, RESET_CYCLES + 1, 2 * RESET_CYCLES - 1, 40])
def test_request_at_any_moment(moment):
    """A request begins it all again, from the cycle after."""
    dut = EngineReset()

    async def testbench(ctx):
        await watch(ctx, dut, moment)
        ctx.set(dut.request, 1)
        before = ctx.get(dut.alone)
        assert before == (moment < 2 * RESET_CYCLES)
        await ctx.tick()
        ctx.set(dut.request, 0)
        assert await watch(ctx, dut, len(EXPECTED)) == EXPECTED
    run(dut, testbench)
