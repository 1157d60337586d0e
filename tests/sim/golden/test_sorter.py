import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.golden.sorter import Candidates, extract, segment_keys, select
from tests.streams import generator


@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize(("keys", "tile"), [(1, 4), (7, 8), (8, 8), (9, 8), (31, 8), (97, 16)])
def test_segments_are_a_partition(keys, tile, interleaved):
    segments = segment_keys(keys, tile, interleaved)
    assert sorted(np.concatenate(segments)) == list(range(keys))
    assert len(segments) == -(-keys // tile)
    for number, segment in enumerate(segments):
        assert 1 <= len(segment) <= tile
        assert set(np.diff(segment)) <= {len(segments) if interleaved else 1}
        assert segment[0] == number * (1 if interleaved else tile)


@settings(max_examples=80)
@given(tile=st.sampled_from([4, 8, 16, 32, 64, 128]), data=st.data())
def test_extracts_the_best_in_lexicographic_order(tile, data):
    """Score descending, position ascending, in whatever rounds and passes: as one sort of the segment."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    length, wanted = data.draw(st.integers(1, tile)), data.draw(st.integers(0, tile))
    scores = rng.integers(0, data.draw(st.sampled_from([2, 4, 256])), (5, length))
    positions, found, clipped = extract(scores, wanted, tile)
    assert clipped == 0
    for row in range(5):
        order = np.lexsort((np.arange(length), -scores[row]))[:wanted]
        order = order[scores[row, order] > 0]
        count = len(order)
        assert positions[row, :count].tolist() == order.tolist()
        assert found[row, :count].tolist() == scores[row, order].tolist()
        assert not found[row, count:].any()


def test_radius_clips_from_the_second_round_on():
    scores = np.full((1, 32), 10)
    scores[0, 0], scores[0, 20] = 50, 47
    _, found, clipped = extract(scores, 4, 32, radius=5)
    # The first round takes what it finds; of the second one only what is near the best remains.
    assert found.tolist() == [[50, 47, 10, 10]]
    assert clipped == 15
    _, found, _ = extract(scores, 8, 32, radius=5)
    assert found.tolist() == [[50, 47, 10, 10, 0, 0, 0, 0]]


def random_candidates(rng, segments, words, top):
    """Candidates of one row: segments of descending scores, zeros at their ends."""
    scores = [sorted(rng.choices(range(top + 1), k=4 * words), reverse=True) for _ in range(segments)]
    count = segments * words * 4
    return Candidates(np.arange(count)[None], np.array([sum(scores, [])]), np.repeat(np.arange(segments), 4 * words),
                      np.tile(np.arange(4 * words), segments))


@settings(max_examples=60)
@given(segments=st.integers(1, 6), words=st.integers(1, 3), top=st.sampled_from([1, 3, 255]), merge=st.booleans(),
       ensure=st.sampled_from([1, 2]), kept=st.integers(1, 80), seed=st.integers(0, 2**32 - 1))
def test_selection_by_brute_force(segments, words, top, merge, ensure, kept, seed):
    found = random_candidates(generator(seed), segments, words, top)
    row, = select(found, kept, merge, ensure)
    scores, owners = found.scores[0], found.segments
    some = int((scores > 0).sum())
    # Segments in the order of the list: from the one with the best candidate on, and round.
    best = owners[np.flatnonzero(scores == scores.max())[0]]
    order = sorted(range(len(scores)), key=lambda place: ((owners[place] - best) % segments, place))
    if merge:
        ranked = sorted(range(len(order)), key=lambda place: (-scores[order[place]], place))[:min(kept, some)]
        order = [order[place] for place in sorted(ranked)]
        assert len(row.keys) == min(kept, some)
    wanted = [place for place in order if scores[place] > 0]
    assert row.keys.tolist() == wanted
    for place, key in enumerate(row.keys):
        rank = found.ranks[key]
        partner = place + 1 < len(row.keys) and owners[row.keys[place + 1]] == owners[key]
        assert row.lead[place] == (rank < ensure)
        assert row.pair[place] == (rank == 0 and ensure > 1 and partner)
