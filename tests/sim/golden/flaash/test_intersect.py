"""Windows over two ascending lists: the matches, the cycles, and the counts of many at once."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sim.golden.flaash import RULES, WINDOWS, FiberTensor, enumerate_jobs, intersect, intersect_many

lists = st.lists(st.integers(0, 60), unique=True, max_size=40).map(sorted)


def merge_cycles(a, b):
    """Distinct indices up to where the first list ends: the source's merge, counted without merging."""
    if not a or not b:
        return 0
    end = min(a[-1], b[-1])
    return len({index for index in (*a, *b) if index <= end})


@settings(deadline=None)
@given(lists, lists, st.sampled_from(WINDOWS), st.sampled_from(RULES), st.integers(0, 3), st.integers(0, 3))
@example([], [], 4, "rows", 0, 0)
@example([3], [3], 4, "rows", 3, 2)
@example([0, 1, 2], [5], 2, "counted", 0, 0)
@example(list(range(20)), list(range(20)), 4, "rows", 1, 3)
@example(list(range(20)), list(range(20)), 4, "counted", 0, 0)
def test_matches_are_the_intersection_in_order(a, b, window, rule, start_a, start_b):
    steps = intersect(a, b, window, rule, start_a, start_b)
    matches = [match for step in steps for match in step.matches]
    assert [a[p] for p, _ in matches] == [b[q] for _, q in matches] == sorted(set(a) & set(b))
    taken_a, taken_b = sum(step.taken_a for step in steps), sum(step.taken_b for step in steps)
    assert all((step.taken_a, step.taken_b) != (0, 0) for step in steps)
    assert not steps or taken_a == len(a) or taken_b == len(b)
    if window == 1:
        assert len(steps) == merge_cycles(a, b)
    elif rule == "counted":
        assert all(window in (step.taken_a, step.taken_b) for step in steps[:-1])
        assert len(steps) <= min((len(a) + len(b)) // window + 1, merge_cycles(a, b))
    else:
        rows = sum((start % window + len(fiber) - 1) // window + 1 for start, fiber in ((start_a, a), (start_b, b)))
        assert len(steps) <= max(0, rows - 1)


@settings(deadline=None, max_examples=50)
@given(st.lists(lists, min_size=1, max_size=4), st.lists(lists, min_size=1, max_size=4), st.sampled_from(WINDOWS),
       st.sampled_from(RULES))
def test_many_at_once_are_as_one_by_one(fibers_a, fibers_b, window, rule):
    a, b = (FiberTensor((len(fibers), 61), np.cumsum([0] + [len(fiber) for fiber in fibers]), sum(fibers, []),
                        np.ones(sum(map(len, fibers)))) for fibers in (fibers_a, fibers_b))
    counts = intersect_many(a.indices, b.indices, enumerate_jobs(a, b), window, rule)
    job = 0
    for x, start_a in zip(fibers_a, a.pointers, strict=False):
        for y, start_b in zip(fibers_b, b.pointers, strict=False):
            steps = intersect(x, y, window, rule, int(start_a), int(start_b))
            before_a = sum(step.taken_a for step in steps[:-1])
            before_b = sum(step.taken_b for step in steps[:-1])
            assert counts.cycles[job] == len(steps)
            assert counts.comparisons[job] == sum(step.seen_a * step.seen_b for step in steps)
            assert counts.matches[job] == len(set(x) & set(y))
            assert counts.read_a[job] == (before_a + steps[-1].seen_a if steps else 0)
            assert counts.read_b[job] == (before_b + steps[-1].seen_b if steps else 0)
            job += 1


def test_one_cycle_by_hand():
    # 1 3 5 7 against 3 4 5 6: all of b is at most 7, and 1 3 5 of a are at most 6.
    step, = intersect([1, 3, 5, 7], [3, 4, 5, 6], 4)
    assert (step.seen_a, step.seen_b, step.taken_a, step.taken_b) == (4, 4, 3, 4)
    assert step.matches == ((1, 0), (2, 2))


def test_rows_by_hand():
    # Rows of memory from places 3 and 0: 1 | 3 5 7 9 against 3 4 5 6 | 7.
    steps = intersect([1, 3, 5, 7, 9], [3, 4, 5, 6, 7], 4, "rows", start_a=3)
    assert [(step.seen_a, step.seen_b, step.taken_a, step.taken_b) for step in steps] == [
        (1, 4, 1, 0), (4, 4, 0, 4), (4, 1, 0, 1)]
    assert [step.matches for step in steps] == [(), ((1, 0), (2, 2)), ((3, 4),)]


def test_windows_that_are_none():
    for call in (lambda: intersect([1], [1], 3), lambda: intersect_many([], [], None, 0)):
        with pytest.raises(ValueError, match="must be one of 1, 2, 4 entries"):
            call()
    with pytest.raises(ValueError, match="rule must be one of counted, rows, not 'all'"):
        intersect([1], [1], 2, "all")
