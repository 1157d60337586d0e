import pytest

from hw.attention.softmax import Scale
from hw.attention.value_lane import ValueLane
from tests.sofa.heads import tiny
from tests.streams import PERIOD, generator, run


@pytest.mark.parametrize("changes", [{}, dict(rescale_step=1, reuse_rows=1), dict(max_head_dim=4, zclip=1, columns=4),
                                     dict(rescale_step=4, max_head_dim=20, columns=4, reuse_rows=2),
                                     dict(max_head_dim=4, reuse_rows=1)])
def test_matches_definition(changes):
    """Operands of any row and fold in any cycle, and any finished one read in any cycle."""
    rng = generator()
    p = tiny(**changes)
    dut = ValueLane(p)
    places = [(row, fold) for row in range(p.batch_rows) for fold in range(p.folds)]
    totals, results, steps = {}, dict.fromkeys(places, 0), []
    most = 1 << (p.zclip + p.probability_fraction)
    for _ in range(300):
        row, fold = place = rng.choice(places)
        step = dict(probability=rng.choice([0, 1, most, rng.randint(0, most)]), enable=rng.random() < 0.8,
                    value=rng.choice([-32768, -1, 32767, rng.randint(-32768, 32767)]),
                    scale=rng.choice(list(Scale)) if place in totals else Scale.CLEAR,
                    last=rng.random() < 0.2, row=row, fold=fold)
        if step["enable"]:
            total = 0
            if step["scale"] != Scale.CLEAR:
                steps_made = {Scale.KEEP: 0, Scale.ONE_STEP: 1, Scale.THREE_STEPS: 3}[step["scale"]]
                total = totals[place] >> (steps_made * p.rescale_step)
            totals[place] = total + (step["probability"] * step["value"] >> p.product_drop)
            if step["last"]:
                results[place] = totals[place]
        steps.append((step, dict(results)))

    async def testbench(ctx):
        for cycle in range(len(steps) + dut.latency - 1):
            if cycle < len(steps):
                for name, value in steps[cycle][0].items():
                    ctx.set(getattr(dut, name), value)
            await ctx.tick()
            if cycle >= dut.latency - 1:
                for row, fold in rng.sample(places, min(3, len(places))):
                    ctx.set(dut.read_row, row)
                    ctx.set(dut.read_fold, fold)
                    await ctx.delay(PERIOD / 100)
                    assert ctx.get(dut.result) == steps[cycle - dut.latency + 1][1][row, fold]

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
            ctx.set(dut.scale, Scale.KEEP if key else Scale.CLEAR)
            ctx.set(dut.last, key == p.max_keys - 1)
            await ctx.tick()
        ctx.set(dut.enable, 0)
        await ctx.tick().repeat(dut.latency)
        assert ctx.get(dut.result) == p.max_keys * (probability * -32768 >> p.product_drop)

    run(dut, testbench)
