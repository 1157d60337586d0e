import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.sorter.segment_sorter import SegmentSorter, segment_cycles
from sim.golden.sorter import extract, segment_keys
from tests.sofa.heads import tiny
from tests.streams import generator, run

#: Parameters whose one sorting core serves so many rows.
ROWS = {
    1: dict(rows_per_sorter=1),
    2: dict(),
    4: dict(columns=4),
    16: dict(columns=2, tree_lanes=2, rows=16, row_multipliers=2, lanes=16, rows_per_sorter=16, max_head_dim=2),
}


class Rows:
    """Rows of scores for a sorter: for each, an array (lanes, keys); some lanes have no row, and no scores."""

    def __init__(self, parameters, rng, *, count, keys, levels, interleaved):
        p = parameters
        self.lanes = p.trees_per_sorter
        draw = np.random.default_rng(rng.getrandbits(32))
        self.members = segment_keys(keys, p.tile, interleaved)
        levels = min(levels, (1 << p.score_width) - 1)
        self.scores = [draw.integers(1, levels + 1, (self.lanes, keys)) * (draw.random((self.lanes, keys)) < 0.9)
                       for _ in range(count)]
        for scores in self.scores:
            scores[1 + rng.randrange(self.lanes):] = 0


def sort(parameters, rows, rng, *, segment_keys, extra, radius=0, stall=0.0):
    """Feed segments as early as the contract allows.

    Returns
    -------
    words : list, for each lane and row of it, of ``(first, [(score, position), ...])``
    clipped : int
    waited : int
        Cycles in which a segment could not be fed.
    """
    p = parameters
    dut = SegmentSorter(p)
    lanes = rows.lanes
    words = [[] for _ in range(lanes)]
    open_words = [[] for _ in range(lanes)]
    state, cycles = dict(clipped=0, waited=0), segment_cycles(p)

    async def feed(ctx):
        for name, value in dict(segment_keys=segment_keys, extra_segments=extra, radius=radius).items():
            ctx.set(getattr(dut, name), value)
        now = taken = free = 0
        for scores in rows.scores:
            for index, members in enumerate(rows.members):
                # When the segment before is taken, its scores make room.
                while now < taken:
                    state["waited"] += 1
                    await ctx.tick()
                    now += 1
                for position, key in enumerate(members):
                    while rng.random() < stall:
                        await ctx.tick()
                        now += 1
                    ctx.set(dut.scores, scores[:, key].tolist())
                    ctx.set(dut.score_enable, 1)
                    ctx.set(dut.position, position)
                    end = position == len(members) - 1
                    ctx.set(dut.segment_end, end)
                    ctx.set(dut.row_end, end and index == len(rows.members) - 1)
                    await ctx.tick()
                    now += 1
                    ctx.set(dut.score_enable, 0)
                taken = max(now, free)
                free = taken + cycles(segment_keys + (index < extra))

    async def sink(ctx):
        for _ in range(200_000):
            _, _, o, valid, first, end, clipped = await ctx.tick().sample(
                dut.o, dut.o_valid, dut.o_first, dut.o_row_end, dut.clipped)
            state["clipped"] += clipped if p.clipping else 0
            for lane in range(lanes):
                if valid >> lane & 1:
                    open_words[lane].append((first, [(o[rank].score, o[rank].position) for rank in range(4)]))
            if end:
                # It may come with the last word.
                for lane in range(lanes):
                    words[lane].append(open_words[lane])
                    open_words[lane] = []
                if len(words[0]) == len(rows.scores):
                    break
        else:
            raise AssertionError("the sorter does not end")
        for _ in range(20):
            _, _, valid, end = await ctx.tick().sample(dut.o_valid, dut.o_row_end)
            assert not valid and not end

    run(dut, sink, feed)
    return words, state["clipped"], state["waited"]


def check(parameters, rng, *, count=3, keys, wanted, extra=0, radius=0, levels=1 << 16,
          interleaved=False, stall=0.0):
    p = parameters
    rows = Rows(p, rng, count=count, keys=keys, levels=levels, interleaved=interleaved)
    words, clipped, waited = sort(p, rows, rng, segment_keys=wanted, extra=extra, radius=radius, stall=stall)
    expected_clipped = 0
    expected = [[] for _ in range(rows.lanes)]
    for scores in rows.scores:
        lane_words = [[] for _ in range(rows.lanes)]
        for index, members in enumerate(rows.members):
            positions, found, outside = extract(scores[:, members], wanted + (index < extra), p.tile, radius)
            expected_clipped += outside
            for lane in range(rows.lanes):
                for start in range(0, found.shape[1], 4):
                    lane_words[lane].append((start == 0, [
                        (int(score), int(position) if score else None)
                        for score, position in zip(found[lane, start:start + 4], positions[lane, start:start + 4],
                                                   strict=True)]))
        for lane in range(rows.lanes):
            expected[lane].append(lane_words[lane])
    got = [[[(bool(first), [(score, position if score else None) for score, position in word]) for first, word in row]
            for row in lane] for lane in words]
    assert got == expected
    if p.clipping:
        assert clipped == expected_clipped
    return waited


@pytest.mark.parametrize("tile", [4, 8, 16, 32, 64, 128])
@pytest.mark.parametrize("interleaved", [False, True], ids=["contiguous", "interleaved"])
def test_any_tile(tile, interleaved):
    p = tiny(tile=tile, max_segment_keys=tile, max_keys=max(32, 2 * tile))
    rng = generator()
    check(p, rng, count=1, keys=tile + rng.randint(1, tile), wanted=rng.randint(1, min(tile, 20)), levels=9,
          interleaved=interleaved, stall=0.2)


@settings(max_examples=12)
@given(lanes=st.sampled_from([1, 1, 2, 4]), tile=st.sampled_from([4, 8, 16, 32, 64]), clipping=st.booleans(),
       data=st.data())
def test_matches_model(lanes, tile, clipping, data):
    rng = generator(data.draw(st.integers(0, 2**32 - 1)))
    p = tiny(**ROWS[lanes], tile=tile, max_segment_keys=min(tile, 12), max_keys=64, clipping=clipping)
    wanted = rng.randint(0, p.max_segment_keys)
    check(p, rng, count=2, keys=rng.randint(1, 64), wanted=wanted,
          extra=rng.randint(0, p.max_segments) if wanted < p.max_segment_keys else 0,
          radius=rng.choice([0, 1, 5, 20, 63]) if clipping else 0,
          levels=rng.choice([1, 3, 63]), interleaved=rng.random() < 0.5, stall=rng.choice([0, 0.3]))


def test_more_rows_than_cycles_of_the_core():
    p = tiny(**ROWS[16])
    assert p.trees_per_sorter == 16
    rng = generator()
    check(p, rng, count=2, keys=23, wanted=5, extra=1, interleaved=True)


@pytest.mark.parametrize(("lanes", "wanted"), [(1, 16), (4, 4), (4, 12)])
def test_segments_follow_each_other_without_a_gap(lanes, wanted):
    """A cycle a row and four keys, and one more: not more than a segment of 16 keys takes to arrive."""
    p = tiny(**ROWS[lanes], tile=16, max_segment_keys=16, max_keys=64)
    assert check(p, generator(), count=4, keys=64, wanted=wanted) == 0


def test_a_segment_waits_for_many_passes():
    """Four passes for four rows take longer than the 8 scores of the next segment."""
    p = tiny(**ROWS[4], tile=16, max_segment_keys=16, max_keys=64)
    assert check(p, generator(), count=3, keys=24, wanted=16, interleaved=True) > 0


def test_rounds_take_longer_than_the_scores():
    p = tiny(tile=32, max_segment_keys=12, max_keys=128)
    assert check(p, generator(), count=1, keys=128, wanted=8) > 0


def test_short_segments_at_the_rate_of_the_sorter():
    p = tiny(tile=4, max_segment_keys=4)
    check(p, generator(), count=12, keys=1, wanted=1)
    check(p, generator(), count=3, keys=31, wanted=1, interleaved=True)


@pytest.mark.parametrize("tile", [32, 64])
def test_clipping_by_the_radius(tile):
    """Radius 0 clips nothing; the smallest one leaves only what is found beside the best."""
    p = tiny(tile=tile, max_segment_keys=16, max_keys=64, clipping=True)
    for radius in (0, 1, 7, 62):
        check(p, generator(), count=2, keys=64, wanted=9, radius=radius, levels=63)
