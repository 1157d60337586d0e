"""The paper's sorting network."""

import numpy as np

from gen.claims.sofa.bitonic import top_four_network


def network(values):
    """Run the network on rows of 16 values; lanes that are dead hold -1."""
    lanes = [column.copy() for column in np.asarray(values).T]
    for level in top_four_network():
        for high, low, full in level:
            a, b = lanes[high], lanes[low]
            lanes[high], lanes[low] = np.maximum(a, b), np.minimum(a, b) if full else np.full_like(a, -1)
    return np.stack(lanes, axis=1)


def test_size():
    levels = top_four_network()
    elements = [element for level in levels for element in level]
    assert len(levels) == 9
    assert len(elements) == 47
    assert sum(not full for _, _, full in elements) == 12


def test_a_level_uses_each_lane_once_and_no_dead_lane():
    dead = set()
    for level in top_four_network():
        used = [lane for high, low, _ in level for lane in (high, low)]
        assert len(set(used)) == len(used)
        assert not dead & set(used)
        dead |= {low for _, low, full in level if not full}
    assert dead == set(range(4, 16))


def test_zero_one_principle():
    rows = np.arange(1 << 16)[:, None] >> np.arange(16) & 1
    lanes, ones = network(rows), rows.sum(axis=1)
    assert np.array_equal(lanes[:, 0], ones >= 1)
    assert np.array_equal(lanes[:, 1], ones >= 2)
    assert np.array_equal(np.sort(lanes[:, 2:4], axis=1), np.stack([ones >= 4, ones >= 3], axis=1))
