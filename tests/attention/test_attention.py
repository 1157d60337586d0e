import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.attention.attention import Attention
from sim.golden.attention import attend, exact_scores
from sim.golden.sorter import KeptKeys
from tests.sofa.heads import tiny
from tests.sofa.tasks import task_fields
from tests.streams import collect, generator, run, send


def random_rows(rng, queries, keys, ensure):
    """Kept keys of rows, in segments whose first keys lead; some rows are empty."""
    rows = []
    for _ in range(queries):
        chosen = rng.sample(range(keys), rng.randint(0, keys))
        lead, pair = [], []
        while len(lead) < len(chosen):
            size = min(rng.randint(1, 4), len(chosen) - len(lead))
            lead += [rank < ensure for rank in range(size)]
            pair += [rank == 0 and size > 1 and ensure > 1 for rank in range(size)]
        rows.append(KeptKeys(np.array(chosen, dtype=int), np.array(lead, dtype=bool), np.array(pair, dtype=bool)))
    return rows


@settings(max_examples=8)
@given(changes=st.sampled_from([{}, dict(ensure=1, rescale_step=1), dict(rescale_step=4, zclip=2),
                                dict(lanes=8, row_multipliers=4, max_head_dim=11), dict(max_head_dim=1)]),
       stall=st.sampled_from([0, 0.4]), seed=st.integers(0, 2**32 - 1))
def test_matches_model(changes, stall, seed):
    rng = generator(seed)
    p = tiny(**changes)
    draw = np.random.default_rng(rng.getrandbits(32))
    half = rng.getrandbits(1)
    queries, keys = rng.randint(1, p.group_slots * p.trees), rng.randint(1, p.max_keys >> half)
    head_dim, value_dim, shift = rng.randint(1, p.max_head_dim), rng.randint(1, p.max_head_dim), rng.randint(12, 18)
    vectors = {"query": draw.integers(-32768, 32768, (queries, head_dim)),
               "key": draw.integers(-32768, 32768, (keys, head_dim)),
               "value": draw.integers(-32768, 32768, (keys, value_dim))}
    rows = random_rows(rng, queries, keys, p.ensure)
    scores, saturated = exact_scores(vectors["query"], vectors["key"], shift, p)
    expected, events, _ = attend(scores, vectors["value"], rows, p)
    events["saturated"] = sum(int(saturated[row, kept.keys].sum()) for row, kept in enumerate(rows))

    dut = Attention(p)
    beats = -(-value_dim // p.elements_per_beat)
    names = dict(raised="max_raise", positive="z_pos", clipped="z_clip", saturated="saturated")
    got, loaded, seen = [], [], dict.fromkeys(names, 0)

    async def load(ctx):
        for kind, array in vectors.items():
            width = p.folds * p.lanes if kind == "query" else array.shape[1] + -array.shape[1] % p.elements_per_beat
            padded = np.zeros((len(array), width), dtype=int)
            padded[:, :array.shape[1]] = array
            for number, vector in enumerate(padded):
                slot, tree = divmod(number, p.trees)
                ctx.set(dut.write_slot, slot % p.group_slots)
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
            p, queries=queries, keys=keys, head_dim=head_dim, value_dim=value_dim, half=half, score_shift=shift)])

    def source(tree):
        items = []
        for row in rows[tree::p.trees]:
            items += [dict(key=int(key), lead=int(lead), pair=int(pair), last=place == len(row.keys) - 1, empty=0)
                      for place, (key, lead, pair) in enumerate(zip(row.keys, row.lead, row.pair, strict=True))]
            if not len(row.keys):
                items.append(dict(last=1, empty=1))

        async def testbench(ctx):
            await send(ctx, dut.lists[tree], items, stall, rng)
        return testbench

    async def sink(ctx):
        while not loaded:
            await ctx.tick()
        for _ in range(queries):
            row = await collect(ctx, dut.o, beats, stall, rng)
            got.append([value for beat in row for value in beat])
            ctx.set(dut.row_out, 1)
            await ctx.tick()
            ctx.set(dut.row_out, 0)

    async def watch(ctx):
        async for _, _, *values in ctx.tick().sample(*(getattr(dut, name) for name in names)):
            for name, value in zip(names, values, strict=True):
                seen[name] += value

    run(dut, load, sink, *(source(tree) for tree in range(p.trees)), background=[watch])
    padding = [0] * (beats * p.elements_per_beat - value_dim)
    assert got == [row + padding for row in expected.tolist()]
    assert seen == {name: events[source] for name, source in names.items()}
