"""Serial products and quotients, exhaustively at 3 bits and at random at 13."""

import itertools

import pytest

from hw.arith.serial import SerialDivide, SerialMultiply
from tests.streams import generator, run


def operands(width, rng):
    if width == 3:
        return list(itertools.product(range(8), repeat=2))
    corners = (0, 1, (1 << width) - 1)
    drawn = [(rng.getrandbits(width), rng.getrandbits(width)) for _ in range(40)]
    return [*itertools.product(corners, repeat=2), *drawn]


@pytest.mark.parametrize("width", [1, 3, 13])
@pytest.mark.parametrize("component", [SerialMultiply, SerialDivide])
def test_all_results_and_the_latency(component, width):
    dut, pairs = component(width), operands(width, generator()) if width > 1 else [(0, 0), (1, 1), (1, 0), (0, 1)]

    async def testbench(ctx):
        for a, b in pairs:
            ctx.set(dut.a, a)
            ctx.set(dut.b, b)
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            for _ in range(width):
                assert ctx.get(dut.busy)
                await ctx.tick()
            assert not ctx.get(dut.busy)
            if component is SerialMultiply:
                assert ctx.get(dut.p) == a * b
            elif b:
                assert (ctx.get(dut.quotient), ctx.get(dut.remainder)) == divmod(a, b)
            else:
                assert ctx.get(dut.quotient) == (1 << width) - 1

    run(dut, testbench)
