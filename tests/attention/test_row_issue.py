import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.attention.row_issue import RowIssue
from tests.sofa.heads import tiny
from tests.streams import generator, run, send

NAMES = ("key", "row", "lead", "last", "empty", "load", "wrap", "fold", "first_fold", "last_fold", "slot", "tree")


def random_step(parameters, rng):
    """A step of the walk: any rows of a batch, some of which lead or end."""
    p = parameters
    final_row, rows = rng.randrange(p.batch_rows), 0
    while not rows:
        rows = rng.getrandbits(final_row + 1)
    empty = int(rng.random() < 0.2)
    return dict(key=rng.randrange(p.max_keys), rows=rows, leads=rng.getrandbits(p.batch_rows), empty=empty,
                lasts=rows if empty else rows & rng.getrandbits(p.batch_rows), end=rng.getrandbits(1),
                final_row=final_row, batch=rng.randrange(p.batches), slot=rng.randrange(p.query_groups))


def issue(parameters, steps, last_fold, rng, stalls=(0.0, 0.0)):
    """Issue steps.

    Returns
    -------
    list of list of (tuple, set of str)
        For each cycle until the steps are taken, None or what was issued, and the events besides.
    """
    p = parameters
    dut = RowIssue(p)
    cycles, state = [], dict(issued=0)
    pairs = (last_fold + 1) * sum(step["rows"].bit_count() for step in steps)
    events = ("group_done", "row_done", "loaded")

    async def source(ctx):
        ctx.set(dut.last_fold, last_fold)
        await send(ctx, dut.i, steps, stalls[0], rng)

    async def watch(ctx):
        expects = offered = going_on = False
        while state["issued"] < pairs:
            assert len(cycles) < 20_000, "the steps do not end"
            credit = rng.random() >= stalls[1]
            ctx.set(dut.credit, credit)
            _, _, there, ready, valid, issued, starved, *happened = await ctx.tick().sample(
                dut.i.valid, dut.i.ready, dut.issued_valid, dut.issued, dut.starved,
                *(getattr(dut, name) for name in events))
            # Nothing waits but for a step, and its first fold for a credit.
            assert not valid or not starved
            assert valid == ((expects or going_on) and not starved)
            expects, offered, going_on = offered, credit, valid and issued.fold != last_fold
            state["issued"] += valid
            cycles.append((tuple(issued[name] for name in NAMES) if valid else None,
                           {name for name, event in zip(events, happened, strict=True) if event}))

    run(dut, source, watch)
    return cycles


def check(parameters, steps, last_fold, rng, stalls=(0.0, 0.0)):
    p = parameters
    cycles = issue(p, steps, last_fold, rng, stalls)
    assert all(issued is not None or not events for issued, events in cycles)
    expected = []
    for step in steps:
        rows = [row for row in range(p.batch_rows) if step["rows"] >> row & 1]
        for row in rows:
            lead, last = step["leads"] >> row & 1, step["lasts"] >> row & 1
            for fold in range(last_fold + 1):
                load, end = int(row == rows[0]), fold == last_fold
                events = {"loaded"} if load and fold == 0 and not step["empty"] else set()
                events |= {"row_done"} if last and end else set()
                events |= {"group_done"} if step["end"] and end and row == rows[-1] else set()
                expected.append(((step["key"], row, lead, last, step["empty"], load, int(row == step["final_row"]),
                                  fold, int(fold == 0), int(end), step["slot"],
                                  step["batch"] * p.batch_rows + row), events))
    assert [cycle for cycle in cycles if cycle[0] is not None] == expected
    return cycles


#: Parameters whose slices have so many rows in a batch, and batches in a group.
SHAPES = {
    (1, 1): dict(rows=3, row_multipliers=8, columns=4, rows_per_sorter=1), (2, 1): dict(),
    (2, 2): dict(columns=4, reuse_rows=2), (4, 1): dict(columns=4), (1, 4): dict(columns=4, reuse_rows=1),
    (16, 1): dict(columns=2, tree_lanes=2, rows=16, row_multipliers=2, lanes=16, reuse_rows=16, max_head_dim=40),
}


@settings(max_examples=20)
@given(shape=st.sampled_from(list(SHAPES)), seed=st.integers(0, 2**32 - 1),
       stalls=st.sampled_from([(0, 0), (0.5, 0), (0, 0.5), (0.3, 0.3)]))
def test_gives_each_row_of_a_step_its_folds(shape, seed, stalls):
    rng = generator(seed)
    p = tiny(**SHAPES[shape])
    assert (p.batch_rows, p.batches) == shape
    check(p, [random_step(p, rng) for _ in range(30)], rng.randrange(p.folds), rng, stalls)


@pytest.mark.parametrize("last_fold", [0, 1])
def test_one_fold_a_cycle(last_fold):
    """Steps that are there leave no gap, between rows or between keys."""
    rng = generator()
    p = tiny(columns=4)
    steps = [random_step(p, rng) for _ in range(20)]
    cycles = check(p, steps, last_fold, rng)
    pairs = (last_fold + 1) * sum(step["rows"].bit_count() for step in steps)
    assert [issued is not None for issued, _ in cycles] == [False] * (len(cycles) - pairs) + [True] * pairs


def test_a_key_is_loaded_once_for_all_rows():
    rng = generator()
    p = tiny(columns=4)
    step = dict(key=9, rows=0b1111, leads=0b0010, lasts=0b1000, empty=0, end=0, final_row=3, batch=0,
                slot=0)
    cycles = check(p, [step, step | dict(key=4, rows=0b0101, lasts=0b0101)], 0, rng)
    assert [(issued[NAMES.index("key")], issued[NAMES.index("load")]) for issued, _ in cycles if issued] == [
        (9, 1), (9, 0), (9, 0), (9, 0), (4, 1), (4, 0)]
