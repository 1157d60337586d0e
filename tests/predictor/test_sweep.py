import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.predictor.sweep import Sweep
from hw.sorter.segment_sorter import segment_cycles
from sim.golden.sorter import segment_keys
from tests.sofa.heads import tiny
from tests.sofa.tasks import task_fields
from tests.streams import generator, run, send

DRAIN = 5


class Sorter:
    """When the sorter takes the segments: not before their last score, and not before it is through with the others."""

    def __init__(self, parameters):
        self.cycles, self.taken, self.free = segment_cycles(parameters), 0, 0

    def ends(self, cycle, wanted):
        self.taken = max(cycle + 1, self.free)
        self.free = self.taken + self.cycles(wanted)


def walk(parameters, tasks, rng, *, index=0, stall=0.0):
    """Slots, as ``(group, slot)``, of `tasks`."""
    p = parameters
    dut = Sweep(p, DRAIN)
    slots, groups, finished = [], [], []
    sorter, state = Sorter(p), dict(cycle=0, segment=0)

    async def source(ctx):
        ctx.set(dut.index, index)
        for task in tasks:
            await send(ctx, dut.task, [task])
        finished.append(True)

    async def loading(ctx):
        # Groups are loaded ahead, as many as there are slots for.
        loaded = 0
        total = sum(len(range(index, -(-task["queries"] // p.trees), p.slices)) for task in tasks)
        while loaded < total:
            give = loaded < len(groups) + p.query_groups and rng.random() >= stall
            ctx.set(dut.group_loaded, give)
            loaded += give
            await ctx.tick()
        ctx.set(dut.group_loaded, 0)

    async def sink(ctx):
        quiet, before = 0, (0, 0)
        while quiet < 3:
            free, idle = (rng.random() >= stall for _ in range(2))
            for signal, value in ((dut.free, free), (dut.idle, idle)):
                ctx.set(signal, value)
            _, _, valid, slot, start, active, taken, group_slot, group_row, present = await ctx.tick().sample(
                dut.slot_valid, dut.slot, dut.group_start, dut.active, dut.task.ready, dut.group_slot,
                dut.group_row, dut.present)
            if valid:
                groups[-1] = (group_slot, group_row, present)
                slots.append((len(groups) - 1, slot))
                if not active.dense:
                    if slot.position == 0 and slot.fold == 0:
                        assert state["cycle"] >= sorter.taken, "the score of a segment is in the way"
                    if slot.segment_end:
                        sorter.ends(state["cycle"],
                                    active.segment_keys + (state["segment"] < active.extra_segments))
                        state["segment"] = 0 if slot.row_end else state["segment"] + 1
            if start:
                # In the cycle of the last slot of the group before, at the earliest.
                assert before[0] and (before[1] or not active.dense)
                groups.append(None)
            before = free, idle
            if taken and not active.dense:
                assert state["cycle"] >= sorter.free
            state["cycle"] += 1
            quiet = quiet + 1 if finished else 0

    run(dut, source, loading, sink)
    return slots, groups


def expected(parameters, tasks, index):
    """Slots ``(group, key, fold, last, position, segment end, row end)`` and groups, from the definition."""
    p = parameters
    slots, groups = [], []
    for task in tasks:
        for number in range(index, -(-task["queries"] // p.trees), p.slices):
            row, dense = number * p.trees, task.get("dense", 0)
            present = sum(1 << tree for tree in range(p.trees) if row + tree < task["queries"])
            segments = segment_keys(task["keys"], p.tile, task.get("interleaved", 0) and not dense)
            group = len(groups)
            groups.append((group % p.query_groups, row, present))
            folds = 1 if dense else task["last_tree_fold"] + 1
            for place, members in enumerate(segments):
                for position, key in enumerate(members):
                    for fold in range(folds):
                        end = position == len(members) - 1 and fold == folds - 1
                        slots.append((group, key, fold, fold == folds - 1, position, end,
                                      end and place == len(segments) - 1))
    return slots, groups


def check(parameters, tasks, rng, index=0, stall=0.0):
    slots, groups = walk(parameters, tasks, rng, index=index, stall=stall)
    got = [(group, *(slot[name] for name in (
        "key", "fold", "last_fold", "position", "segment_end", "row_end"))) for group, slot in slots]
    wanted, wanted_groups = expected(parameters, tasks, index)
    assert got == wanted
    assert groups == wanted_groups


@pytest.mark.parametrize("fields", [dict(interleaved=1), dict(), dict(dense=1), dict(dense=1, interleaved=1)],
                         ids=["interleaved", "contiguous", "dense", "dense-interleaved"])
@pytest.mark.parametrize("keys", [1, 7, 8, 9, 16, 29, 32])
def test_order(fields, keys):
    p = tiny()
    check(p, [task_fields(p, queries=3, keys=keys, head_dim=6, **fields)], generator())


@settings(max_examples=8)
@given(slices=st.sampled_from([1, 2, 3]), tile=st.sampled_from([4, 8, 32, 128]), data=st.data())
def test_any_tasks(slices, tile, data):
    rng = generator(data.draw(st.integers(0, 2**32 - 1)))
    p = tiny(rows=4 * slices, tile=tile, max_segment_keys=4)
    tasks = [task_fields(p, queries=rng.randint(1, 13), keys=rng.randint(1, p.max_keys), head_dim=rng.randint(1, 6),
                         dense=rng.getrandbits(1), interleaved=rng.getrandbits(1)) for _ in range(3)]
    for index in range(slices):
        check(p, tasks, rng, index, rng.choice([0, 0.5]))


@pytest.mark.parametrize("changes", [dict(), dict(columns=4, rows_per_sorter=4), dict(tile=32, max_segment_keys=20)])
def test_waits_for_the_sorter(changes):
    """Segments of few keys, of which many are wanted."""
    p = tiny(**changes)
    tasks = [task_fields(p, queries=9, keys=keys, head_dim=1, interleaved=1, segment_keys=wanted, extra_segments=extra)
             for keys in (1, 9, 32) for wanted in (0, 1, 8) for extra in (0, 1)]
    check(p, tasks, generator())


def test_walks_one_slot_a_cycle_between_segments_of_a_fast_sorter():
    p = tiny()
    dut = Sweep(p, DRAIN)
    task = task_fields(p, queries=1, keys=32, head_dim=6)
    valid_cycles = []

    async def testbench(ctx):
        for signal in (dut.free, dut.idle, dut.group_loaded):
            ctx.set(signal, 1)
        ctx.set(dut.task.payload, task)
        ctx.set(dut.task.valid, 1)
        for cycle in range(100):
            _, _, valid, taken = await ctx.tick().sample(dut.slot_valid, dut.task.ready)
            ctx.set(dut.group_loaded, 0)
            if valid:
                valid_cycles.append(cycle)
            if taken:
                break

    run(dut, testbench)
    assert valid_cycles == list(range(valid_cycles[0], valid_cycles[0] + 64))


def test_most_queries():
    p = tiny(columns=4, rows=32, row_multipliers=8, lanes=128, rows_per_sorter=1, max_head_dim=4)
    assert p.trees == 32
    dut = Sweep(p, 0)
    rows = []

    async def testbench(ctx):
        for signal in (dut.free, dut.idle):
            ctx.set(signal, 1)
        ctx.set(dut.group_loaded, 1)
        await ctx.tick()
        ctx.set(dut.task.payload, task_fields(p, queries=65535, keys=1, dense=1))
        ctx.set(dut.task.valid, 1)
        ctx.set(dut.group_loaded, 0)
        for _ in range(5 * 2048):
            _, _, start, taken = await ctx.tick().sample(dut.group_start, dut.task.ready)
            ctx.set(dut.group_loaded, start)
            if start:
                rows.append(ctx.get(dut.group_row))
            if taken:
                return
        raise AssertionError("the sweep does not end")

    run(dut, testbench)
    assert rows == list(range(0, 65535, 32))
