"""Sorted-updating FlashAttention (SU-FA): the running maximum moves on the leading keys of a tile alone."""

import numpy as np

from gen.claims.claim import between, claims
from sim.golden.sorter import segment_keys

KEEP = 0.25
PLACE = "running maximum of the hardware"


def sorted_updating(scores, values, tiles, ensure):
    """Attention of one row with a real exponential, its running maximum raised by each tile's first keys alone.

    Parameters
    ----------
    scores, values : arrays (n,), (n, d)
    tiles : list of arrays
        Keys in the order of their use.
    ensure : int
        Leading keys of a tile that the maximum is compared with.
    """
    largest, total, output = -np.inf, 0.0, np.zeros(values.shape[1])
    for tile in tiles:
        lead = scores[tile[:ensure]].max()
        if lead > largest:
            total, output = total * np.exp(largest - lead), output * np.exp(largest - lead)
            largest = lead
        weights = np.exp(scores[tile] - largest)
        total, output = total + weights.sum(), output + weights @ values[tile]
    return output / total


def as_printed(scores, values, tiles):
    """Fig. 10(b) to the letter: the sums of a tile refer to its own maximum, and only their total is corrected."""
    maxima = [scores[tile].max() for tile in tiles]
    weights = [np.exp(scores[tile] - largest) for tile, largest in zip(tiles, maxima, strict=True)]
    total = sum(part.sum() * np.exp(largest - max(maxima)) for part, largest in zip(weights, maxima, strict=True))
    return sum(part @ values[tile] for part, tile in zip(weights, tiles, strict=True)) / total


def softmax(scores, values):
    weights = np.exp(scores - scores.max())
    return weights @ values / weights.sum()


def random_rows(rows=300):
    """Scores of 2.5 nats, values, and their keys in tiles of random order, so that their leads are no maxima."""
    draw = np.random.default_rng(9)
    for _ in range(rows):
        keys = int(draw.integers(1, 200))
        tiles = np.array_split(draw.permutation(keys), int(draw.integers(1, min(keys, 16) + 1)))
        yield 2.5 * draw.standard_normal(keys), draw.standard_normal((keys, 16)), tiles


@claims("III-C", "exact")
def result_of_the_running_maximum(evidence):
    error = max(np.abs(sorted_updating(scores, values, tiles, ensure) - softmax(scores, values)).max()
                for scores, values, tiles in random_rows() for ensure in (1, 2))
    yield between("largest difference to softmax, keys in any order, leads that are not the maximum", PLACE, None,
                  error, "", high=1e-12, note="a wrong maximum cancels: it costs range, never correctness")


@claims("III-C", "statistical")
def result_of_the_printed_procedure(evidence):
    pairs = [(as_printed(scores, values, tiles), softmax(scores, values)) for scores, values, tiles in random_rows()]
    error = np.median([np.abs(printed - exact).max() / np.abs(exact).max() for printed, exact in pairs])
    yield between("difference of the printed procedure to softmax, median, over the largest output", "Fig. 10(b)", None,
                  error, "", high=1e-12,
                  note="outputs are not rescaled when the maximum moves between tiles; the hardware of Section IV-D is "
                       "described with a running maximum, and is right")


def by_tile(scores, selected, tile):
    """Scores of the kept keys by tile, (rows, tiles, tile); keys that are not kept or do not exist are -inf."""
    members = segment_keys(scores.shape[1], tile, interleaved=True)
    place = np.full((len(members), tile), -1)
    for index, keys in enumerate(members):
        place[index, :len(keys)] = keys
    return np.where(selected[:, place] & (place >= 0), scores[:, place], -np.inf)


def overshoots(head, kept, tile):
    """By how much the best kept key of each tile exceeds the first, and the first two, of the prediction, in nats."""
    exact = by_tile(head.scores, kept.selected, tile)
    order = np.argsort(-by_tile(head.predicted, kept.selected, tile), axis=2, kind="stable")
    best = exact.max(axis=2)
    # Tiles of which nothing is kept have no lead.
    there = np.isfinite(best)
    return [best[there] - np.take_along_axis(exact, order[:, :, :ensure], axis=2).max(axis=2)[there]
            for ensure in (1, 2)]


@claims("IV-D", "statistical")
def updates_of_the_maximum(evidence):
    heads, p = evidence.kept(KEEP), evidence.parameters
    rows = sum(len(head.selected) for head in heads)
    kept = sum(int(head.selected.sum()) for head in heads)
    # Only which keys are kept matters here, so the masks stand for the scores.
    tiles = sum(int(np.isfinite(by_tile(head.selected, head.selected, p.tile)).any(axis=2).sum()) for head in heads)
    yield between("comparisons with the running maximum over those of FlashAttention-2, one a kept key", PLACE, None,
                  100 * sum(head.leads for head in heads) / kept, "%", high=100 * p.ensure * tiles / kept,
                  note=f"{p.ensure} leads a tile of {p.tile}, a quarter of the keys kept; shorter lists gain less. "
                       f"Thresher also compares each key with the range of its exponential")
    yield between("raises of the maximum after the first key of a row", PLACE, None,
                  sum(head.counters["max_raise"] for head in heads) / rows, "a row",
                  high=sum(1 / place for place in range(2, round(tiles / rows) + 1)),
                  note=f"FlashAttention-2 rescales once a tile, {tiles / rows:.1f} times a row; tiles in random order "
                       f"would raise it as often as the accepted limit")


@claims("IV-D", "statistical")
def mispredicted_maximum(evidence):
    heads, tile = evidence.kept(KEEP), evidence.parameters.tile
    pairs = zip(*(overshoots(head, kept, tile) for head, kept in zip(evidence.heads, heads, strict=True)), strict=True)
    one, two = (np.concatenate(parts) for parts in pairs)
    clipped = sum(head.counters["z_clip"] for head in heads) / sum(int(head.selected.sum()) for head in heads)
    yield between("tiles whose best key is not the first, and not among the first two, of the prediction",
                  "max-ensure, AP module", None, [100 * np.mean(one > 0), 100 * np.mean(two > 0)], "%", low=0.1,
                  note=f"tiles of {tile}, real heads; above 0 the maximum must be ensured, as the paper does")
    yield between("99th percentile of the overshoot over the first, and over the first two",
                  "max-ensure, AP module", None, [np.quantile(one, 0.99), np.quantile(two, 0.99)], "nats", high=2,
                  note=f"at most {one.max():.1f} and {two.max():.1f} nats; {1e6 * clipped:.1f} of a million kept keys "
                       f"are beyond the range of the exponential and raise the maximum themselves")
