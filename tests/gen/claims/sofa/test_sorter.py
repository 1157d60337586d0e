import numpy as np

from gen.claims.sofa.sorter import listed, quota, selection_error_of_random_scores
from gen.claims.sofa.sorting_cost import clipped_pass
from tests.gen.claims.sofa.evidence import small_evidence


def test_a_statistical_claim_is_the_same_each_time():
    first, second = (list(selection_error_of_random_scores(small_evidence())) for _ in range(2))
    assert first == second
    assert 3.6 < first[0].ours < 3.9


def test_quota_keeps_the_best_of_each_segment():
    scores = np.array([[5, 1, 4, 2, 9, 8, 7, 6]])
    assert np.flatnonzero(quota(scores, 2, 4)).tolist() == [0, 2, 4, 5]


def test_definition_of_a_list():
    scores = [10] + [1] * 15 + [9, 2, 12, 3]
    # The best four in order, ties to the lower position; the radius hides what is over 4 below the best before it.
    assert listed(scores, 5, 0) == [18, 0, 16, 19, 17]
    assert listed(scores, 5, 4) == [18, 0, 16, 1]


def test_clipping_replaces_what_cannot_be_among_the_best():
    scores = np.array([[float(value) for value in (8, 7, 6, 5, 0, 0, 0, 0, 0, 0, 0, 0, 4, 9, 5.5)]])
    best, blocked = clipped_pass(scores, np.inf)
    assert best.tolist() == [[9, 8, 7, 6]]
    assert blocked == 1 / 15
    assert clipped_pass(scores, 2)[1] == 2 / 15
