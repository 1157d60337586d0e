"""`credits`: a queue that is filled after a delay never gets more than it holds, and is not left empty for long."""

import pytest
from amaranth.hdl import Module, Signal

from hw.stream.credits import credits
from tests.streams import generator, run


@pytest.mark.parametrize("depth, delay", [(4, 1), (8, 2), (16, 4)])
def test_no_more_than_there_are_places(depth, delay):
    m, rng = Module(), generator()
    room, wants, goes, came = Signal(init=1), Signal(), Signal(), Signal()
    leaves, gone, some = Signal(), Signal(), Signal()
    m.d.comb += goes.eq(wants & room)
    m.d.sync += came.eq(goes)
    m.d.comb += some.eq(credits(m, depth, room, came, (leaves, gone), "queue"))

    async def testbench(ctx):
        line, held, most, sent = [0] * delay, 0, 0, 0
        for cycle in range(2000):
            busy = cycle % 200 < 150
            takes = held > 0 and rng.random() < (0.3 if busy else 1)
            ctx.set(leaves, takes)
            # Of what arrives some does not come after all.
            arrives, drops = line[-1], line[-1] and rng.random() < 0.2
            ctx.set(gone, bool(drops))
            ctx.set(wants, busy)
            sets_out = ctx.get(goes)
            assert not (sum(line) + held) or cycle < 3 or ctx.get(some)
            line, held = [sets_out, *line[:-1]], held + bool(arrives) - bool(drops) - takes
            sent, most = sent + sets_out, max(most, held + sum(line))
            assert most <= depth
            await ctx.tick()
        assert held == sum(line) == 0 and not ctx.get(some) and sent > 200 and most > depth - 4

    run(m, testbench)
