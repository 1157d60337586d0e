"""`Merge` over the steps of the golden intersection by the rule of rows."""

import pytest

from hw.sdpe.merge import Merge
from sim.golden.flaash import intersect
from tests.sdpe.machines import small
from tests.streams import generator, run


def heads(indices, window):
    """Highest index and last mark of each window of a fiber that begins with a whole one."""
    groups = [indices[first:first + window] for first in range(0, len(indices), window)]
    return [(group[-1], number == len(groups) - 1) for number, group in enumerate(groups)]


@pytest.mark.parametrize("window", [1, 2, 4])
@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_steps(window, stall):
    p, rng = small(window=window), generator()
    dut, ring = Merge(p), 2 * p.buffer_windows
    jobs = []
    for _ in range(60):
        fibers = [sorted(rng.sample(range(200), rng.randint(1, 9 * window))) for _ in "ab"]
        jobs.append((fibers, [rng.randrange(ring) for _ in "ab"]))

    async def testbench(ctx):
        for (a, b), (start_a, start_b) in jobs:
            sides = {"a": (heads(a, window), start_a), "b": (heads(b, window), start_b)}
            wanted, places = [], {"a": 0, "b": 0}
            for step in intersect(a, b, window, "rows"):
                wanted.append(dict(places))
                places["a"] += step.taken_a > 0
                places["b"] += step.taken_b > 0
            for side, (_, start) in sides.items():
                ctx.set(getattr(dut, f"start_{side}"), start)
                ctx.set(getattr(dut, f"written_{side}"), (start + 1) % ring)
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            written, seen, cycles = {"a": 1, "b": 1}, [], 0
            while ctx.get(dut.busy):
                for side, (windows, start) in sides.items():
                    if written[side] < len(windows) and rng.random() >= stall:
                        written[side] += 1
                    ctx.set(getattr(dut, f"written_{side}"), (start + written[side]) % ring)
                    place = (ctx.get(getattr(dut, f"ahead_{side}")) - start) % ring
                    if place < len(windows):
                        highest, last = windows[place]
                        ctx.set(getattr(dut, f"came_{side}"), {"highest": highest, "last": last})
                ctx.set(dut.run, rng.random() >= stall)
                if ctx.get(dut.compares):
                    seen.append({side: (ctx.get(getattr(dut, f"place_{side}")) - start) % ring
                                 for side, (_, start) in sides.items()})
                    assert ctx.get(dut.ends) == (len(seen) == len(wanted))
                cycles += 1
                assert cycles < 1000
                await ctx.tick()
            assert seen == wanted
            if not stall:
                assert cycles == 1 + len(wanted)

    run(dut, testbench)
