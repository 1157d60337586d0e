"""`counter`: values and the flag of the last one, advanced and restarted at random."""

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.stream.counter import counter
from tests.streams import generator, run


class Counter(wiring.Component):
    last: In(4)
    advance: In(1)
    restart: In(1)
    value: Out(4)
    at_last: Out(1)

    def __init__(self, last=None):
        self._last = last
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        last = self.last if self._last is None else self._last
        value, at_last = counter(m, last, self.advance, self.restart, "number")
        m.d.comb += [self.value.eq(value), self.at_last.eq(at_last)]
        return m


@pytest.mark.parametrize("last", [None, 0, 1, 2, 7, 12, 15])
def test_counts_to_the_last_and_again(last):
    rng, dut = generator(), Counter(last)

    async def testbench(ctx):
        if last is not None:
            # Without a restart.
            ctx.set(dut.advance, 1)
            for number in range(40):
                assert (ctx.get(dut.value), ctx.get(dut.at_last)) == (number % (last + 1), number % (last + 1) == last)
                await ctx.tick()
        for _ in range(20):
            final = rng.randrange(16) if last is None else last
            ctx.set(dut.last, final)
            ctx.set(dut.restart, 0)
            ctx.set(dut.advance, 0)
            await ctx.tick()
            # Whatever else is said in this cycle.
            ctx.set(dut.restart, 1)
            ctx.set(dut.advance, rng.getrandbits(1))
            await ctx.tick()
            ctx.set(dut.restart, 0)
            number, share = 0, rng.choice((0.3, 1))
            for _ in range(60):
                assert (ctx.get(dut.value), ctx.get(dut.at_last)) == (number, number == final)
                advance = rng.random() < share
                ctx.set(dut.advance, advance)
                await ctx.tick()
                number = (number + advance) % (final + 1)

    run(dut, testbench)
