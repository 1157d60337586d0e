"""`Match` on random windows, against a search for equal indices."""

import pytest

from hw.sdpe.match import Match
from tests.sdpe.machines import small
from tests.streams import generator, run


@pytest.mark.parametrize("window", [1, 2, 4])
def test_pairs_in_ascending_order(window):
    p, rng = small(window=window), generator()
    dut, steps = Match(p), []
    for _ in range(200):
        sides = []
        for _ in "ab":
            first = rng.randrange(window)
            indices = sorted(rng.sample(range(2 * window + 1), window))
            present = [first <= n < rng.randint(first + 1, window) for n in range(window)]
            sides.append(([{"index": index, "value": rng.getrandbits(16)} for index in indices], present))
        steps.append((sides, rng.random() < 0.8, rng.random() < 0.3))
    seen = []

    async def testbench(ctx):
        for step in range(len(steps) + dut.latency):
            if step < len(steps):
                (a, b), valid, ends = steps[step]
                for side, (entries, present) in (("a", a), ("b", b)):
                    ctx.set(getattr(dut, side), entries)
                    ctx.set(getattr(dut, f"present_{side}"), sum(here << n for n, here in enumerate(present)))
                ctx.set(dut.valid, valid)
                ctx.set(dut.ends, ends)
            if step >= dut.latency:
                hits = ctx.get(dut.o.hits)
                pairs = [(ctx.get(dut.o.a[n]), ctx.get(dut.o.b[n])) for n in range(window) if hits >> n & 1]
                seen.append((ctx.get(dut.o_valid), pairs if ctx.get(dut.o_valid) else [], ctx.get(dut.o.ends)))
            await ctx.tick()

    run(dut, testbench)
    for ((a, b), valid, ends), (o_valid, pairs, o_ends) in zip(steps, seen, strict=True):
        wanted = [(x["value"], y["value"]) for x, here in zip(*a, strict=True) for y, there in zip(*b, strict=True)
                  if here and there and x["index"] == y["index"]] if valid else []
        ending = valid and ends
        assert (o_valid, pairs, o_ends) == (bool(wanted) or ending, wanted, ending)
