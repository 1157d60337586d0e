import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.attention.group_walk import GroupWalk
from tests.attention.masks import MaskSource
from tests.sofa.heads import tiny
from tests.sofa.tasks import task_fields
from tests.sorter.selections import dense_selection, draw_selection
from tests.streams import collect, generator, run

#: Parameters whose slices have so many rows in a batch, and batches in a group.
SHAPES = {
    (1, 1): dict(rows=3, row_multipliers=8, columns=4, rows_per_sorter=1), (1, 2): dict(reuse_rows=1), (2, 1): dict(),
    (2, 2): dict(columns=4, reuse_rows=2), (4, 1): dict(columns=4), (1, 4): dict(columns=4, reuse_rows=1),
}


def batch_steps(parameters, selection, first):
    """Steps ``(key, rows, leads, lasts, empty)`` of the batch that begins with row `first`, from the definition."""
    p = parameters
    batch = selection.rows[first:first + p.batch_rows]
    empty = sum(1 << index for index, row in enumerate(batch) if not len(row.keys))
    steps = [(None, empty, 0, empty, 1)] if empty else []
    count = len(selection.members)
    for turn in range(count):
        for key in selection.members[(selection.origin(first) + turn) % count].tolist():
            rows = [index for index, row in enumerate(batch) if key in row.keys]
            if rows:
                steps.append((
                    key, sum(1 << index for index in rows),
                    sum(1 << index for index in rows if batch[index].lead[list(batch[index].keys).index(key)]),
                    sum(1 << index for index in rows if batch[index].keys[-1] == key), 0))
    return steps


def walk(parameters, heads, rng, index=0, stalls=(0.0, 0.0)):
    """Steps of slice `index` for heads ``(task, selection)``, and the cycles in which they are taken."""
    p = parameters
    dut = GroupWalk(p)
    steps, cycles, state = [], [], dict(taken=0, done=0)
    mine = [(selection, selection.groups()[index::p.slices]) for _, selection in heads]
    masks = MaskSource(dut, p, mine, rng, stalls[0])
    counts = [sum(len(batch_steps(p, selection, batch)) for first in firsts
                  for batch in range(first, min(first + p.trees, len(selection.rows)), p.batch_rows))
              for selection, firsts in mine]

    async def tasks(ctx):
        ctx.set(dut.index, index)
        for number, (task, _) in enumerate(heads):
            ctx.set(dut.task, task)
            ctx.set(dut.task_valid, 1)
            done = False
            while not done:
                _, _, done = await ctx.tick().sample(dut.done)
            # Not before all steps have been taken.
            assert state["taken"] == sum(counts[:number + 1])
            ctx.set(dut.task_valid, 0)
            for _ in range(rng.randrange(1, 4)):
                await ctx.tick()
        state["done"] = 1

    async def sink(ctx):
        steps.extend(await collect(ctx, dut.o, sum(counts), stalls[1], rng, cycles=cycles))
        while not state["done"]:
            _, _, extra = await ctx.tick().sample(dut.o.valid)
            assert not extra

    async def watch(ctx):
        async for _, _, taken in ctx.tick().sample(dut.o.valid & dut.o.ready):
            state["taken"] += taken

    run(dut, tasks, sink, masks.serve, background=[watch])
    assert masks.released == len(masks.groups)
    return steps, cycles


def check(parameters, heads, rng, index=0, stalls=(0.0, 0.0)):
    p = parameters
    steps, cycles = walk(p, heads, rng, index, stalls)
    got = iter(steps)
    slot = 0
    for _, selection in heads:
        for first in selection.groups()[index::p.slices]:
            existing = range(first, min(first + p.trees, len(selection.rows)))
            for start in existing[::p.batch_rows]:
                expected = batch_steps(p, selection, start)
                size = min(p.batch_rows, len(selection.rows) - start)
                lists = [[] for _ in range(size)]
                for number, wanted in enumerate(expected):
                    step = next(got)
                    key = None if step.empty else step.key
                    assert (key, step.rows, step.leads & step.rows, step.lasts, step.empty) == wanted
                    assert (step.batch, step.slot, step.final_row) == ((start - first) // p.batch_rows, slot, size - 1)
                    assert step.end == (number == len(expected) - 1 and start + p.batch_rows >= existing.stop)
                    for row in range(size):
                        if step.rows >> row & 1 and not step.empty:
                            lists[row].append((step.key, step.leads >> row & 1))
                # What the rows are given is what the golden model attends to, in its order.
                for row, pairs in enumerate(lists):
                    kept = selection.rows[start + row]
                    assert pairs == list(zip(kept.keys.tolist(), kept.lead.tolist(), strict=True))
                keys = [step[0] for step in expected if not step[4]]
                assert len(set(keys)) == len(keys)
            slot = (slot + 1) % p.query_groups
    return steps, cycles


def head(rng, selection):
    """A head and its selection; a dense one is walked in order, whatever the task says of interleaving."""
    spread = rng.getrandbits(1) if selection.rule["dense"] else selection.interleaved
    return task_fields(selection.parameters, queries=len(selection.rows), keys=selection.keys,
                       dense=selection.rule["dense"], interleaved=spread), selection


def drawn(rng, parameters, queries, **fixed):
    return head(rng, draw_selection(rng, parameters, queries, **fixed))


@settings(max_examples=20)
@given(shape=st.sampled_from(list(SHAPES)), changes=st.sampled_from([
    {}, dict(ensure=1), dict(tile=4, max_segment_keys=3), dict(tile=32, max_segment_keys=9),
    dict(tile=128, max_segment_keys=20)]), slices=st.sampled_from([1, 2]), seed=st.integers(0, 2**32 - 1),
    stalls=st.sampled_from([(0, 0), (0.5, 0), (0, 0.5), (0.3, 0.3)]))
def test_lists_each_key_once_with_the_rows_that_need_it(shape, changes, slices, seed, stalls):
    rng = generator(seed)
    shape = SHAPES[shape]
    p = tiny(**shape, **changes | (dict(rows=4 * slices) if "rows" not in shape else {}))
    heads = [drawn(rng, p, rng.randint(1, 2 * p.rows + 3)) for _ in range(rng.randint(1, 3))]
    for index in range(p.slices):
        check(p, heads, rng, index, stalls)


@pytest.mark.parametrize(("rows", "batches"), SHAPES)
def test_shapes(rows, batches):
    p = tiny(**SHAPES[rows, batches])
    assert (p.batch_rows, p.batches) == (rows, batches)


@pytest.mark.parametrize("stalls", [(0, 0), (0.3, 0.3)], ids=["flowing", "stalled"])
@pytest.mark.parametrize("queries", [1, 2, 3, 5, 6, 7, 8])
def test_rows_that_do_not_exist_are_not_listed(queries, stalls):
    rng = generator()
    p = tiny(columns=4, reuse_rows=2)
    check(p, [drawn(rng, p, queries), drawn(rng, p, queries)], rng, stalls=stalls)


@pytest.mark.parametrize("share", [0, 0.02])
def test_rows_without_keys_come_first_in_one_step(share):
    rng = generator()
    p = tiny(columns=4)
    _, selection = pair = drawn(rng, p, 11, keys=29, share=share, dense=False)
    steps, _ = check(p, [pair], rng)
    none = [not len(row.keys) for row in selection.rows]
    assert sum(step.empty for step in steps) == sum(any(none[first:first + 4]) for first in range(0, 11, 4))


def test_one_key_a_cycle():
    """Where all segments have keys, the segment changes without a gap."""
    rng = generator()
    p = tiny(columns=4)
    _, cycles = check(p, [head(rng, dense_selection(p, np.ones((4, 32), dtype=bool)))], rng)
    assert cycles == list(range(cycles[0], cycles[0] + 32))


def test_schedule_of_figure_15():
    """SOFA, Fig. 15: four queries on eight keys. Each key is loaded once, and each pair is issued once."""
    p = tiny(columns=4)
    sets = {0b1000: {5, 6}, 0b0010: {0, 1}, 0b1101: {4, 7}, 0b0111: {2, 3}}
    needed = {key: rows for rows, keys in sets.items() for key in keys}
    allowed = np.array([[needed[key] >> row & 1 for key in range(8)] for row in range(4)], dtype=bool)
    steps, _ = check(p, [head(generator(), dense_selection(p, allowed))], generator())
    assert len(steps) == 8
    assert {step.key: step.rows for step in steps} == needed
    assert sum(step.rows.bit_count() for step in steps) == allowed.sum() == 16
