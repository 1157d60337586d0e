"""Models of `hw.attention`: exact scores, sorted-updating softmax, division (SU-FA)."""

import numpy as np

from hw.arith.bipartite import bipartite_exp2
from hw.attention.normalise import RECIPROCAL_BITS

from .arith import reciprocal, scaled_exp2

__all__ = ["attend", "exact_scores", "normalise"]


def exact_scores(queries, keys, shift, parameters):
    """Model of `DotProduct`: scores in steps of 2^-log_fraction octaves, and where they were clipped."""
    p = parameters
    # Exact in float64: |sum| < 2^53.
    sums = (queries.astype(np.float64) @ keys.T.astype(np.float64)).astype(np.int64)
    limit = (1 << (p.log_width - 1)) - 1
    scaled = sums >> shift
    return np.clip(scaled, -limit, limit), np.abs(scaled) > limit


def normalise(totals, sums, parameters):
    """Model of `Normalise`: int64 (rows, dv) outputs of accumulated (rows, dv) totals and (rows,) sums."""
    p = parameters
    factor, exponent, zero = (np.asarray(part).astype(np.int64)[:, None]
                              for part in reciprocal(sums, RECIPROCAL_BITS))
    shift = np.where(zero, 0, exponent - 1 - p.product_drop)
    aligned = np.where(zero, 0, totals >> shift)
    rounded = (aligned * factor + (1 << RECIPROCAL_BITS)) >> (RECIPROCAL_BITS + 1)
    limit = (1 << (p.element_width - 1)) - 1
    return np.clip(rounded, -limit, limit)


def attend(scores, values, rows, parameters):
    """Model of `Softmax`, `ValueLane` and `Normalise` for all rows.

    Parameters
    ----------
    scores : array (Sq, Sk) of int
        Exact scores.
    values : array (Sk, dv) of int
    rows : list of KeptKeys
        Keys of each row, in order.
    parameters : SofaParameters

    Returns
    -------
    outputs : int64 (Sq, dv)
    counters : dict
        ``max_raise``, ``z_pos`` and ``z_clip``.
    rescale_steps : int64 (Sq,)
        Steps by which the running maximum was raised.
    """
    p = parameters
    unit = p.log_fraction + p.rescale_step.bit_length() - 1
    table = bipartite_exp2(p.log_fraction, max(p.probability_fraction + 2, p.log_fraction))
    count = len(rows)
    values = values.astype(np.int64)
    totals = np.zeros((count, values.shape[1]), dtype=np.int64)
    sums = np.zeros(count, dtype=np.int64)
    maximum = np.zeros(count, dtype=np.int64)
    steps = np.zeros(count, dtype=np.int64)
    counters = dict(max_raise=0, z_pos=0, z_clip=0)
    lengths = np.array([len(row.keys) for row in rows])
    for place in range(lengths.max(initial=0)):
        active = np.flatnonzero(lengths > place)
        keys = np.array([rows[row].keys[place] for row in active])
        lead = np.array([rows[row].lead[place] for row in active])
        score = scores[active, keys]
        level = -(-score >> unit)
        if place == 0:
            maximum[active] = level
            raised = np.zeros(len(active), dtype=np.int64)
        else:
            above = level - maximum[active] > p.zclip // p.rescale_step
            raised = np.where(lead | above, np.maximum(level - maximum[active], 0), 0)
            counters["z_clip"] += int((above & ~lead).sum())
            maximum[active] += raised
            steps[active] += raised
            counters["max_raise"] += int((raised > 0).sum())
            shift = np.minimum(raised * p.rescale_step, 62)
            cleared = raised >= p.clear_steps
            totals[active] = np.where(cleared[:, None], 0, totals[active] >> shift[:, None])
            sums[active] = np.where(cleared, 0, sums[active] >> shift)
        probability, _, positive = scaled_exp2(score - (maximum[active] << unit), table, p.zclip,
                                                     p.probability_fraction)
        probability = probability.astype(np.int64)
        counters["z_pos"] += int(positive.sum())
        totals[active] += (probability[:, None] * values[keys]) >> p.product_drop
        sums[active] += probability
    return normalise(totals, sums, p), counters, steps
