"""`JobGenerator` against the golden enumeration of jobs."""

import numpy as np
import pytest

from hw.sdpe.job_generator import JobGenerator
from hw.sdpe.pointer_memory import PointerMemory
from sim.golden.flaash import FiberTensor, enumerate_jobs
from sim.host.flaash.task import fiber_pieces, portion_length
from tests.sdpe.machines import small
from tests.streams import generator, run


@pytest.mark.parametrize("bundle, portions, fibers", [(4, 1, (5, 11)), (8, 3, (3, 5)), (1, 2, (2, 3)), (4, 1, (1, 1)),
                                                      (2, 1, (31, 4)), (8, 1, (1, 100))])
@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_all_pairs_with_entries_in_order(bundle, portions, fibers, stall):
    p, rng = small(bundle=bundle), generator()
    draw = np.random.default_rng(rng.getrandbits(32))
    a, b = (FiberTensor.from_dense(draw.random((count, 7)) < 0.15) for count in fibers)
    dut, depth = JobGenerator(p), PointerMemory.latency
    rows, parts = {}, {}
    for side, tensor in (("a", a), ("b", b)):
        pointers = fiber_pieces(tensor, portions)[0].tolist()
        parts[side] = pointers
        padded = pointers + [0] * bundle
        rows[side] = [{"start": padded[first], "ends": padded[first + 1:first + 1 + bundle]}
                      for first in range(0, len(pointers) - 1, bundle)]
    bundles = []

    async def memories(ctx):
        asked = {side: [0] * (depth + 1) for side in "ab"}
        async for _ in ctx.tick():
            for side in "ab":
                asked[side] = [ctx.get(getattr(dut, f"row_{side}")), *asked[side][:depth]]
                row = asked[side][depth]
                if row < len(rows[side]):
                    ctx.set(getattr(dut, f"data_{side}"), rows[side][row])

    async def testbench(ctx):
        for name, value in (("fibers_a", a.fibers), ("fibers_b", b.fibers), ("portions", portions),
                            ("jobs", a.fibers * b.fibers), ("begin", 1)):
            ctx.set(getattr(dut, name), value)
        await ctx.tick()
        ctx.set(dut.begin, 0)
        quiet = 0
        while quiet < 20:
            ready = rng.random() >= stall
            ctx.set(dut.o.ready, ready)
            if ctx.get(dut.o.valid) and ready:
                payload = dut.o.payload
                names = ("a_start", "a_end", "a_number", "b_start", "destination")
                bundles.append({name: ctx.get(payload[name]) for name in names}
                               | {"b_ends": list(ctx.get(payload.b_ends))})
            quiet = 0 if ctx.get(dut.busy) else quiet + 1
            await ctx.tick()

    run(dut, testbench, background=[memories])
    found = []
    for each in bundles:
        start = each["b_start"]
        for number, end in enumerate(each["b_ends"]):
            if end != start:
                found.append((each["destination"] + number & 0xFFFFFFFF, each["a_start"], each["a_end"], start, end))
            start = end
    pairs, wanted = a.fibers * b.fibers, []
    for portion in range(portions):
        for place in range(pairs):
            at = [portion * count + number for count, number in zip(fibers, divmod(place, b.fibers), strict=True)]
            bounds = [parts[side][n + edge] for side, n in zip("ab", at, strict=True) for edge in (0, 1)]
            if bounds[0] != bounds[1] and bounds[2] != bounds[3]:
                wanted.append((portion * pairs + place, *bounds))
    assert found == wanted
    jobs = enumerate_jobs(a, b, portion_length(7, portions))
    assert len(found) == len(jobs) - int(jobs.empty.sum())
