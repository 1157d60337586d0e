"""Random heads and random legal parameter sets of `sofa`, from one seeded generator."""

import itertools
import math
from dataclasses import replace

import numpy as np

from hw.sofa.parameters import SofaParameters
from sim.golden.predictor import predicted_sum, upper_bits
from sim.golden.tokens import khat_sums, project_tokens, weight_codes
from sim.host.sofa import SofaHead
from sim.host.tokens import SofaTokens

__all__ = ["CONTENTS", "KEEPS", "MASKS", "draw_head", "draw_parameters", "draw_tokens"]

KEEPS = (0.03, 0.125, 0.25, 0.5, 1.0)
CONTENTS = ("normal", "uniform", "coarse", "zero", "largest", "alternating", "outliers")
MASKS = ("none", "random", "empty rows", "all empty", "single key")


_SOURCES = itertools.count()


def _elements(rng, content, rows, columns, limit=32767):
    """Signed 16-bit elements (rows, columns); the symmetric range of the quantiser, or of another limit."""
    if limit != 32767:
        return _elements(rng, content, rows, columns) * limit // 32767
    draw = np.random.default_rng(rng.getrandbits(32))
    match content:
        case "normal":
            x = np.rint(draw.normal(size=(rows, columns)) * 6000)
        case "uniform":
            x = draw.integers(-32767, 32768, (rows, columns))
        case "coarse":                                            # predicted scores tie
            x = draw.integers(-2, 3, (rows, columns)) * 16383
        case "zero":
            x = np.zeros((rows, columns))
        case "largest":
            x = np.full((rows, columns), rng.choice((32767, -32767)))
        case "alternating":
            x = 32767 * (1 - 2 * (np.add.outer(np.arange(rows), np.arange(columns)) % 2))
        case "outliers":                                          # scores saturate, the running maximum jumps
            x = draw.integers(-300, 301, (rows, columns)) * draw.choice((1, 1, 1, 100), (rows, columns))
    return np.clip(x, -32767, 32767).astype(np.int64)


def _mask(rng, kind, queries, keys):
    """Mask of a head: None, or bool (queries, keys)."""
    draw = np.random.default_rng(rng.getrandbits(32))
    match kind:
        case "none":
            return None
        case "random":
            return draw.random((queries, keys)) < rng.choice((0.1, 0.5, 0.9))
        case "empty rows":
            mask = draw.random((queries, keys)) < 0.5
            mask[draw.random(queries) < 0.5] = False
            return mask
        case "all empty":
            return np.zeros((queries, keys), dtype=bool)
        case "single key":
            mask = np.zeros((queries, keys), dtype=bool)
            mask[np.arange(queries), draw.integers(0, keys, queries)] = True
            return mask


def draw_tokens(rng, parameters, count, features, head_dim, value_dim, content=None):
    """Draw tokens and weights of a head; now and then shifts at which results are clipped."""
    p = parameters

    def elements(rows, columns, limit):
        chosen = content or rng.choice((*CONTENTS[:2] * 4, *CONTENTS))
        return _elements(rng, chosen, rows, columns, limit)

    def shift(sums, limit):
        fit = max(0, (int(np.abs(sums).max(initial=0)) // (limit + 1)).bit_length())
        return min(31, max(0, fit - rng.choice((0, 0, 0, 1, 3))))

    x, x8 = elements(count, features, 32767), elements(count, features, 127)
    weights = [elements(features, channels, (1 << (p.weight_width - 1)) - 1)
               for channels in (head_dim, head_dim, value_dim)]
    biases = [elements(1, channels, rng.choice((32767, 1000)))[0] for channels in (head_dim, head_dim, value_dim)]
    codes = weight_codes(elements(features, head_dim, 127))
    shifts = [shift(x.astype(float) @ w.astype(float), 32767) for w in weights]
    khat_shift = shift(khat_sums(x8, codes), (1 << (p.khat_width - 1)) - 1)
    return SofaTokens(x, x8, *weights, *biases, codes, khat_shift, *shifts, source=next(_SOURCES) % 256)


def _features(rng, parameters, head_dim, value_dim):
    """A number of features for which the weights fit; 0 if there is none."""
    most = parameters.most_features(max(head_dim, value_dim))
    return rng.randint(1, most) if most else 0


def draw_head(rng, parameters, *, content=None, mask=None, keep=None, tokens=False, **fixed):
    """Draw a legal head.

    Parameters
    ----------
    rng : random.Random
    parameters : SofaParameters
    content : str, optional
        One of `CONTENTS`, for queries, keys and values; else each draws its own.
    mask : str, optional
        One of `MASKS`.
    keep : float, optional
        Share of the keys to keep.
    tokens : bool or None
        Whether the head is made from tokens; None draws that too.
    **fixed
        ``queries``, ``keys``, ``head_dim``, ``value_dim``, ``features`` (numbers), or fields of `SofaHead`.
    """
    p = parameters
    queries = fixed.pop("queries", None) or rng.choice((1, 2, 3, rng.randint(1, 17), rng.randint(1, 40)))
    keys = fixed.pop("keys", None) or rng.choice((1, rng.randint(1, 20), rng.randint(1, p.max_keys)))
    head_dim = fixed.pop("head_dim", None) or rng.randint(1, p.max_head_dim)
    value_dim = fixed.pop("value_dim", None) or rng.choice((head_dim, rng.randint(1, p.max_head_dim)))
    features = fixed.pop("features", 0)
    source = None
    if p.generator_rows and (tokens or (tokens is None and rng.random() < 0.5)):
        features = features or _features(rng, p, head_dim, value_dim)
    if features:
        queries = min(queries, keys)
        source = draw_tokens(rng, p, keys, features, head_dim, value_dim, content)
    usual = rng.choice(CONTENTS[:3])
    q, k, v = (_elements(rng, content or rng.choice((usual, usual, rng.choice(CONTENTS))), rows, columns)
               for rows, columns in ((queries, head_dim), (keys, head_dim), (keys, value_dim)))
    khat = upper_bits(k, p)
    if source is not None:
        q, k, v, khat = project_tokens(source, p)
        q = q[:queries]
    kind = mask or rng.choice(("none", "none", *MASKS))

    kept = max(1, round((keep or rng.choice(KEEPS)) * keys))
    segments = -(-keys // p.tile)
    merge = fixed.get("merge", rng.random() < 0.6)
    if merge:
        limit = rng.choice((p.max_segment_keys, math.ceil(2 * kept / segments), rng.randint(1, p.tile)))
        segment_keys, extra = min(limit, p.max_segment_keys), 0
    else:
        segment_keys, extra = divmod(min(kept, segments * p.max_segment_keys), segments)
    if segment_keys < p.max_segment_keys and rng.random() < 0.2:
        extra = rng.randint(0 if segment_keys else 1, segments)

    base = rng.choice((max(0, 15 - p.code_levels), rng.randint(0, 15)))
    if p.query_code_width == 8:
        base = min(base, rng.randint(0, 7))
    largest = int(np.abs(predicted_sum(q, khat, base, p)).max(initial=0))
    fit = max(0, (largest >> (p.score_width - 1)).bit_length())
    # Now and then too small a shift, so that predicted or exact scores clip.
    predict_shift = min(max(0, fit - rng.choice((0, 0, 0, 1, 3))), (1 << p.predict_shift_bits) - 1)
    exact = int(np.abs(q.astype(float) @ k.T.astype(float)).max(initial=0))
    score_shift = min(31, max(0, exact.bit_length() - p.log_fraction - rng.choice((3, 4, p.log_integer, 12))))
    drawn = {
        "causal": rng.random() < 0.25, "dense": rng.random() < 0.15, "interleaved": rng.random() < 0.5,
        "return_keys": rng.random() < 0.8, "merge": merge, "kept": kept,
        "segment_keys": segment_keys, "extra_segments": extra, "score_shift": score_shift,
        "predict_shift": predict_shift, "code_base": base,
        "radius": rng.choice((0, 0, rng.randint(1, (1 << p.score_width) - 1))) if p.clipping else 0}
    head = SofaHead(q, k, v, mask=_mask(rng, kind, queries, keys), tokens=source, **drawn)
    return replace(head, **fixed)


def draw_parameters(rng):
    """Draw a small legal parameter set, by drawing until one is legal."""
    while True:
        lanes = rng.choice((2, 4, 8, 16))
        tree_lanes = rng.choice([value for value in (2, 4, 8, 16) if value <= lanes])
        width = 16 * rng.choice([value for value in (2, 4, 8) if value <= tree_lanes])
        slices = rng.choice((1, 1, 2, 3))
        row_multipliers = rng.choice((2, 4, 8))
        rows = slices * 2 * lanes // row_multipliers
        columns = rng.choice([value for value in (1, 2, 4, 8, 16) if value <= tree_lanes])
        tile = rng.choice((4, 8, 16, 32, 64))
        query_code_width = rng.choice((8, 16))
        divisors = [value for value in range(1, rows + 1) if rows // slices % value == 0]
        lanes_out = [value for value in (1, 2, 4, 8) if (width // 16) % value == 0 and lanes % value == 0]
        chosen = {
            "bus_width": width, "rows": rows, "columns": columns, "row_multipliers": row_multipliers, "lanes": lanes,
            "adder_levels": rng.randint(1, 4),
            "tree_lanes": tree_lanes, "rows_per_sorter": rng.choice(divisors or [1]),
            "max_head_dim": rng.choice((1, 3, lanes, lanes + 1, 24, rng.randint(1, 32))),
            "max_keys": rng.choice((32, 64, 128)), "tile": tile,
            "max_segment_keys": rng.choice((tile, rng.randint(1, tile))), "khat_width": rng.choice((2, 4, 5, 8, 16)),
            "query_code_width": query_code_width, "code_levels": rng.randint(1, min(15, query_code_width - 1)),
            "score_width": rng.choice((4, 5, 8, 11, 16)), "clipping": rng.random() < 0.5, "ensure": rng.choice((1, 2)),
            "reuse_rows": rng.choice((1, 2, 4, 16)), "query_groups": rng.randint(2, 9),
            "held_groups": rng.choice((2, 4, 8)), "generator_rows": rng.choice((0, 1, 2, rng.randint(1, width // 16))),
            "max_features": rng.randint(1, 40), "max_weights": rng.choice((64, 300, 2000)),
            "weight_width": rng.randint(8, 16),
            "zclip": rng.randint(1, 5), "log_fraction": rng.randint(6, 12), "log_integer": rng.randint(5, 10),
            "probability_fraction": rng.randint(8, 14), "rescale_step": rng.choice((1, 2, 4)),
            "normalise_lanes": rng.choice(lanes_out), "counters": rng.random() < 0.9}
        try:
            return SofaParameters(**chosen)
        except ValueError:
            continue
