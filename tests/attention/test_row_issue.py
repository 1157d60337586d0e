from hypothesis import given, settings
from hypothesis import strategies as st

from hw.attention.row_issue import RowIssue
from tests.sofa.heads import tiny
from tests.sofa.tasks import task_fields
from tests.streams import collect, generator, run, send

NO_KEY = 0x7FFF


def random_rows(parameters, rng, queries):
    """Lists of ``(key, lead, pair)`` of a head's rows; some are empty."""
    return [[(rng.randrange(parameters.max_keys), rng.getrandbits(1), rng.getrandbits(1))
             for _ in range(rng.randint(0, 5))] for _ in range(queries)]


def check(parameters, heads, rng, index=0, stall=0.0):
    """Heads ``(task, rows)``: what the slice `index` issues for them."""
    p = parameters
    dut = RowIssue(p)
    mine = [[(row, task, rows[row]) for row in range(task["queries"])
             if row // p.trees % p.slices == index] for task, rows in heads]
    lists = [[] for _ in range(p.trees)]
    expected, key_ids = [], []
    slot = groups = 0
    for rows in mine:
        for place, (row, task, entries) in enumerate(rows):
            tree = row % p.trees
            for number, (key, lead, pair) in enumerate(entries or [(0, 0, 0)]):
                last = number == max(1, len(entries)) - 1
                lists[tree].append(dict(key=key, lead=lead, pair=pair, last=last, empty=not entries))
                final = task["last_fold"]
                expected += [(key, lead, pair, last, not entries, fold, fold == 0, fold == final, slot, tree)
                             for fold in range(final + 1)]
                if task["return_keys"]:
                    key_ids.append((key if entries else NO_KEY, last))
            if tree == p.trees - 1 or place == len(rows) - 1:
                slot, groups = (slot + 1) % p.group_slots, groups + 1
    issued, ids, state = [], [], dict(pending=0, groups=0, heads=0)

    async def tasks(ctx):
        ctx.set(dut.index, index)
        for number, (task, _) in enumerate(heads):
            await send(ctx, dut.task, [task])
            state["heads"] = number + 1

    def source(tree):
        async def testbench(ctx):
            await send(ctx, dut.lists[tree], lists[tree], stall, rng)
        return testbench

    async def keys(ctx):
        ids.extend((item.key, bool(item.last)) for item in await collect(ctx, dut.key_id, len(key_ids), stall, rng))
        ctx.set(dut.key_id.ready, 1)

    async def watch(ctx):
        quiet = 0
        while quiet < 5:
            credit, leaves = rng.random() >= stall, state["pending"] > 0 and rng.random() < 0.4
            ctx.set(dut.credit, credit)
            ctx.set(dut.row_out, leaves)
            _, _, valid, item, done, taken = await ctx.tick().sample(
                dut.issued_valid, dut.issued, dut.group_done, dut.task.ready)
            state["pending"] -= leaves
            state["groups"] += done
            if valid:
                assert credit
                issued.append(tuple(item[name] for name in (
                    "key", "lead", "pair", "last", "empty", "fold", "first_fold", "last_fold", "group_slot", "tree")))
                state["pending"] += item.last and item.last_fold
            if taken:
                assert state["pending"] == 0
            quiet = quiet + 1 if state["heads"] == len(heads) else 0

    run(dut, tasks, keys, watch, *(source(tree) for tree in range(p.trees)))
    assert issued == [tuple(map(int, item)) for item in expected]
    assert ids == key_ids
    assert state["groups"] == groups


@settings(max_examples=12)
@given(slices=st.sampled_from([1, 2, 3]), columns=st.sampled_from([1, 2, 4]), stall=st.sampled_from([0, 0.4]),
       seed=st.integers(0, 2**32 - 1))
def test_order(slices, columns, stall, seed):
    rng = generator(seed)
    p = tiny(rows=4 * slices, columns=columns)
    heads = []
    for _ in range(rng.randint(1, 3)):
        queries = rng.randint(1, 2 * p.rows + 1)
        heads.append((task_fields(p, queries=queries, keys=32, head_dim=rng.randint(1, 6),
                                  value_dim=rng.randint(1, 6), return_keys=rng.getrandbits(1)),
                      random_rows(p, rng, queries)))
    for index in range(slices):
        check(p, heads, rng, index, stall)


def test_most_queries():
    p = tiny(columns=4, rows=256, row_multipliers=8, lanes=128, rows_per_sorter=1, max_head_dim=4)
    assert (p.slices, p.trees) == (8, 32)
    dut = RowIssue(p)
    rows = []

    async def testbench(ctx):
        for tree in range(p.trees):
            ctx.set(dut.lists[tree].payload, dict(last=1))
            ctx.set(dut.lists[tree].valid, 1)
        ctx.set(dut.index, 7)
        ctx.set(dut.credit, 1)
        ctx.set(dut.key_id.ready, 1)
        ctx.set(dut.task.payload, task_fields(p, queries=65535, keys=1))
        ctx.set(dut.task.valid, 1)
        for _ in range(65536 // 8 + 10):
            _, _, valid, taken = await ctx.tick().sample(dut.issued_valid, dut.task.ready)
            ctx.set(dut.row_out, valid)
            rows.append(valid)
            if taken:
                return
        raise AssertionError("the rows do not end")

    run(dut, testbench)
    assert sum(rows) == 65536 // 8 - 1
