"""Shares of the stages: the rule, and the hardware that follows it."""

import pytest

from hw.butterfly.stage_share import StageShare, share_of
from tests.butterfly.machines import tiny
from tests.streams import run

COLUMNS = range(1, 9)


@pytest.mark.parametrize("columns", COLUMNS)
def test_every_stage_once_and_neighbours_in_step(columns):
    for stages in range(1, 14):
        for group in range(2 * columns):
            shares = [share_of(group, column, columns, stages) for column in range(columns)]
            assert [stage for share in shares for stage in share] == list(range(stages))
            together = {len(share_of(group + ahead, columns - 1 - ahead, columns, stages)) for ahead in range(columns)}
            assert len(together) == 1


@pytest.mark.parametrize("column, columns", [(0, 2), (1, 2), (2, 3), (3, 5), (7, 8)])
def test_hardware(column, columns):
    p = tiny(columns=columns, max_points=256, resident_points=256)
    dut, seen = StageShare(p, column), {}

    async def testbench(ctx):
        for stages in range(1, p.max_stages + 1):
            ctx.set(dut.stages, stages)
            await ctx.tick().repeat(2)
            ctx.set(dut.restart, 1)
            await ctx.tick()
            ctx.set(dut.restart, 0)
            await ctx.tick().repeat(2)
            seen[stages] = ctx.get(dut.first), ctx.get(dut.last), []
            for _ in range(2 * columns):
                seen[stages][2].append((ctx.get(dut.share.first), ctx.get(dut.share.count), ctx.get(dut.none),
                                        ctx.get(dut.share.late)))
                ctx.set(dut.begun, 1)
                await ctx.tick()
                ctx.set(dut.begun, 0)
                await ctx.tick().repeat(2)

    run(dut, testbench)
    for stages, (first, last, groups) in seen.items():
        for group, (begin, count, none, late) in enumerate(groups):
            share = share_of(group, column, columns, stages)
            assert (count, none) == (len(share), not share)
            if share:
                assert begin == share.start == first + late and share.stop - 1 <= last
        assert p.coefficient_rows_of(column) >= (last + 1 - first) * (p.coefficient_rows // p.max_stages)
