import pytest
from amaranth.utils import ceil_log2

from hw.attention.value_lane import ValueLane
from tests.sofa.heads import tiny
from tests.streams import generator, run


def taken(rng, parameters, places, count):
    """Steps of any place in any cycle, and the results that there are after each of them.

    The sum of the cycle before is not shifted.
    """
    p = parameters
    totals, results, steps = {}, dict.fromkeys(places, 0), []
    most, before = 1 << (p.zclip + p.probability_fraction), None
    for _ in range(count):
        place = rng.choice([before, *places]) if before is not None else rng.choice(places)
        enable, again = rng.random() < 0.8, place == before
        clear = rng.random() < 0.2 or place not in totals
        steps_now = rng.randrange(p.clear_steps) if rng.random() < 0.5 and (clear or not again) else 0
        step = dict(probability=rng.choice([0, 1, most, rng.randint(0, most)]),
                    value=rng.choice([-32768, -1, 32767, rng.randint(-32768, 32767)]),
                    enable=enable, clear=clear, steps=steps_now, again=again, last=rng.random() < 0.2, place=place)
        if enable:
            total = 0 if clear else totals[place] >> steps_now * p.rescale_step
            totals[place] = total + (step["probability"] * step["value"] >> p.product_drop)
            if step["last"]:
                results[place] = totals[place]
        before = place if enable else None
        steps.append((step, dict(results)))
    return steps


@pytest.mark.parametrize("changes", [{}, dict(rescale_step=1, reuse_rows=1), dict(max_head_dim=4, zclip=1, columns=4),
                                     dict(rescale_step=4, max_head_dim=20, columns=4, reuse_rows=2),
                                     dict(max_head_dim=4, reuse_rows=1)])
def test_matches_definition(changes):
    """Operands of any place in any cycle, and any finished one read in any cycle."""
    rng = generator()
    p = tiny(**changes)
    dut = ValueLane(p)
    places = range(p.batch_rows << ceil_log2(p.folds))
    steps = taken(rng, p, places, 300)

    async def testbench(ctx):
        reading, read = 0, 0
        for cycle in range(len(steps) + dut.latency + 1):
            operands, control = (steps[number][0] if 0 <= number < len(steps) else dict(steps[0][0], enable=0)
                                 for number in (cycle, cycle - dut.control_delay))
            for name in ("probability", "value"):
                ctx.set(getattr(dut, name), operands[name])
            for name in ("enable", "place", "clear", "steps", "last", "again"):
                ctx.set(getattr(dut, name), control[name])
            if cycle > dut.latency:
                # Read in the cycle before.
                assert ctx.get(dut.result) == (steps[cycle - dut.latency - 1][1][reading] if read else 0)
            reading, read = rng.choice(places), rng.random() < 0.9
            ctx.set(dut.read_place, reading)
            ctx.set(dut.read, read)
            await ctx.tick()

    run(dut, testbench)


def test_a_row_of_the_largest_products_does_not_overflow():
    p = tiny(zclip=1)
    dut = ValueLane(p)
    probability = 1 << (p.zclip + p.probability_fraction)

    async def testbench(ctx):
        ctx.set(dut.probability, probability)
        ctx.set(dut.value, -32768)
        await ctx.tick().repeat(dut.control_delay)
        ctx.set(dut.enable, 1)
        for key in range(p.max_keys):
            ctx.set(dut.clear, key == 0)
            ctx.set(dut.last, key == p.max_keys - 1)
            ctx.set(dut.again, key > 0)
            await ctx.tick()
        ctx.set(dut.enable, 0)
        ctx.set(dut.read, 1)
        await ctx.tick().repeat(dut.latency + 1)
        assert ctx.get(dut.result) == p.max_keys * (probability * -32768 >> p.product_drop)

    run(dut, testbench)
