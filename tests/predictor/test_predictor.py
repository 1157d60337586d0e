import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.predictor.predictor import WRITE_LATENCY, Predictor, predictor_latency
from sim.golden.predictor import predicted_score, predicted_sum, upper_bits
from tests.sofa.heads import tiny
from tests.streams import generator, run


async def write_vector(ctx, dut, parameters, elements, **where):
    """Write the beats of one vector, zeros behind its end up to the last lane; those of a query part by part."""
    p = parameters
    width = -(-p.max_head_dim // p.elements_per_beat) * p.elements_per_beat
    padded = np.zeros(width, dtype=int)
    padded[:len(elements)] = elements
    for name, value in where.items():
        ctx.set(getattr(dut, name), value)
    for beat in range(width // p.elements_per_beat):
        ctx.set(dut.write_beat, beat)
        ctx.set(dut.write_data, padded[beat * p.elements_per_beat:][:p.elements_per_beat].tolist())
        for part in range(p.query_parts if "write_query" in where else 1):
            ctx.set(dut.write_part, part)
            await ctx.tick()
    for name in ("write_khat", "write_query"):
        if name in where:
            ctx.set(getattr(dut, name), 0)


def check(parameters, rng, extreme=False, shift=None):
    """Fill the memories with a head, walk random keys of random groups, and compare with the model."""
    p = parameters
    draw = np.random.default_rng(rng.getrandbits(32))
    head_dim = p.max_head_dim if extreme else rng.randint(1, p.max_head_dim)
    half = rng.getrandbits(1)
    keys = rng.randint(1, p.max_keys >> half)
    groups = p.query_groups
    queries = draw.integers(-32768, 32768, (groups * p.trees, head_dim))
    key_vectors = draw.integers(-32768, 32768, (keys, head_dim))
    if extreme:
        queries[:], key_vectors[:] = -32768, -32768
    base = 15 - p.code_levels if extreme else rng.randint(max(0, 13 - p.code_levels), 15 if shift is None else 12)
    if shift is None:
        shift = 0 if extreme else rng.randrange(1 << p.predict_shift_bits)
    causal, masked, dense = (rng.getrandbits(1) for _ in range(3))
    visible = draw.random((groups * p.trees, keys)) < 0.6
    folds = -(-head_dim // p.tree_lanes)
    sums = predicted_sum(queries, upper_bits(key_vectors, p), base, p)
    scores, saturated = predicted_score(sums, shift, p)

    dut = Predictor(p)
    slots = []
    for _ in range(60):
        if rng.random() < 0.2:
            slots.append(None)
            continue
        group, key, row = rng.randrange(groups), rng.randrange(keys), rng.randrange(0, 2 * p.max_keys)
        last = dict(position=rng.randrange(p.tile), segment_end=rng.getrandbits(1), row_end=rng.getrandbits(1))
        present = rng.getrandbits(p.trees)
        for fold in range(folds):
            slots.append((group, row, present, dict(
                key=key, fold=fold, last_fold=fold == folds - 1,
                **(last if fold == folds - 1 else {}))))

    async def testbench(ctx):
        ctx.set(dut.code_base, base)
        for key, vector in enumerate(key_vectors):
            await write_vector(ctx, dut, p, vector, write_khat=1,
                               write_vector=key | (half << (p.key_bits - 1)))
        for row, vector in enumerate(queries):
            slot, tree = divmod(row, p.trees)
            await write_vector(ctx, dut, p, vector, write_query=1, write_slot=slot, write_tree=tree)
            ctx.set(dut.mask_enable, 1)
            for word in range(-(-keys // 16)):
                ctx.set(dut.mask_word, word)
                ctx.set(dut.mask_data, sum(int(bit) << n for n, bit in enumerate(visible[row, 16 * word:][:16])))
                await ctx.tick()
            ctx.set(dut.mask_enable, 0)
        for name, value in dict(causal=causal, mask=masked, dense=dense, half=half, predict_shift=shift).items():
            ctx.set(getattr(dut, name), value)
        await ctx.tick().repeat(WRITE_LATENCY)          # until the last part of a query is in the memory

        for cycle in range(len(slots) + dut.latency):
            slot = slots[cycle] if cycle < len(slots) else None
            ctx.set(dut.slot_valid, slot is not None)
            if slot is not None:
                group, row, present, fields = slot
                ctx.set(dut.slot, fields)
                ctx.set(dut.group_slot, group)
                ctx.set(dut.group_row, row)
                ctx.set(dut.present, present)
            _, _, valid, o, clipped = await ctx.tick().sample(dut.o_valid, dut.o, dut.saturated)
            if cycle < dut.latency:
                continue
            slot = slots[cycle - dut.latency]
            finished = slot is not None and slot[3]["last_fold"]
            assert valid == finished
            if not finished:
                assert clipped == 0
                continue
            group, row, present, fields = slot
            key = fields["key"]
            assert (o.position, o.segment_end, o.row_end) == (
                fields["position"], fields["segment_end"], fields["row_end"])
            for tree in range(p.trees):
                place = group * p.trees + tree
                allowed = bool(present >> tree & 1 and (visible[place, key] or not masked)
                               and (key <= row + tree or not causal))
                assert (o.allowed >> tree & 1) == allowed
                assert o.scores[tree] == (scores[place, key] if allowed else 0)
                assert (clipped >> tree & 1) == (saturated[place, key] and allowed and not dense)

    run(dut, testbench)


@settings(max_examples=8)
@given(changes=st.sampled_from([
    {}, dict(max_head_dim=1), dict(max_head_dim=11, tree_lanes=2), dict(query_code_width=8, code_levels=2),
    dict(khat_width=16, score_width=16, code_levels=7), dict(columns=4), dict(bus_width=64, max_head_dim=5),
    dict(bus_width=128, lanes=8, tree_lanes=8, columns=4, row_multipliers=4, max_head_dim=21)]),
    seed=st.integers(0, 2**32 - 1))
def test_matches_model(changes, seed):
    check(tiny(**changes), generator(seed))


@pytest.mark.parametrize("shift", [2, 3, 4])
def test_both_ends_of_the_scores(shift):
    """With few score levels, sums fall on the limits and right beside them."""
    check(tiny(score_width=4), generator(), shift=shift)


@pytest.mark.parametrize("head_dim", [4, 7, 8])
def test_largest_sum_does_not_overflow(head_dim):
    check(tiny(max_head_dim=head_dim, score_width=16), generator(), extreme=True)


@pytest.mark.parametrize(("tree_lanes", "latency"), [(2, 10), (4, 11)])
def test_latency_is_stated(tree_lanes, latency):
    p = tiny(tree_lanes=tree_lanes)
    assert predictor_latency(p) == latency
