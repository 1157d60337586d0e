import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.arith import bipartite_exp2
from hw.attention.softmax import Softmax
from sim.golden.arith import scaled_exp2
from tests.sofa.heads import tiny
from tests.streams import collect, generator, run, send


def steps_of(parameters, row, table):
    """Steps ``(probability, key, rescale, last)`` of a row of ``(score, key, lead, pair)``, one by one."""
    p = parameters
    unit = p.rescale_step << p.log_fraction
    if not row:
        return [(0, None, 0, 1)], dict(raised=0, positive=0, clipped=0)
    steps, events = [], dict(raised=0, positive=0, clipped=0)
    maximum = None
    for place, (score, key, lead, pair) in enumerate(row):
        highest = max(score, row[place + 1][0]) if pair else score
        level = -(-highest // unit)
        rescale = 0
        if maximum is None:
            maximum = level
        elif lead and level > maximum:
            steps += [(0, key, 1, 0)] * (level - maximum - 1)
            maximum, rescale = level, 1
            events["raised"] += 1
        probability, clipped, positive = scaled_exp2(score - maximum * unit, table, p.zclip,
                                                     p.probability_fraction)
        events["clipped"] += int(clipped)
        events["positive"] += int(positive)
        steps.append((int(probability), key, rescale, int(place == len(row) - 1)))
    return steps, events


def check(parameters, rows, rng, stalls=(0, 0)):
    p = parameters
    dut = Softmax(p)
    table = bipartite_exp2(p.log_fraction, max(p.probability_fraction + 2, p.log_fraction))
    items = []
    for row in rows:
        items += [dict(score=score, key=key, lead=lead, pair=pair, last=place == len(row) - 1, empty=0)
                  for place, (score, key, lead, pair) in enumerate(row)]
        if not row:
            items.append(dict(score=rng.randint(-999, 999), lead=rng.getrandbits(1), last=1, empty=1))
    expected, events = [], dict(raised=0, positive=0, clipped=0)
    for row in rows:
        steps, happened = steps_of(p, row, table)
        expected += steps
        for name in events:
            events[name] += happened[name]
    got, cycles, seen = [], [], dict.fromkeys(events, 0)

    async def source(ctx):
        await send(ctx, dut.i, items, stalls[0], rng)

    async def sink(ctx):
        got.extend(await collect(ctx, dut.o, len(expected), stalls[1], rng, cycles=cycles))
        for _ in range(20):
            _, _, extra = await ctx.tick().sample(dut.o.valid)
            assert not extra

    async def watch(ctx):
        async for _, _, *values in ctx.tick().sample(*(getattr(dut, name) for name in seen)):
            for name, value in zip(seen, values, strict=True):
                seen[name] += value

    run(dut, source, sink, background=[watch])
    assert [(item.probability, item.key if wanted[1] is not None else None, item.rescale, item.last)
            for item, wanted in zip(got, expected, strict=True)] == expected
    assert seen == events
    return expected, seen, cycles


def random_row(parameters, rng):
    """Segments of keys as a list delivers them: the first `ensure` of each lead."""
    p = parameters
    limit = (1 << (p.log_width - 1)) - 1
    spread = rng.choice([limit, 6 << p.log_fraction, 1 << p.log_fraction])
    row = []
    for _ in range(rng.randint(0, 4)):
        size = rng.randint(1, 4)
        for rank in range(size):
            row.append((rng.randint(-spread, spread), rng.randrange(p.max_keys), int(rank < p.ensure),
                        int(rank == 0 and size > 1 and p.ensure > 1)))
    return row


@settings(max_examples=20)
@given(ensure=st.sampled_from([1, 2]), rescale_step=st.sampled_from([1, 2, 4]), zclip=st.sampled_from([1, 4, 5]),
       seed=st.integers(0, 2**32 - 1), stalls=st.sampled_from([(0, 0), (0.5, 0), (0, 0.6), (0.3, 0.3)]))
def test_matches_definition(ensure, rescale_step, zclip, seed, stalls):
    rng = generator(seed)
    p = tiny(ensure=ensure, rescale_step=rescale_step, zclip=zclip)
    check(p, [random_row(p, rng) for _ in range(12)], rng, stalls)


def test_positive_arguments_are_kept_and_clipped():
    p = tiny(zclip=4)
    one = 1 << p.log_fraction
    row = [(0, 1, 1, 0), (one, 2, 0, 0), (4 * one - 1, 3, 0, 0), (4 * one, 4, 0, 0), (9 * one, 5, 0, 0),
           (-30 * one, 6, 0, 0)]
    steps, events, _ = check(p, [row], generator())
    assert events == dict(raised=0, positive=4, clipped=2)
    fraction = p.probability_fraction
    assert [steps[place][0] for place in (0, 1, 3, 4, 5)] == [1 << fraction, 2 << fraction, 16 << fraction,
                                                              16 << fraction, 0]


def test_a_raise_by_several_steps_takes_a_cycle_each():
    p = tiny()
    unit = p.rescale_step << p.log_fraction
    steps, events, cycles = check(p, [[(0, 1, 1, 0), (5 * unit, 2, 1, 0), (0, 3, 0, 0)]], generator())
    assert [step[2] for step in steps] == [0, 1, 1, 1, 1, 1, 0]
    assert events["raised"] == 1
    assert cycles[-1] - cycles[0] == 6


def test_a_pair_raises_the_maximum_once():
    p = tiny(ensure=2)
    one = 1 << p.log_fraction
    row = [(-8 * one, 1, 1, 1), (8 * one, 2, 1, 0), (7 * one, 3, 0, 0)]
    steps, events, _ = check(p, [row], generator())
    assert events == dict(raised=0, positive=0, clipped=0)
    assert steps[1][0] == 1 << p.probability_fraction


def test_one_key_a_cycle():
    p = tiny()
    rows = [[(-n, n, int(n < 2), int(n == 0)) for n in range(10)] for _ in range(4)]
    _, _, cycles = check(p, rows, generator())
    assert cycles == list(range(cycles[0], cycles[0] + 40))


@pytest.mark.parametrize("count", [1, 5])
def test_rows_without_keys(count):
    p = tiny()
    check(p, [[]] * count + [[(3, 1, 1, 0)]] + [[]], generator())
