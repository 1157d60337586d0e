"""`rotated` for every amount, both ways."""

import pytest
from amaranth.hdl import Module, Signal

from hw.stream.rotate import rotated
from tests.streams import run


@pytest.mark.parametrize("count", [1, 2, 8])
@pytest.mark.parametrize("back", [False, True])
def test_places(count, back):
    m, amount = Module(), Signal(max(1, (count - 1).bit_length()))
    inputs, outputs = ([Signal(4, name=f"{name}{n}") for n in range(count)] for name in ("in", "out"))
    m.d.comb += [output.eq(value) for output, value in zip(outputs, rotated(inputs, amount, back), strict=True)]

    async def testbench(ctx):
        for n, value in enumerate(inputs):
            ctx.set(value, n)
        for by in range(count):
            ctx.set(amount, by)
            await ctx.delay(1e-9)
            assert [ctx.get(value) for value in outputs] == [(n + (-by if back else by)) % count for n in range(count)]

    run(m, testbench)
