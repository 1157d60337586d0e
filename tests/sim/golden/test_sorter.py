import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.golden.sorter import Candidates, extract, in_order, segment_keys, segment_of, select
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
        assert all(segment_of(key, keys, tile, interleaved) == number for key in segment)


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


def random_candidates(rng, rows, segments, words, top):
    """Candidates of rows: segments of descending scores, zeros at their ends, with their keys in any order."""
    count = segments * words * 4
    scores = [sum((sorted(rng.choices(range(top + 1), k=4 * words), reverse=True) for _ in range(segments)), [])
              for _ in range(rows)]
    keys = [[segment + segments * place for segment in range(segments)
             for place in rng.sample(range(4 * words), 4 * words)] for _ in range(rows)]
    return Candidates(np.array(keys).reshape(rows, count), np.array(scores).reshape(rows, count),
                      np.repeat(np.arange(segments), 4 * words), np.tile(np.arange(4 * words), segments))


@settings(max_examples=60)
@given(segments=st.integers(1, 6), words=st.integers(1, 3), top=st.sampled_from([1, 3, 255]), merge=st.booleans(),
       ensure=st.sampled_from([1, 2]), kept=st.integers(1, 80), seed=st.integers(0, 2**32 - 1))
def test_selection_by_brute_force(segments, words, top, merge, ensure, kept, seed):
    found = random_candidates(generator(seed), 3, segments, words, top)
    accepted, lead, origins = select(found, kept, merge, ensure)
    for row, scores in enumerate(found.scores):
        wanted = [place for place in range(len(scores)) if scores[place] > 0]
        if merge:
            wanted = sorted(sorted(wanted, key=lambda place, scores=scores: (-scores[place], place))[:kept])
        assert np.flatnonzero(accepted[row]).tolist() == wanted
        assert origins[row] == found.segments[list(scores).index(max(scores))]
        assert lead[row].tolist() == [rank < ensure for rank in found.ranks]


def test_no_candidates_at_all():
    found = Candidates(*(np.zeros((3, 0), dtype=int),) * 2, *(np.zeros(0, dtype=int),) * 2)
    accepted, lead, origins = select(found, 5, True, 2)
    assert accepted.shape == lead.shape == (3, 0)
    assert origins.tolist() == [0, 0, 0]
    assert [row.keys.tolist() for row in in_order(found, accepted, lead, origins, 4, 2)] == [[], [], []]


@settings(max_examples=60)
@given(rows=st.integers(1, 7), batch=st.integers(1, 4), segments=st.integers(1, 6), words=st.integers(1, 3),
       seed=st.integers(0, 2**32 - 1))
def test_rows_of_a_batch_walk_together(rows, batch, segments, words, seed):
    """One order of all keys holds for every row of a batch: segments from the first row's best one on, and round."""
    rng = generator(seed)
    found = random_candidates(rng, rows, segments, words, 3)
    accepted, lead, origins = select(found, rng.randint(1, 4 * segments * words), True, 2)
    for row, kept in enumerate(in_order(found, accepted, lead, origins, segments, batch)):
        begin = origins[row - row % batch]
        walk = [key for turn in range(segments)
                for key in range((begin + turn) % segments, 4 * segments * words, segments)]
        chosen = {key: place for place, key in enumerate(found.keys[row].tolist()) if accepted[row, place]}
        assert kept.keys.tolist() == [key for key in walk if key in chosen]
        assert kept.lead.tolist() == [lead[row, chosen[key]] for key in kept.keys.tolist()]
