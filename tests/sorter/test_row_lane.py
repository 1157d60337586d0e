import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.sorter.row_lane import RowLane
from sim.golden.sorter import Candidates, select
from tests.sofa.heads import tiny
from tests.streams import collect, generator, run


def random_row(parameters, rng, *, levels=None, share=0.9, segment_keys=None):
    """A row's rule and its candidates, as the segments deliver them."""
    p = parameters
    segments = rng.randint(1, p.max_segments)
    segment_keys = rng.randint(0, p.max_segment_keys) if segment_keys is None else segment_keys
    extra = 0
    if segment_keys < p.max_segment_keys:
        extra = rng.randint(0 if segment_keys else 1, segments)
    top = levels or rng.choice([1, 3, (1 << p.score_width) - 1])
    keys, scores, owners, ranks = [], [], [], []
    for segment in range(segments):
        wanted = segment_keys + (segment < extra)
        places = 4 * -(-wanted // 4)
        found = sorted((rng.randint(1, top) for _ in range(wanted) if rng.random() < share), reverse=True)
        scores += found + [0] * (places - len(found))
        keys += [rng.randrange(p.max_keys) for _ in range(places)]
        owners += [segment] * places
        ranks += range(places)
    rule = dict(merge=rng.getrandbits(1), kept=rng.randint(1, p.max_keys), segment_keys=segment_keys,
                extra_segments=extra)
    return rule, Candidates(np.array([keys]), np.array([scores]), np.array(owners), np.array(ranks))


def dense_row(parameters, rng):
    p = parameters
    return None, sorted(rng.sample(range(p.max_keys), rng.randint(0, p.max_keys)))


def listed(parameters, rows, rng, stall=0.0, gap=0.0):
    """Feed rows as the sorter does, dense ones as the predictor does; return the lists."""
    p = parameters
    dut = RowLane(p)
    state = dict(reserved=0, fed=0)
    lists = []

    async def reserve(ctx):
        # A row is reserved before its candidates come, at best while those of the row before do.
        for number, (rule, _) in enumerate(rows):
            if rule is None:
                continue
            dense_before = max((place for place in range(number) if rows[place][0] is None), default=-1)
            while not ctx.get(dut.free) or state["fed"] <= dense_before:
                await ctx.tick()
            ctx.set(dut.rule, rule)
            ctx.set(dut.reserve, 1)
            await ctx.tick()
            ctx.set(dut.reserve, 0)
            state["reserved"] = number + 1

    async def feed(ctx):
        for number, (rule, content) in enumerate(rows):
            if rule is None:
                while not ctx.get(dut.idle):
                    await ctx.tick()
                for key in content:
                    while ctx.get(dut.dense_stall) or rng.random() < gap:
                        await ctx.tick()
                    ctx.set(dut.dense, key)
                    ctx.set(dut.dense_valid, 1)
                    await ctx.tick()
                    ctx.set(dut.dense_valid, 0)
                ctx.set(dut.dense_end, 1)
                await ctx.tick()
                ctx.set(dut.dense_end, 0)
            else:
                while state["reserved"] <= number:
                    await ctx.tick()
                scores, keys = content.scores[0], content.keys[0]
                for start in range(0, len(scores), 4):
                    while rng.random() < gap:
                        await ctx.tick()
                    ctx.set(dut.candidates, [{"score": int(score), "key": int(key)} for score, key in
                                             zip(scores[start:start + 4], keys[start:start + 4], strict=True)])
                    ctx.set(dut.candidates_valid, 1)
                    ctx.set(dut.first, bool(content.ranks[start] == 0))
                    end = start + 4 == len(scores) and rng.getrandbits(1)
                    ctx.set(dut.row_end, end)
                    await ctx.tick()
                    ctx.set(dut.candidates_valid, 0)
                    ctx.set(dut.row_end, 0)
                if not end:
                    ctx.set(dut.row_end, 1)
                    await ctx.tick()
                    ctx.set(dut.row_end, 0)
            state["fed"] = number + 1

    async def sink(ctx):
        for _ in rows:
            row = []
            while not row or not row[-1].last:
                row += await collect(ctx, dut.o, 1, stall, rng)
            lists.append(row)
        for _ in range(20):
            _, _, extra = await ctx.tick().sample(dut.o.valid)
            assert not extra
        assert ctx.get(dut.idle)

    run(dut, reserve, feed, sink)
    return lists


def check(parameters, rows, rng, **kwargs):
    p = parameters
    for (rule, content), got in zip(rows, listed(p, rows, rng, **kwargs), strict=True):
        if rule is None:
            wanted = [(key, 1, 0) for key in content]
        else:
            row, = select(content, rule["kept"], rule["merge"], p.ensure)
            wanted = list(zip(row.keys.tolist(), row.lead.tolist(), row.pair.tolist(), strict=True))
            if rule["merge"]:
                assert len(wanted) == min(rule["kept"], int((content.scores > 0).sum()))
        if not wanted:
            assert [(element.empty, element.last) for element in got] == [(1, 1)]
        else:
            assert [(element.key, element.lead, element.pair) for element in got] == wanted
            assert not any(element.empty for element in got)


@settings(max_examples=12)
@given(changes=st.sampled_from([
    {}, dict(ensure=1), dict(tile=4, max_segment_keys=3), dict(tile=32, max_segment_keys=9),
    dict(tile=128, max_segment_keys=20), dict(score_width=4), dict(score_width=8, max_segment_keys=1)]),
    rows=st.integers(1, 4), seed=st.integers(0, 2**32 - 1), stalls=st.sampled_from([(0, 0), (0.5, 0), (0, 0.5)]))
def test_lists_what_the_model_keeps(changes, rows, seed, stalls):
    rng = generator(seed)
    p = tiny(**changes)
    drawn = [dense_row(p, rng) if rng.random() < 0.2 else random_row(p, rng) for _ in range(rows)]
    check(p, drawn, rng, stall=stalls[0], gap=stalls[1])


@pytest.mark.parametrize("kept", [1, 2, 7, 31, 32])
def test_ties_at_the_threshold(kept):
    """All candidates are equal: the first ones in the order of the list remain."""
    rng = generator()
    p = tiny()
    rule, content = random_row(p, rng, levels=1, share=1)
    check(p, [(rule | dict(merge=1, kept=kept), content)] * 2, rng)


@pytest.mark.parametrize("merge", [0, 1])
def test_rows_without_candidates(merge):
    rng = generator()
    p = tiny()
    empty, some = random_row(p, rng, share=0), random_row(p, rng, share=1)
    check(p, [(row[0] | dict(merge=merge), row[1]) for row in (empty, some, empty, empty, some)], rng)


def test_extra_keys_make_segments_of_more_words():
    """Where a row's list begins decides which of its segments are the longer ones."""
    rng = generator()
    p = tiny(max_keys=64)
    for _ in range(2):
        check(p, [random_row(p, rng, segment_keys=4, share=1) for _ in range(12)], rng)


def test_dense_and_sparse_rows_take_turns():
    rng = generator()
    p = tiny()
    rows = [dense_row(p, rng), random_row(p, rng), dense_row(p, rng), dense_row(p, rng), random_row(p, rng),
            random_row(p, rng)]
    check(p, rows, rng, stall=0.3)
