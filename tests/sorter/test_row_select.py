import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.sorter.key_mask import MASKS_LATENCY
from hw.sorter.row_select import RowSelect
from tests.sofa.heads import tiny
from tests.sorter.selections import draw_selection
from tests.streams import generator, run

#: Parameters whose slices have so many trees on so many sorters.
SHAPES = {
    (1, 1): dict(rows=3, row_multipliers=8, columns=4, rows_per_sorter=1), (2, 1): dict(),
    (4, 1): dict(columns=4, reuse_rows=2), (4, 4): dict(columns=4, rows_per_sorter=1),
    (8, 1): dict(columns=2, tree_lanes=2, rows=8, row_multipliers=2, lanes=8, rows_per_sorter=8, max_head_dim=2),
}


#: Cycles of a pass of the sorting core, and from the reservation of a group to its first candidates, at least.
TURNS, AHEAD = 8, 12


def words(selection, first, rng):
    """Words of a group as its sorters deliver them.

    Yields ``(turn, whether they are the best of the segment, four candidates a sorter, whether they are the last)``.
    """
    p, found = selection.parameters, selection.candidates
    for start in range(0, len(found.ranks), 4):
        place = {int(key): position for position, key in enumerate(selection.members[found.segments[start]])}
        for turn in range(p.trees_per_sorter):
            word = []
            for row in range(first + turn, first + p.trees, p.trees_per_sorter):
                scores = [0] * 4 if row >= len(selection.rows) else found.scores[row, start:start + 4].tolist()
                # An entry without a score has some position that is not a candidate's.
                taken = set() if row >= len(selection.rows) else {
                    place[int(key)] for key, score, segment in zip(
                        found.keys[row], found.scores[row], found.segments, strict=True)
                    if score and segment == found.segments[start]}
                others = [position for position in range(p.tile) if position not in taken]
                word.append([dict(score=score, position=place[int(found.keys[row, start + rank])] if score
                                  else rng.choice(others)) for rank, score in enumerate(scores)])
            yield turn, found.ranks[start] == 0, word, start + 4 == len(found.ranks) and turn == p.trees_per_sorter - 1


def choose(parameters, selections, rng, *, gap=0.0, slow=0.0):
    """Feed the groups of heads as sorters and predictor do, read the masks, and record what the host is sent.

    Returns
    -------
    read : list of (totals, origins, list of masks of all rows by segment)
    recorded : list of list of keys of all rows, by segment
    cycles : list of (int, int)
        For each group, the cycle in which its candidates were complete, and that in which it could be read.
    """
    p = parameters
    dut = RowSelect(p)
    groups = [(selection, first) for selection in selections for first in selection.groups()]
    state = dict(room=0, cycle=0, reserved=[])
    read, recorded, cycles = [], [], [[None, None] for _ in groups]

    async def reserve(ctx):
        for selection, _ in groups:
            dense = selection.rule["dense"]
            while not (ctx.get(dut.free) and (not dense or ctx.get(dut.idle))) or rng.random() < gap:
                await ctx.tick()
            # As in a slice, where the sweep decides a cycle before.
            await ctx.tick()
            ctx.set(dut.rule, selection.rule)
            ctx.set(dut.reserve, 1)
            await ctx.tick()
            ctx.set(dut.reserve, 0)
            state["reserved"].append(state["cycle"])
            # A group has at least one slot before the next one can begin.
            await ctx.tick()

    async def feed_dense(ctx, selection, first):
        for segment, members in enumerate(selection.members):
            for position in range(len(members)):
                while rng.random() < gap:
                    await ctx.tick()
                ctx.set(dut.dense_keys, sum((selection.bits(first + tree, segment) >> position & 1) << tree
                                            for tree in range(p.trees)))
                ctx.set(dut.dense_position, position)
                ctx.set(dut.dense_segment_end, position == len(members) - 1)
                ctx.set(dut.dense_end, position == len(members) - 1 and segment == len(selection.members) - 1)
                ctx.set(dut.dense_valid, 1)
                await ctx.tick()
                ctx.set(dut.dense_valid, 0)

    async def feed(ctx):
        for number, (selection, first) in enumerate(groups):
            # What is reserved has the way through predictor and sorter before it.
            while len(state["reserved"]) <= number or state["cycle"] < state["reserved"][number] + AHEAD:
                await ctx.tick()
            if selection.rule["dense"]:
                await feed_dense(ctx, selection, first)
            else:
                for turn, best, word, last in words(selection, first, rng):
                    while rng.random() < gap:
                        await ctx.tick()
                    ctx.set(dut.candidates, word)
                    ctx.set(dut.candidates_valid, 1 << turn)
                    ctx.set(dut.first, bool(best))
                    # The core's turn ends with the last row, or later.
                    if last and turn == TURNS - 1:
                        ctx.set(dut.row_end, 1)
                    await ctx.tick()
                    ctx.set(dut.candidates_valid, 0)
                    ctx.set(dut.candidates, [[dict(score=rng.getrandbits(p.score_width), position=0)] * 4] * p.sorters)
                if p.trees_per_sorter < TURNS:
                    await ctx.tick().repeat(TURNS - 1 - p.trees_per_sorter + rng.choice([0, 0, 20]))
                    ctx.set(dut.row_end, 1)
                    await ctx.tick()
                ctx.set(dut.row_end, 0)
            cycles[number][0] = state["cycle"]

    async def reader(ctx):
        for number, (selection, _) in enumerate(groups):
            while not ctx.get(dut.group.valid):
                await ctx.tick()
            cycles[number][1] = state["cycle"]
            while rng.random() < slow:
                await ctx.tick()
            order = list(range(len(selection.members)))
            rng.shuffle(order)
            masks = {}
            for segment in order:
                ctx.set(dut.group.read_segment, segment)
                for _ in range(MASKS_LATENCY):
                    ctx.set(dut.group.read_enable, 1)
                    await ctx.tick()
                    ctx.set(dut.group.read_enable, 0)
                    ctx.set(dut.group.read_segment, rng.randrange(p.max_segments))
                    for _ in range(rng.choice([0, 0, 2])):
                        await ctx.tick()
                masks[segment] = [(mask.keys, {lead for lead in mask.leads if mask.keys >> lead & 1})
                                  for mask in ctx.get(dut.group.masks)]
            read.append((list(ctx.get(dut.group.totals)), list(ctx.get(dut.group.origins)),
                         [masks[n] for n in sorted(masks)]))
            ctx.set(dut.group.release, 1)
            await ctx.tick()
            ctx.set(dut.group.release, 0)
        for _ in range(30):
            _, _, valid, record = await ctx.tick().sample(dut.group.valid, dut.record.valid)
            assert not valid and not record
        assert ctx.get(dut.idle)

    async def record(ctx):
        # A group's copy stays in its place for a while; there are two places.
        open_group = []
        while True:
            state["room"] += state["room"] < 2 and rng.random() >= slow
            ctx.set(dut.record.ready, state["room"] > 0)
            _, _, valid, segment, keys, end = await ctx.tick().sample(
                dut.record.valid, dut.record.segment, dut.record.keys, dut.record.end)
            state["cycle"] += 1
            assert state["cycle"] < 100_000, "the groups do not end"
            if valid:
                assert segment == len(open_group)
                open_group.append(list(keys))
            if end:
                assert valid and state["room"]
                state["room"] -= 1
                recorded.append(open_group)
                open_group = []

    run(dut, reserve, feed, reader, background=[record])
    return read, recorded, cycles


def check(parameters, selections, rng, **options):
    p = parameters
    read, recorded, cycles = choose(p, selections, rng, **options)
    groups = [(selection, first) for selection in selections for first in selection.groups()]
    assert len(recorded) == len(groups)
    for (selection, first), (totals, origins, masks), record in zip(groups, read, recorded, strict=True):
        rows = range(first, first + p.trees)
        assert record == [[selection.bits(row, segment) for row in rows] for segment in range(len(selection.members))]
        assert [[keys for keys, _ in masks_of_rows] for masks_of_rows in masks] == record
        for segment, masks_of_rows in enumerate(masks):
            assert [leads for _, leads in masks_of_rows] == [selection.positions(row, segment)[1] for row in rows]
        assert totals == [selection.total(row) for row in rows]
        assert origins == [selection.origin(row) for row in rows[::p.batch_rows]]
    return cycles


@settings(max_examples=20)
@given(shape=st.sampled_from(list(SHAPES)), changes=st.sampled_from([
    {}, dict(ensure=1), dict(tile=4, max_segment_keys=3), dict(tile=32, max_segment_keys=9),
    dict(tile=128, max_segment_keys=20), dict(score_width=5), dict(score_width=10, max_segment_keys=1)]),
    seed=st.integers(0, 2**32 - 1), stalls=st.sampled_from([(0, 0), (0.3, 0), (0, 0.9), (0.3, 0.9)]))
def test_keeps_what_the_model_keeps(shape, changes, seed, stalls):
    rng = generator(seed)
    p = tiny(**SHAPES[shape], **changes)
    assert (p.trees, p.sorters) == shape
    selections = [draw_selection(rng, p, rng.randint(1, 2 * p.trees)) for _ in range(3)]
    check(p, selections, rng, gap=stalls[0], slow=stalls[1])


@pytest.mark.parametrize("kept", [1, 2, 7, 31, 32])
@pytest.mark.parametrize("levels", [1, 2])
def test_ties_at_the_threshold(kept, levels):
    """Most candidates are equal: the first ones in the order of the segments remain, exactly as many as asked for."""
    rng = generator()
    p = tiny()
    selection = draw_selection(rng, p, 6, 32, dense=0, merge=1, kept=kept, levels=levels, share=1, empty=0,
                               segment_keys=8, extra_segments=0)
    check(p, [selection], rng)
    assert [len(row.keys) for row in selection.rows] == [kept] * 6


@pytest.mark.parametrize("merge", [0, 1])
@pytest.mark.parametrize("dense", [0, 1])
def test_rows_without_candidates(merge, dense):
    rng = generator()
    p = tiny()
    selections = [draw_selection(rng, p, 4, merge=merge, dense=dense, empty=empty, share=1) for empty in (1, 0, 0.5, 1)]
    check(p, selections, rng)


@pytest.mark.parametrize("keys", [1, 8, 9, 31])
def test_ragged_segments(keys):
    rng = generator()
    p = tiny()
    for interleaved in (False, True):
        check(p, [draw_selection(rng, p, 3, keys, interleaved=interleaved, dense=0, share=1) for _ in range(3)], rng)


def test_dense_and_sparse_groups_take_turns():
    rng = generator()
    p = tiny(columns=4, reuse_rows=2)
    selections = [draw_selection(rng, p, rng.randint(1, 9), dense=dense) for dense in (1, 0, 1, 1, 0, 0, 1, 0)]
    check(p, selections, rng, slow=0.8)


@pytest.mark.parametrize("keys", [5, 8, 32])
def test_the_end_of_the_rows_comes_with_the_last_word(keys):
    """Eight rows take all turns of the sorting core."""
    rng = generator()
    p = tiny(**SHAPES[8, 1])
    assert p.trees_per_sorter == TURNS
    for kept in (1, 3, min(keys, 9)):
        check(p, [draw_selection(rng, p, 16, keys, dense=0, merge=1, segment_keys=4, extra_segments=0, share=1,
                                 empty=0, kept=kept)], rng)


def test_short_groups_behind_a_long_one():
    """While the keys of a row of many segments are chosen, two groups of a head of few keys come."""
    rng = generator()
    p = tiny(tile=4, max_keys=256, max_segment_keys=4)
    for _ in range(6):
        sizes = [(1, 256), (6, rng.randint(5, 9)), (2, 256), (6, 8)]
        check(p, [draw_selection(rng, p, rows, keys, dense=0, merge=1, segment_keys=4, extra_segments=0, share=1,
                                 empty=0, kept=rng.randint(1, 6)) for rows, keys in sizes], rng)


def test_segments_of_no_words():
    """With no key but the extra ones, only the first segments deliver anything."""
    rng = generator()
    p = tiny()
    for extra in (1, 2, 3):
        check(p, [draw_selection(rng, p, 3, 32, dense=0, merge=merge, segment_keys=0, extra_segments=extra, share=1)
                  for merge in (0, 1)], rng)


@pytest.mark.parametrize(("merge", "segment_keys"), [(1, 4), (1, 8), (0, 8)])
def test_cycles_of_a_choice(merge, segment_keys):
    rng = generator()
    p = tiny(tile=8, max_keys=128, score_width=8)
    selection = draw_selection(rng, p, 2, 128, dense=0, merge=merge, segment_keys=segment_keys, extra_segments=0)
    (stored, readable), = check(p, [selection], rng)
    count = len(selection.members) * -(-segment_keys // 4)
    assert readable - stored <= merge * (count + 3) * (p.score_width - 1) + count + 13
