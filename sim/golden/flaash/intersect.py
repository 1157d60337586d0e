"""Intersection of two ascending lists of indices by windows, as a dot product engine does it.

A cycle sees a window of each list, ``A`` of at most W entries from the place ``p`` on and ``B`` from ``q`` on:

* all pairs are compared, and those of equal index are multiplied, in ascending order;
* then the sides advance, past nothing that something later could equal;
* the dot product ends with the cycle that takes the last entry of either list. With an empty list it takes no cycle.

Two rules say what a window is and how far a side advances:

``counted``
    The next W entries, or those that are left. The side a advances by the number of entries of A that are at most
    ``max(B)``, the side b by the number of entries of B that are at most ``max(A)``: the side with the smaller maximum
    by its whole window, and the other by what it has up to there. Both advance wholly when the maxima are equal. It
    takes the fewest cycles, but every window has to be shifted by 0..W entries before the next comparison.
``rows``
    What is left of a row of memory, W entries at places that are a multiple of W and those that follow. The side with
    the smaller maximum drops its whole row, both do when the maxima are equal, and the other stays. Nothing is shifted:
    the next cycle depends on one comparison only.

Matches are the same in the same order under both. W = 1 is the merge of FLAASH under both: the smaller index advances,
and both where they match. Under ``counted`` this holds of partly filled windows, too (of at least one entry each): then
``max`` is of what is seen, whatever that is.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["Intersection", "RULES", "Step", "WINDOWS", "intersect", "intersect_many"]

WINDOWS = (1, 2, 4)
RULES = ("counted", "rows")


@dataclass(frozen=True)
class Step:
    """One cycle: entries seen and taken of each side, and the matches as pairs of places in the lists."""

    seen_a: int
    seen_b: int
    taken_a: int
    taken_b: int
    matches: tuple


@dataclass(frozen=True)
class Intersection:
    """Counts of dot products, of each of them as arrays: ``cycles`` of comparing, compared pairs, ``matches``, and the
    entries ``read_a`` and ``read_b`` that have been in a window."""

    cycles: np.ndarray
    comparisons: np.ndarray
    matches: np.ndarray
    read_a: np.ndarray
    read_b: np.ndarray


def check_window(window, rule):
    if window not in WINDOWS:
        raise ValueError(f"the window must be one of {', '.join(map(str, WINDOWS))} entries, not {window!r}")
    if rule not in RULES:
        raise ValueError(f"the rule must be one of {', '.join(RULES)}, not {rule!r}")


def intersect(a, b, window=1, rule="counted", start_a=0, start_b=0):
    """The cycles of one dot product.

    Parameters
    ----------
    a, b : sequences of int
        Ascending.
    window : int
        W: 1, 2 or 4.
    rule : str
        ``counted`` or ``rows``.
    start_a, start_b : int
        Places of the first entries in memory, which the rule ``rows`` depends on.

    Returns
    -------
    list of Step
    """
    check_window(window, rule)
    p = q = 0
    steps = []
    while p < len(a) and q < len(b):
        ends = [window if rule == "counted" else window - (start + place) % window
                for start, place in ((start_a, p), (start_b, q))]
        seen_a, seen_b = a[p:p + ends[0]], b[q:q + ends[1]]
        matches = tuple((p + i, q + j) for i, x in enumerate(seen_a) for j, y in enumerate(seen_b) if x == y)
        if rule == "counted":
            taken_a = sum(bool(x <= seen_b[-1]) for x in seen_a)
            taken_b = sum(bool(y <= seen_a[-1]) for y in seen_b)
        else:
            taken_a = len(seen_a) if seen_a[-1] <= seen_b[-1] else 0
            taken_b = len(seen_b) if seen_b[-1] <= seen_a[-1] else 0
        steps.append(Step(len(seen_a), len(seen_b), taken_a, taken_b, matches))
        p, q = p + taken_a, q + taken_b
    return steps


def intersect_many(a, b, jobs, window=1, rule="counted"):
    """Counts of many dot products at once.

    Parameters
    ----------
    a, b : arrays of int
        Indices of all entries of the two memories.
    jobs : Jobs
        Ranges of entries; indices ascend within each.
    window : int
        W: 1, 2 or 4.
    rule : str
        ``counted`` or ``rows``.

    Returns
    -------
    Intersection
    """
    check_window(window, rule)
    p, q = jobs.a_start.copy(), jobs.b_start.copy()
    counts = {name: np.zeros(len(p), dtype=np.int64) for name in ("cycles", "comparisons", "matches")}
    read_a, read_b = p.copy(), q.copy()
    while True:
        alive = np.flatnonzero((p < jobs.a_end) & (q < jobs.b_end))
        if not len(alive):
            break
        here_a, here_b = p[alive], q[alive]
        end_a, end_b = (here + window - (here % window if rule == "rows" else 0) for here in (here_a, here_b))
        end_a, end_b = np.minimum(end_a, jobs.a_end[alive]), np.minimum(end_b, jobs.b_end[alive])
        limit_a, limit_b = a[end_a - 1], b[end_b - 1]
        counts["cycles"][alive] += 1
        counts["comparisons"][alive] += (end_a - here_a) * (end_b - here_b)
        read_a[alive], read_b[alive] = end_a, end_b
        if rule == "rows":
            p[alive] = np.where(limit_a <= limit_b, end_a, here_a)
            q[alive] = np.where(limit_b <= limit_a, end_b, here_b)
        for i in range(window):
            place_a, place_b = np.minimum(here_a + i, end_a - 1), np.minimum(here_b + i, end_b - 1)
            valid_a, valid_b = here_a + i < end_a, here_b + i < end_b
            if rule == "counted":
                p[alive] += valid_a & (a[place_a] <= limit_b)
                q[alive] += valid_b & (b[place_b] <= limit_a)
            for j in range(window):
                other = np.minimum(here_b + j, end_b - 1)
                counts["matches"][alive] += valid_a & (here_b + j < end_b) & (a[place_a] == b[other])
    return Intersection(**counts, read_a=read_a - jobs.a_start, read_b=read_b - jobs.b_start)
