"""Places for two groups, next to a number that is counted."""

import pytest
from amaranth.hdl import Module, Signal

from hw.butterfly.group_places import group_places
from tests.streams import generator, run


@pytest.mark.parametrize("rows, row_places, at_once", [(1, 1, 1), (1, 4, 4), (3, 1, 1), (8, 2, 1), (8, 2, 2)])
def test_random_walk(rows, row_places, at_once):
    rng, most = generator(), 2 * 8 * row_places
    m, last_row, restart, goes, left = Module(), Signal(3), Signal(), Signal(), Signal(range(5))
    some = group_places(m, last_row, row_places, most, restart, left, goes)

    async def testbench(ctx):
        first = free = 2 * rows * row_places
        seen = set()
        ctx.set(last_row, rows - 1)
        for cycle in range(600):
            begins = cycle % 150 == 0
            free = first if begins else free
            # The places run out, then come back.
            takes_often, come_often = (.9, .05) if cycle % 150 < 60 else (.3, .5)
            takes = not begins and free > 0 and rng.random() < takes_often
            gone = at_once if not begins and free + at_once <= first and rng.random() < come_often / at_once else 0
            ctx.set(restart, begins)
            ctx.set(goes, takes)
            ctx.set(left, gone)
            await ctx.tick()
            free += gone - takes
            seen.add(free > 0)
            assert ctx.get(some) == (free > 0)
        assert seen == {False, True}

    run(m, testbench)
