import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.attention.attention import Attention
from sim.golden.attention import attend, exact_scores
from tests.attention.masks import MaskSource
from tests.sofa.heads import tiny
from tests.sofa.tasks import task_fields
from tests.sorter.selections import dense_selection, draw_selection
from tests.streams import collect, generator, run, send


def check(parameters, selection, rng, *, largest=32768, stall=0.0, heads=1):
    """Load random vectors and attend to what the rows of a selection keep, in several equal heads.

    Returns
    -------
    array
        Cycles in which a fold of a key is issued.
    """
    p = parameters
    draw = np.random.default_rng(rng.getrandbits(32))
    queries, keys = len(selection.rows), selection.keys
    half = rng.getrandbits(1) if 2 * keys <= p.max_keys else 0
    head_dim, value_dim, shift = rng.randint(1, p.max_head_dim), rng.randint(1, p.max_head_dim), rng.randint(12, 18)
    vectors = {"query": draw.integers(-largest, largest, (queries, head_dim)),
               "key": draw.integers(-largest, largest, (keys, head_dim)),
               "value": draw.integers(-32768, 32768, (keys, value_dim))}
    rows = selection.rows
    scores, saturated = exact_scores(vectors["query"], vectors["key"], shift, p)
    expected, events, _ = attend(scores, vectors["value"], rows, p)
    folds = -(-max(head_dim, value_dim) // p.lanes)
    batches = [set().union(*(row.keys.tolist() for row in rows[first:first + p.batch_rows]))
               for first in range(0, queries, p.batch_rows)]
    events |= dict(
        saturated=sum(int(saturated[row, kept.keys].sum()) for row, kept in enumerate(rows)),
        multiplying=folds * sum(len(row.keys) for row in rows), loaded=sum(len(batch) for batch in batches),
        group_done=len(selection.groups()))

    dut = Attention(p)
    beats = -(-value_dim // p.elements_per_beat)
    names = dict(raised="max_raise", positive="z_pos", forced="z_clip") | {
        name: name for name in ("saturated", "multiplying", "loaded", "group_done")}
    got, loaded, seen, busy = [], [], dict.fromkeys(names, 0), []
    masks = MaskSource(dut, p, [(selection, selection.groups())] * heads, rng, stall)

    async def load(ctx):
        for kind, array in vectors.items():
            width = p.folds * p.lanes if kind == "query" else array.shape[1] + -array.shape[1] % p.elements_per_beat
            padded = np.zeros((len(array), width), dtype=int)
            padded[:, :array.shape[1]] = array
            for head, (number, vector) in itertools.product(range(heads if kind == "query" else 1), enumerate(padded)):
                slot, tree = divmod(number, p.trees)
                ctx.set(dut.write_slot, head * len(selection.groups()) + slot)
                ctx.set(dut.write_tree, tree)
                ctx.set(dut.write_vector, number % p.max_keys | (half << (p.key_bits - 1)))
                for beat in range(-(-p.max_head_dim // p.elements_per_beat)):
                    elements = vector[beat * p.elements_per_beat:][:p.elements_per_beat].tolist()
                    if elements:
                        ctx.set(dut.write_beat, beat)
                        ctx.set(dut.write_data, elements)
                        ctx.set(getattr(dut, f"write_{kind}"), 1)
                        await ctx.tick()
                        ctx.set(getattr(dut, f"write_{kind}"), 0)
        loaded.append(True)
        await send(ctx, dut.task, [task_fields(
            p, queries=queries, keys=keys, head_dim=head_dim, value_dim=value_dim, half=half, score_shift=shift,
            interleaved=selection.interleaved, dense=selection.rule["dense"])] * heads)
        assert len(got) == heads * queries

    async def sink(ctx):
        while not loaded:
            await ctx.tick()
        for _ in range(heads * queries):
            row = await collect(ctx, dut.o, beats, stall, rng)
            got.append([value for beat in row for value in beat])
            ctx.set(dut.row_out, 1)
            await ctx.tick()
            ctx.set(dut.row_out, 0)

    async def watch(ctx):
        async for _, _, *values in ctx.tick().sample(*(getattr(dut, name) for name in names)):
            for name, value in zip(names, values, strict=True):
                seen[name] += value
            busy.append(values[list(names).index("multiplying")])

    run(dut, load, sink, masks.serve, background=[watch])
    padding = [0] * (beats * p.elements_per_beat - value_dim)
    assert got == [row + padding for row in expected.tolist()] * heads
    assert seen == {name: heads * events[source] for name, source in names.items()}
    return np.flatnonzero(busy)


@settings(max_examples=16)
@given(changes=st.sampled_from([{}, dict(ensure=1, rescale_step=1), dict(rescale_step=4, zclip=2), dict(columns=4),
                                dict(lanes=8, row_multipliers=4, max_head_dim=11), dict(max_head_dim=1),
                                dict(columns=4, reuse_rows=2, tile=4, max_segment_keys=3), dict(reuse_rows=1)]),
       stall=st.sampled_from([0, 0.4]), seed=st.integers(0, 2**32 - 1))
def test_matches_model(changes, stall, seed):
    rng = generator(seed)
    p = tiny(**changes)
    selection = draw_selection(rng, p, rng.randint(1, p.query_groups * p.trees))
    check(p, selection, rng, largest=rng.choice([32768, 9000]), stall=stall)


def test_rows_that_end_together():
    """Every row of a batch has the same keys, so that all results are there before the first one is divided."""
    rng = generator()
    p = tiny(columns=4)
    for keys in (1, 3):
        check(p, dense_selection(p, np.ones((8, keys), dtype=bool)), rng, stall=0.5)


def test_rows_that_end_in_the_other_order():
    """The first row of each batch has the most keys and ends last, but leaves first."""
    rng = generator()
    p = tiny(columns=4)
    allowed = np.array([[key < 30 >> 2 * (row % 4) for key in range(30)] for row in range(8)])
    check(p, dense_selection(p, allowed), rng)


@pytest.mark.parametrize("queries", [1, 2, 3, 5, 7])
def test_a_batch_that_is_not_full_at_the_end_of_a_head(queries):
    """The rows of the next head begin with the first one of a batch again."""
    rng = generator()
    p = tiny(columns=4, rows=8, row_multipliers=2, lanes=8, reuse_rows=rng.choice([2, 4]))
    check(p, draw_selection(rng, p, queries), rng, heads=2)


@pytest.mark.parametrize(("reuse_rows", "lost"), [(4, 1), (1, 8)])
def test_a_pair_a_cycle(reuse_rows, lost):
    """The start of a batch takes some cycles, in the shadow of the rows that share the keys before."""
    rng = generator()
    p = tiny(columns=4, reuse_rows=reuse_rows, max_head_dim=4)
    busy = check(p, dense_selection(p, np.ones((8, 32), dtype=bool)), rng, largest=300)
    assert len(busy) == 8 * 32
    assert busy[-1] - busy[0] < 8 * 32 + lost * 8 // reuse_rows
