"""What sorting in segments costs: comparisons, rounds of the 16-to-4 core, and entries that are clipped."""

import math

import numpy as np

from gen.claims.claim import Claim, between, claims, near
from sim.golden.sorter import extract

__all__ = ["selection_comparisons", "sorting_rounds"]

KEYS = 1024
KEPT = 256
SEGMENTS = (4, 8, 16, 32)
WHERE = "S = 1024, k = 25 %, n = " + ", ".join(map(str, SEGMENTS))

TILE = 128
RADII = (8, 5, 3)
STEPS_PER_NAT = 16
ROWS = 400


def selection_comparisons(keys, kept, segments):
    """Comparisons of repeated extraction of the largest of what is left, segment by segment."""
    length = keys // segments
    return segments * sum(length - 1 - found for found in range(kept // segments))


def sorting_rounds(keys, kept, segments):
    """Rounds of the 16-to-4 core: each takes 12 new entries beside four, a pass over a segment finds four keys."""
    rounds = 0
    for _ in range(segments):
        for _ in range(0, kept // segments, 4):
            taken = 4
            while taken < keys // segments:
                taken += 12
                rounds += 1
    return rounds


@claims("III-B", "exact")
def comparisons_of_a_row(evidence):
    whole = selection_comparisons(KEYS, KEPT, 1)
    ours = [whole / selection_comparisons(KEYS, KEPT, count) for count in SEGMENTS]
    yield near(f"factor by which the comparisons of a selection fall, {WHERE}", "complexity O(S · kS / n)",
               list(SEGMENTS), ours, "", 0.6,
               f"{whole:,} comparisons without segments; a bitonic sort of 1,024 needs 28,160")


@claims("IV-C", "exact")
def rounds_of_the_core(evidence):
    ours = [sorting_rounds(KEYS, KEPT, count) for count in SEGMENTS]
    expected = [count * math.ceil(KEPT / count / 4) * math.ceil((KEYS / count - 4) / 12) for count in SEGMENTS]
    yield Claim(f"rounds of the core for a row, {WHERE}", "12 new entries and four fed back a round", None, ours,
                "rounds", ours == expected, "n ceil(k S / 4n) ceil((S / n - 4) / 12)",
                "the paper prints no number; a pass finds four keys")


def clipped_pass(scores, radius):
    """One pass with the paper's threshold, the larger of ``max - radius`` and the fourth best so far.

    Returns
    -------
    best : array (rows, 4)
        What the pass finds, descending.
    blocked : float
        Share of the entries that the threshold replaces.
    """
    best, blocked = np.full((len(scores), 4), -np.inf), 0
    for start in range(0, scores.shape[1], 12):
        chunk = scores[:, start:start + 12]
        outside = chunk < np.maximum(best[:, :1] - radius, best[:, 3:])
        blocked += int(outside.sum())
        best = -np.sort(-np.concatenate([best, np.where(outside, -np.inf, chunk)], axis=1), axis=1)[:, :4]
    return best, blocked / scores.size


def random_scores():
    """Scores of segments, with a standard deviation of 2.5 nats."""
    return 2.5 * np.random.default_rng(8).standard_normal((ROWS, TILE))


@claims("IV-C", "exact")
def clipping_by_the_fourth_best(evidence):
    scores = random_scores()
    best, _ = clipped_pass(scores, np.inf)
    differ = (best != -np.sort(-scores, axis=1)[:, :4]).any(axis=1)
    yield between("four best keys of a segment that clipping below the fourth best changes", "clipping unit", None,
                  int(differ.sum()), f"of {ROWS} segments", high=0)


@claims("IV-C", "statistical")
def clipping_by_the_radius(evidence):
    scores = random_scores()
    blocked = [100 * clipped_pass(scores, radius)[1] for radius in (np.inf, *RADII)]
    yield between(f"entries blocked in a pass, r = ∞, {', '.join(map(str, RADII))} nats", "clipping unit", None,
                  blocked, "%", low=80, high=85,
                  note=f"{TILE} keys, scores of 2.5 nats; the fourth best blocks nearly all, so the radius hardly "
                       f"matters")
    wanted = TILE // 4
    steps = 1 + np.rint((scores - scores.min()) * STEPS_PER_NAT).astype(np.int64)
    lost = [100 * np.mean(extract(steps, wanted, TILE, radius * STEPS_PER_NAT)[1][:, :wanted] == 0) for radius in RADII]
    gap = np.mean(scores.max(axis=1) - np.sort(scores, axis=1)[:, -wanted])
    yield between(f"keys of a list of {wanted} that the radius loses, r = {', '.join(map(str, RADII))} nats",
                  "clipping unit", None, lost, "%", high=1,
                  note=f"the {wanted}nd best is {gap:.1f} nats below the best on average; the paper does not give r, "
                       f"and a small one shortens the lists, though what it loses weighs less than e^-r of the best")
