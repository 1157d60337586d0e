"""`IntegerSum` and `FloatSum`: sums of random matches, where they go, and how fast."""

import numpy as np
import pytest

from hw.sdpe.float_sum import FloatSum
from hw.sdpe.integer_sum import IntegerSum
from sim.golden.flaash import find_value_format
from tests.sdpe.machines import small
from tests.streams import collect, generator, run, send


def draw_jobs(rng, p, count):
    """Matches of dot products, in parts of at most a window, and what the sums are."""
    form, draw = find_value_format(p.values, p.accumulator), np.random.default_rng(rng.getrandbits(32))
    matches, sums = [], []
    for _ in range(count):
        terms = rng.choice((0, 0, 1, 3, 20))
        if form.is_float:
            a, b = (form.encode(draw.standard_normal(terms) * 2.0 ** draw.integers(-9, 9, terms)) for _ in "ab")
        else:
            half = 1 << (form.width - 1)
            a, b = (draw.integers(-half, half, terms).astype(form.dtype) for _ in "ab")
        total = form.finish(form.sums(form.products(a, b), np.zeros(terms, dtype=int), 1))[0][0]
        sums.append(int(total.view(np.uint32)) if form.is_float else int(total) & ((1 << p.accumulator) - 1))
        bits = [values.view(f"<u{form.dtype.itemsize}").tolist() for values in (a, b)]
        place = 0
        while True:
            hits = rng.randint(0 if place == terms else 1, (1 << p.window) - 1) if place < terms else 0
            part = {"hits": 0, "a": [0] * p.window, "b": [0] * p.window, "ends": 0}
            for n in range(p.window):
                if hits >> n & 1 and place < terms:
                    part["hits"] |= 1 << n
                    part["a"][n], part["b"][n] = bits[0][place], bits[1][place]
                    place += 1
            part["ends"] = int(place == terms and (part["hits"] == 0 or rng.random() < 0.5))
            matches.append(part)
            if part["ends"]:
                break
    return matches, sums


@pytest.mark.parametrize("values, accumulator", [("int8", 32), ("int16", 48), ("fp32", 32)])
@pytest.mark.parametrize("window", [1, 4])
@pytest.mark.parametrize("stall, drop_zeros", [(0.0, 0), (0.4, 0), (0.4, 1)])
def test_sums(values, accumulator, window, stall, drop_zeros):
    p, rng = small(values=values, accumulator=accumulator, window=window, bus_width=128), generator()
    dut = (FloatSum if p.is_float else IntegerSum)(p)
    matches, sums = draw_jobs(rng, p, 80)
    jobs = [{"destination": 1000 + number, "last": number % 3 == 2} for number in range(len(sums))]
    wanted = {1000 + number: total for number, total in enumerate(sums) if total or not drop_zeros}
    found, counts = [], {"finished": 0, "products": 0}

    async def of_matches(ctx):
        ctx.set(dut.drop_zeros, drop_zeros)
        await send(ctx, dut.i, matches, stall, rng)

    async def of_jobs(ctx):
        await send(ctx, dut.job, jobs)

    async def results(ctx):
        found.extend(await collect(ctx, dut.o, len(wanted), stall, rng))
        for _ in range(60):
            await ctx.tick()
        assert not ctx.get(dut.busy) and not ctx.get(dut.o.valid)

    async def watch(ctx):
        async for _, _, finished, product in ctx.tick().sample(dut.finished, dut.product):
            counts["finished"] += finished
            counts["products"] += product

    run(dut, of_matches, of_jobs, results, background=[watch])
    assert {item.destination: item.value for item in found} == wanted and len(found) == len(wanted)
    assert counts == {"finished": len(sums) // 3, "products": sum(bin(part["hits"]).count("1") for part in matches)}
