import numpy as np
import pytest

from gen.claims.sofa.attention import as_printed, overshoots, softmax, sorted_updating
from gen.claims.sofa.evidence import KeptHead, RealHead


def test_printed_procedure_is_right_only_for_equal_maxima():
    values = np.arange(8.0).reshape(4, 2)
    tiles = [np.array([0, 1]), np.array([2, 3])]
    same, other = np.array([2.0, 1, 0, 2]), np.array([2.0, 1, 0, 3])
    assert as_printed(same, values, tiles) == pytest.approx(softmax(same, values))
    assert np.abs(as_printed(other, values, tiles) - softmax(other, values)).max() > 0.1
    assert sorted_updating(other, values, tiles, 1) == pytest.approx(softmax(other, values))


def test_overshoot_of_a_tile():
    # Two tiles of interleaved keys, 0 2 4 and 1 3 5; key 4 is not kept and of the second row no key of the first tile.
    scores = np.array([[1.0, 5, 2, 4, 9, 7], [0.0, 1, 0, 2, 0, 3]])
    predicted = np.array([[9, 8, 7, 3, 8, 5], [0, 3, 0, 2, 0, 1]])
    selected = np.array([[1, 1, 1, 1, 0, 1], [0, 1, 0, 1, 0, 1]], dtype=bool)
    head = RealHead((), scores, predicted)
    one, two = overshoots(head, KeptHead(selected, 0, {}), 3)
    assert one.tolist() == [1, 2, 2]
    assert two.tolist() == [0, 0, 1]
