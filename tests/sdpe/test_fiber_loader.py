"""`FiberLoader` on a memory that answers late and not in every cycle: windows of all fibers, in order."""

import pytest

from hw.sdpe.fiber_loader import FiberLoader
from hw.sdpe.tensor_memory import read_latency
from tests.sdpe.machines import small
from tests.streams import generator, run, send


@pytest.mark.parametrize("window, row_entries", [(1, 1), (1, 4), (2, 4), (2, 2), (4, 8), (4, 4)])
@pytest.mark.parametrize("fibers", [1, 4])
@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_windows_of_ranges(window, row_entries, fibers, stall):
    p, rng, base = small(window=window, row_entries=row_entries), generator(), 3
    dut, latency = FiberLoader(p, fibers, base, 5), read_latency(p)
    entries = [(rng.getrandbits(8), rng.getrandbits(16)) for _ in range(300)]
    rows = [entries[first:first + row_entries] for first in range(0, len(entries) + row_entries, row_entries)]
    ranges, wanted = [], []
    for number in range(40):
        while True:
            start = rng.randrange(260)
            ends = [start]
            for _ in range(fibers):
                ends.append(ends[-1] + rng.choice((0, 0, 1, 2, 9)))
            if ends[-1] > start:
                break
        times = rng.choice((1, 1, 3))
        ranges.append({"start": start, "ends": ends[1:], "times": times, "tag": number % 32})
        kept = [place for place in range(fibers) if ends[place] != ends[place + 1]]
        for _ in range(times):
            for place in kept:
                low, high = ends[place:place + 2]
                for group in range(low // window, (high - 1) // window + 1):
                    inside = [n for n in range(window) if low <= group * window + n < high]
                    wanted.append((
                        [entries[group * window + n] for n in inside], sum(1 << n for n in inside),
                        entries[group * window + inside[-1]][0], (group + 1) * window >= high,
                        group == low // window, place, place == kept[0], place == kept[-1], number % 32))
    found = []

    async def source(ctx):
        await send(ctx, dut.i, ranges, stall, rng)

    async def memory(ctx):
        line = [None] * latency
        while True:
            granted = rng.random() >= stall
            ctx.set(dut.granted, granted)
            row = ctx.get(dut.row) - base if granted and ctx.get(dut.request) else None
            await ctx.tick()
            line = [row, *line[:-1]]
            # What was asked for `latency` cycles ago is there in this one.
            due = line[latency - 1]
            ctx.set(dut.arrived, due is not None)
            if due is not None:
                ctx.set(dut.arrived_row, [{"index": index, "value": value} for index, value in rows[due]])

    async def windows(ctx):
        cycles = 0
        while len(found) < len(wanted):
            ctx.set(dut.room, rng.random() >= stall)
            await ctx.tick()
            if ctx.get(dut.valid):
                window_ = dut.window
                present = ctx.get(window_.present)
                found.append((
                    [(ctx.get(window_.entries[n].index), ctx.get(window_.entries[n].value)) for n in range(window)
                     if present >> n & 1], present, ctx.get(window_.highest), bool(ctx.get(window_.last)),
                    bool(ctx.get(dut.first)), ctx.get(dut.number), bool(ctx.get(dut.first_of_range)),
                    bool(ctx.get(dut.last_of_range)), ctx.get(dut.tag)))
            cycles += 1
            assert cycles < 20_000
        for _ in range(20):
            await ctx.tick()
            assert not ctx.get(dut.valid)
        assert not ctx.get(dut.busy)

    run(dut, source, windows, background=[memory])
    assert found == wanted
