import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.arith import bipartite_exp2
from hw.attention.softmax import Softmax
from sim.golden.arith import scaled_exp2
from tests.sofa.heads import tiny
from tests.streams import collect, generator, run


def keys_of(parameters, row, table):
    """What becomes of each key ``(score, key, lead, load)`` of a row: ``(probability, key, load, clear, steps, last)``.

    A row without keys has one key in its place, of probability 0.
    """
    p = parameters
    unit = p.rescale_step << p.log_fraction
    keys, events = [], dict(raised=0, positive=0, forced=0)
    maximum = None
    for place, (score, key, lead, load) in enumerate(row or [(0, 0, 0, 0)]):
        level = -(-score // unit)
        last, clear, steps = int(place == max(1, len(row)) - 1), 0, 0
        if maximum is None:
            maximum, clear = level, 1
        elif level > maximum and (lead or level - maximum > p.zclip // p.rescale_step):
            clear = int(level - maximum >= p.clear_steps)
            steps = 0 if clear else level - maximum
            maximum = level
            events["raised"] += 1
            events["forced"] += not lead
        probability, clipped, positive = scaled_exp2(score - maximum * unit, table, p.zclip,
                                                     p.probability_fraction)
        assert not clipped or score - maximum * unit == p.zclip << p.log_fraction
        events["positive"] += int(positive) if row else 0
        keys.append((int(probability) if row else 0, key, load, clear, steps, last))
    return keys, events


def check(parameters, rows, rng, stalls=(0, 0)):
    """Rows of ``(score, key, lead, load)``, a batch after the other, the keys of a batch's rows in any order."""
    p = parameters
    dut = Softmax(p)
    table = bipartite_exp2(p.log_fraction, max(p.probability_fraction + 2, p.log_fraction))
    items, expected, events = [], [], dict(raised=0, positive=0, forced=0)
    for first in range(0, len(rows), p.batch_rows):
        batch = rows[first:first + p.batch_rows]
        of_rows = []
        for row in batch:
            keys, happened = keys_of(p, row, table)
            of_rows.append(keys)
            for name in events:
                events[name] += happened[name]
        order = [number for number, keys in enumerate(of_rows) for _ in keys]
        rng.shuffle(order)
        taken = [0] * len(batch)
        for number in order:
            place, row = taken[number], batch[number]
            taken[number] += 1
            wrap = int(number == len(batch) - 1)
            item = dict(row=number, last=place == len(of_rows[number]) - 1, empty=not row, wrap=wrap)
            if row:
                score, key, lead, load = row[place]
                items.append(item | dict(score=score, key=key, lead=lead, load=load))
            else:
                items.append(item | dict(score=rng.randint(-999, 999), lead=rng.getrandbits(1)))
            again = int(number == (expected[-1][0] if expected else 0))
            key = of_rows[number][place]
            expected.append((number, wrap, again, int(again and key[4] > 0), *key))
    got, cycles, seen, state = [], [], dict.fromkeys(events, 0), dict(held=0)

    async def source(ctx):
        for item in items:
            while state["held"] == dut.depth or rng.random() < stalls[0]:
                await ctx.tick()
            ctx.set(dut.i, item)
            ctx.set(dut.i_valid, 1)
            state["held"] += 1
            await ctx.tick()
            ctx.set(dut.i_valid, 0)

    async def room(ctx):
        async for _, _, left in ctx.tick().sample(dut.taken):
            state["held"] -= left

    async def sink(ctx):
        got.extend(await collect(ctx, dut.o, len(expected), stalls[1], rng, cycles=cycles))
        for _ in range(20):
            _, _, extra = await ctx.tick().sample(dut.o.valid)
            assert not extra

    async def watch(ctx):
        async for _, _, *values in ctx.tick().sample(*(getattr(dut, name) for name in seen)):
            for name, value in zip(seen, values, strict=True):
                seen[name] += value

    run(dut, source, sink, background=[watch, room])
    assert [(item.row, item.wrap, item.again, item.shifts, item.probability, item.key, item.load, item.clear,
             0 if item.clear else item.steps, item.last) for item in got] == expected
    assert seen == events
    return [key[4:] for key in expected], seen, cycles


def random_row(parameters, rng, most=12):
    """Keys of a row, scores near to each other or far apart; some rows have none."""
    p = parameters
    limit = (1 << (p.log_width - 1)) - 1
    spread = rng.choice([limit, 6 << p.log_fraction, 1 << p.log_fraction])
    return [(rng.randint(-spread, spread), rng.randrange(p.max_keys), rng.getrandbits(1), rng.getrandbits(1))
            for _ in range(rng.choice([0, 1, rng.randint(1, most)]))]


#: Parameters whose batches have so many rows.
BATCHES = {1: dict(reuse_rows=1), 2: dict(), 4: dict(columns=4)}


@settings(max_examples=20)
@given(batch=st.sampled_from([1, 2, 4]), rescale_step=st.sampled_from([1, 2, 4]),
       zclip=st.sampled_from([1, 4, 5]), seed=st.integers(0, 2**32 - 1),
       stalls=st.sampled_from([(0, 0), (0.5, 0), (0, 0.6), (0.3, 0.3)]))
def test_matches_definition(batch, rescale_step, zclip, seed, stalls):
    rng = generator(seed)
    p = tiny(**BATCHES[batch], rescale_step=rescale_step, zclip=zclip)
    assert p.batch_rows == batch
    check(p, [random_row(p, rng) for _ in range(rng.randint(1, 14))], rng, stalls)


def test_positive_arguments_are_kept_up_to_zclip():
    p = tiny(zclip=4)
    one = 1 << p.log_fraction
    row = [(0, 1, 1, 0), (one, 2, 0, 0), (4 * one - 1, 3, 0, 0), (4 * one, 4, 0, 0), (-30 * one, 5, 0, 0)]
    steps, events, _ = check(p, [row], generator())
    assert events == dict(raised=0, positive=3, forced=0)
    fraction = p.probability_fraction
    assert [steps[place][0] for place in (0, 1, 3, 4)] == [1 << fraction, 2 << fraction, 16 << fraction, 0]


@pytest.mark.parametrize("lead", [0, 1])
def test_a_key_beyond_zclip_raises_the_maximum_also_if_it_does_not_lead(lead):
    p = tiny(zclip=4)
    one = 1 << p.log_fraction
    steps, events, _ = check(p, [[(0, 1, 1, 0), (4 * one + 1, 2, lead, 0), (6 * one, 3, 0, 0)]], generator())
    assert events == dict(raised=1, positive=0, forced=1 - lead)
    # Three steps of two octaves.
    assert [step[3:5] for step in steps] == [(1, 0), (0, 3), (0, 0)]
    assert steps[-1][0] == 1 << p.probability_fraction


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 60])
def test_a_raise_by_several_steps_takes_no_cycle_more(count):
    p = tiny()
    unit = p.rescale_step << p.log_fraction
    steps, events, cycles = check(p, [[(0, 1, 1, 0), (count * unit, 2, 1, 0), (0, 3, 0, 0)]], generator())
    assert steps[1][3:5] == ((0, count) if count < p.clear_steps else (1, 0))
    assert events["raised"] == 1
    assert cycles[-1] - cycles[0] == 2


def test_each_row_has_its_own_maximum():
    """The scores of a row are higher by far than those of the other one."""
    rng = generator()
    p = tiny()
    one = 1 << p.log_fraction
    rows = [[(sign * 100 * one, key, 1, 0) for key in range(9)] for sign in (1, -1)]
    _, events, _ = check(p, [*rows, [(-90 * one, 3, 0, 0)], [(7, 5, 0, 0)]], rng)
    assert events == dict(raised=0, positive=0, forced=0)


def test_one_key_a_cycle():
    p = tiny()
    rows = [[(-n, n, int(n < 2), 1) for n in range(10)] for _ in range(4)]
    _, _, cycles = check(p, rows, generator())
    assert cycles == list(range(Softmax.latency, Softmax.latency + 40))


@pytest.mark.parametrize("count", [1, 5])
def test_rows_without_keys(count):
    p = tiny()
    check(p, [[]] * count + [[(3, 1, 1, 0)]] + [[]], generator())
