import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.golden.predictor import predicted_score, predicted_sum, upper_bits
from sim.golden.sofa import allowed_keys, golden_head, kept_keys
from sim.golden.sorter import segment_keys
from tests.sofa.heads import random_head, tiny
from tests.streams import generator


def scores_of(head, parameters):
    """Predicted scores, 0 where a key may not be seen."""
    p = parameters
    sums = predicted_sum(head.queries, upper_bits(head.keys, p), head.code_base, p)
    scores, _ = predicted_score(sums, head.predict_shift, p)
    return np.where(allowed_keys(head), scores, 0)


def brute_force(head, parameters):
    """Kept keys of each row as a set, from sorts of whole segments and of the whole row."""
    p = parameters
    scores = scores_of(head, p)
    segments = segment_keys(scores.shape[1], p.tile, head.interleaved)
    kept = []
    for row in scores:
        candidates = []                       # (segment, rank within it, key)
        for number, members in enumerate(segments):
            wanted = head.segment_keys + (number < head.extra_segments)
            order = members[np.lexsort((members, -row[members]))][:wanted]
            candidates += [(number, rank, int(key)) for rank, key in enumerate(order) if row[key]]
        if head.merge:
            candidates.sort(key=lambda item, row=row: (-row[item[2]], item[0], item[1]))
            candidates = candidates[:head.kept]
        kept.append({key for _, _, key in candidates})
    return kept


@settings(max_examples=60)
@given(changes=st.sampled_from([{}, dict(tile=4, max_segment_keys=3), dict(tile=32, max_segment_keys=20),
                                dict(score_width=4), dict(query_code_width=8)]), seed=st.integers(0, 2**32 - 1))
def test_selection_equals_brute_force(changes, seed):
    rng = generator(seed)
    p = tiny(**changes)
    head = random_head(rng, p, dense=False)
    rows, _ = kept_keys(head, head.queries, upper_bits(head.keys, p), p)
    assert [set(row.keys.tolist()) for row in rows] == brute_force(head, p)
    assert all(len(set(row.keys)) == len(row.keys) for row in rows)


@settings(max_examples=40)
@given(causal=st.booleans(), mask=st.booleans(), interleaved=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_merge_keeps_exactly_what_was_asked_for(causal, mask, interleaved, seed):
    """Where segments deliver all they have, a row keeps min(kept, the keys that it may see)."""
    rng = generator(seed)
    p = tiny()
    head = random_head(rng, p, dense=False, merge=True, causal=causal, mask=mask, interleaved=interleaved,
                       segment_keys=p.tile, extra_segments=0)
    result = golden_head(head, p)
    allowed = allowed_keys(head)
    assert np.array_equal(result.selected.sum(axis=1), np.minimum(head.kept, allowed.sum(axis=1)))
    assert not (result.selected & ~allowed).any()
    # Nothing that was left out is better than anything that was kept.
    scores = scores_of(head, p)
    for row, selected in zip(scores, result.selected, strict=True):
        if selected.any():
            assert row[selected].min() >= row[~selected].max(initial=0)


@settings(max_examples=40)
@given(interleaved=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_quota_counts(interleaved, seed):
    """Each segment keeps its quota, or all it may show if that is less."""
    rng = generator(seed)
    p = tiny()
    head = random_head(rng, p, dense=False, merge=False, interleaved=interleaved)
    selected, allowed = golden_head(head, p).selected, allowed_keys(head)
    for number, members in enumerate(segment_keys(len(head.keys), p.tile, interleaved)):
        quota = head.segment_keys + (number < head.extra_segments)
        assert np.array_equal(selected[:, members].sum(axis=1), np.minimum(quota, allowed[:, members].sum(axis=1)))


def test_dense_keeps_all_that_is_allowed_in_order():
    rng = generator()
    p = tiny()
    for causal in (False, True):
        head = random_head(rng, p, dense=True, causal=causal, mask=True)
        result = golden_head(head, p)
        assert np.array_equal(result.selected, allowed_keys(head))
        for row in result.rows:
            assert row.keys.tolist() == sorted(row.keys)


@settings(max_examples=20)
@given(reuse_rows=st.sampled_from([1, 2, 4]), dense=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_a_key_is_loaded_once_for_a_batch_of_rows(reuse_rows, dense, seed):
    rng = generator(seed)
    p = tiny(columns=4, reuse_rows=reuse_rows)
    assert p.trees == 4
    result = golden_head(random_head(rng, p, dense=dense), p)
    keys = [set(row.keys.tolist()) for row in result.rows]
    assert result.counters["key_loads"] == sum(
        len(set.union(*keys[first:first + reuse_rows])) for first in range(0, len(keys), reuse_rows))


@pytest.mark.parametrize("causal", [False, True])
def test_allowed_keys(causal):
    rng = generator()
    head = random_head(rng, tiny(), queries=5, keys=8, mask=True, causal=causal)
    for row in range(5):
        for key in range(8):
            assert allowed_keys(head)[row, key] == (head.mask[row, key] and (key <= row or not causal))
