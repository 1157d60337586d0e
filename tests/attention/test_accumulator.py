"""Running sums, next to sums of Python integers."""

import pytest
from amaranth.hdl import signed

from hw.attention.accumulator import Accumulator
from tests.streams import generator, run


@pytest.mark.parametrize(("step", "most_steps", "places"), [(2, 7, 4), (1, 2, 3), (4, 3, 1), (3, 5, 8)])
def test_sums_of_interleaved_rows(step, most_steps, places):
    rng = generator()
    dut = Accumulator(signed(30), signed(16), places, step, most_steps)
    totals, results, before, jobs = [0] * places, {}, None, []
    for _ in range(400):
        if rng.random() < 0.2:
            jobs.append(None)
            before = None
            continue
        place = before if before is not None and rng.random() < 0.4 else rng.randrange(places)
        again, clear = place == before, rng.random() < 0.1
        # Total of an unfinished row is unknown at the start of each place.
        clear = clear or place not in results
        steps = rng.randint(0, most_steps) if clear or not again else 0
        addend, last = rng.randint(-32768, 32767), rng.random() < 0.15
        totals[place] = addend if clear else (totals[place] >> steps * step) + addend
        results.setdefault(place, None)
        if last:
            results[place] = totals[place]
        jobs.append(dict(place=place, clear=clear, steps=steps, last=last, again=again, addend=addend,
                         result=totals[place]))
        before = place

    async def testbench(ctx):
        shown = None
        for cycle in range(len(jobs) + dut.latency + 1):
            job = jobs[cycle] if cycle < len(jobs) else None
            ctx.set(dut.enable, job is not None)
            for name in ("place", "clear", "steps", "last", "again"):
                ctx.set(getattr(dut, name), int(job[name]) if job else 0)
            old = jobs[cycle - 2] if 2 <= cycle < len(jobs) + 2 else None
            ctx.set(dut.addend, old["addend"] if old else rng.randint(-32768, 32767))
            ended = jobs[cycle - dut.latency] if dut.latency <= cycle < len(jobs) + dut.latency else None
            ctx.set(dut.read, bool(ended and ended["last"]))
            ctx.set(dut.read_place, ended["place"] if ended else 0)
            _, _, result = await ctx.tick().sample(dut.result)
            if shown is not None:
                assert result == shown
            shown = ended["result"] if ended and ended["last"] else 0
    run(dut, testbench)
