import pytest

from hw.attention.value_lane import ValueLane
from tests.sofa.heads import tiny
from tests.streams import generator, run


@pytest.mark.parametrize("changes", [{}, dict(rescale_step=1), dict(rescale_step=4, max_head_dim=20),
                                     dict(max_head_dim=4, zclip=1)])
def test_matches_definition(changes):
    rng = generator()
    p = tiny(**changes)
    dut = ValueLane(p)
    totals, results, steps = [0] * p.folds, [0] * p.folds, []
    most = 1 << (p.zclip + p.probability_fraction)
    for _ in range(200):
        step = dict(probability=rng.choice([0, 1, most, rng.randint(0, most)]), enable=rng.random() < 0.8,
                    value=rng.choice([-32768, -1, 32767, rng.randint(-32768, 32767)]),
                    rescale=rng.random() < 0.3, last=rng.random() < 0.2, fold=rng.randrange(p.folds))
        if step["enable"]:
            total = totals[step["fold"]]
            if step["rescale"]:
                total >>= p.rescale_step
            total += step["probability"] * step["value"] >> p.product_drop
            if step["last"]:
                results[step["fold"]], totals[step["fold"]] = total, 0
            else:
                totals[step["fold"]] = total
        steps.append((step, list(results)))

    async def testbench(ctx):
        for cycle in range(len(steps) + dut.latency - 1):
            if cycle < len(steps):
                for name, value in steps[cycle][0].items():
                    ctx.set(getattr(dut, name), value)
            await ctx.tick()
            if cycle >= dut.latency - 1:
                assert list(ctx.get(dut.result)) == steps[cycle - dut.latency + 1][1]

    run(dut, testbench)


def test_a_row_of_the_largest_products_does_not_overflow():
    p = tiny(zclip=1)
    dut = ValueLane(p)
    probability = 1 << (p.zclip + p.probability_fraction)

    async def testbench(ctx):
        ctx.set(dut.probability, probability)
        ctx.set(dut.value, -32768)
        ctx.set(dut.enable, 1)
        for key in range(p.max_keys):
            ctx.set(dut.last, key == p.max_keys - 1)
            await ctx.tick()
        ctx.set(dut.enable, 0)
        await ctx.tick().repeat(dut.latency)
        assert ctx.get(dut.result[0]) == p.max_keys * (probability * -32768 >> p.product_drop)

    run(dut, testbench)
