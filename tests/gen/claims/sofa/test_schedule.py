import numpy as np

from gen.claims.sofa.schedule import GROUP, figure_15, greedy_phases, groups, union_share, unscheduled_loads
from gen.tops.sofa_traffic import union_loads


def drawn(rows=11, keys=30):
    return np.random.default_rng(3).random((rows, keys)) < 0.3


def test_loads_by_brute_force():
    needed = drawn()
    loads = union = 0
    for first in range(0, len(needed), 4):
        lists = [np.flatnonzero(row).tolist() for row in needed[first:first + 4]]
        union += len({key for keys in lists for key in keys})
        while any(lists):
            loads += len({key for keys in lists for key in keys[:2]})
            lists = [keys[2:] for keys in lists]
    assert unscheduled_loads(needed) == loads > union
    assert union_loads(needed, GROUP) == union


def test_order_of_the_keys_of_figure_15():
    assert unscheduled_loads(figure_15()) == 11


def test_greedy_phases_serve_each_pair_once_in_its_slots():
    for group in groups(drawn()):
        phases = greedy_phases(group)
        assert sorted(key for phase in phases for key in phase) == np.flatnonzero(group.any(axis=0)).tolist()
        assert max(group[:, phase].sum(axis=1).max() for phase in phases) <= 2


def test_union_share_is_a_mean_over_blocks():
    mask = np.array([[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0]], dtype=bool)
    assert union_share([mask], 1) == (1 + 2 + 1) / 12
    assert union_share([mask], 2) == (2 + 1) / 8
    assert union_share([mask, ~mask], 3) == (3 + 4) / 8
