"""Sphere-search aided distributed sorting (SADS): segments are sorted one by one, on a 16-to-4 core."""

import numpy as np
from scipy.stats import hypergeom

from gen.claims.claim import between, claims, equal, near
from sim.golden.reference import attention_weights, top_keys
from sim.golden.sorter import extract

from .bitonic import top_four_network

SEGMENTS = 4
KEEP = 0.25
PLACE = "error of S = 1024, n = 4, k = 25 %"


def run_network(values):
    """The sorting network on rows of 16 values; lanes that are dead hold -1."""
    lanes = list(np.asarray(values).T)
    for level in top_four_network():
        for high, low, full in level:
            a, b = lanes[high], lanes[low]
            lanes[high], lanes[low] = np.maximum(a, b), np.minimum(a, b) if full else np.full_like(a, -1)
    return np.stack(lanes, axis=1)


@claims("IV-C", "exact")
def sorting_core(evidence):
    inputs = np.arange(1 << 16)[:, None] >> np.arange(16) & 1
    best = run_network(inputs)[:, :4]
    wanted = -np.sort(-inputs, axis=1)[:, :4]
    right = (best[:, :2] == wanted[:, :2]).all(axis=1) & (-np.sort(-best[:, 2:], axis=1) == wanted[:, 2:]).all(axis=1)
    place = "16-to-4 core, Fig. 13"
    yield equal("inputs of zeros and ones whose four largest are found, the first two in order", place, len(inputs),
                int(right.sum()), f"of {len(inputs):,} inputs",
                "by the zero-one principle it then does so for any values")
    elements = [element for level in top_four_network() for element in level]
    yield between("compare-exchanges of the core", place, None, len(elements), "", high=47,
                  note=f"the paper gives no number; {sum(not full for *_, full in elements)} of them yield the larger "
                       f"value alone; a bitonic sort of 16 has 80")
    yield between("levels of the core", place, None, len(top_four_network()), "", high=9,
                  note="the paper gives no number; a bitonic sort of 16 has 10")


def listed(scores, wanted, radius):
    """Positions of the best entries of a segment, from the definition.

    The order is score descending, position ascending. The first pass takes 16 entries unclipped and then 12 at a
    time those that are not more than `radius` below the best so far; further passes, those not more than `radius`
    below the best of all. Each pass finds four.
    """
    left = sorted(range(len(scores)), key=lambda position: (-scores[position], position))
    chunks = [range(16), *(range(start, start + 12) for start in range(16, len(scores), 12))]
    reachable = set(chunks[0])
    for chunk in chunks[1:]:
        best = max(scores[:chunk.start])
        reachable.update(place for place in chunk if place < len(scores)
                         and (not radius or scores[place] + radius >= best))
    found = [position for position in left if position in reachable][:4]
    rest = [position for position in left if position not in found
            and (not radius or scores[position] + radius >= max(scores))]
    return [*found, *rest][:wanted]


@claims("III-B", "exact")
def lists_of_the_segments(evidence):
    draw = np.random.default_rng(5)
    place = "sorted list of a sub-segment, clipped by the radius r"
    for name, radii in (("without a radius", (0,)), ("with a radius", (3, 10, 40))):
        wrong = count = 0
        for length in (16, 37, 64, 128):
            for radius in radii:
                # Few values make ties.
                scores = draw.integers(1, draw.choice([8, 100]), (50, length))
                wanted = int(draw.integers(1, length // 2))
                positions, found, _ = extract(scores, wanted, length, radius)
                for row in range(len(scores)):
                    ours = positions[row, found[row] > 0].tolist()
                    wrong += ours != listed(scores[row].tolist(), wanted, radius)
                count += len(scores)
        yield between(f"lists that differ from the definition, {name}", place, None, wrong, f"of {count} lists", high=0)


def quota(scores, segments, kept):
    """Keys that contiguous segments of equal quota keep: bool (rows, keys)."""
    return top_keys(scores.reshape(-1, scores.shape[1] // segments), kept // segments).reshape(scores.shape)


@claims("III-B", "statistical")
def selection_error_of_random_scores(evidence):
    keys, rows = 1024, 4000
    kept = round(KEEP * keys)
    order = np.argsort(np.random.default_rng(6).random((rows, keys)), axis=1)
    error = 100 * np.mean(~quota(order, SEGMENTS, kept)[top_keys(order, kept)])
    # A segment holds a hypergeometric number of the row's best keys, and those beyond its quota are lost.
    held = np.arange(kept + 1)
    lost = np.maximum(held - kept // SEGMENTS, 0) @ hypergeom(keys, kept, keys // SEGMENTS).pmf(held)
    yield near("selected keys that differ from exact top-k, random scores", PLACE, 3, error, "%", 1,
               f"{rows:,} rows of which every order is as likely; exactly {100 * SEGMENTS * lost / kept:.2f} % is "
               f"expected, so the paper's figure is about what random places give")


@claims("III-B", "statistical")
def selection_error_of_real_heads(evidence):
    errors, losses, merged_errors, merged_losses = [], [], [], []
    for head, kept in zip(evidence.heads, evidence.kept(KEEP), strict=True):
        q, k, _ = head.arrays
        weights, count = attention_weights(q, k), round(KEEP * len(k))

        def mass(chosen, weights=weights):
            return 100 * (weights * chosen).sum(axis=1).mean()

        exact, chosen = top_keys(head.scores, count), quota(head.scores, SEGMENTS, count)
        errors.append(100 * np.mean(~exact[chosen]))
        losses.append(mass(exact) - mass(chosen))
        # Predicted scores have few values: of equal ones any may be kept.
        worst = -np.partition(-head.predicted, count - 1, axis=1)[:, count - 1, None]
        merged_errors.append(100 * np.mean((head.predicted < worst)[kept.selected]))
        merged_losses.append(mass(top_keys(head.predicted, count)) - mass(kept.selected))
    why = ("exact scores; important keys of a real head lie close together, so contiguous segments of equal quota lose "
           "them")
    ours = ("against the best of the whole row by the same predicted scores; interleaved segments deliver twice their "
            "quota and are merged")
    yield near("selected keys that differ from exact top-k, real heads, equal quota", PLACE, 3,
               np.mean(errors), "%", 1, f"{why}; heads from {min(errors):.1f} to {max(errors):.1f} %")
    yield between("softmax mass that equal quotas lose, real heads", "loss of accuracy", None, np.mean(losses),
                  "points", high=0.2, note=f"{why}; heads up to {max(losses):.1f} points")
    yield between("selected keys that differ from top-k, real heads, merge of Thresher", PLACE, 3,
                  np.mean(merged_errors), "%", high=3, note=ours)
    yield between("softmax mass that the merge of Thresher loses, real heads", "loss of accuracy", None,
                  np.mean(merged_losses), "points", high=0.2, note=ours)
