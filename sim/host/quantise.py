"""Quantisation of real heads for `sofa`: symmetric elements, static shifts, and the plan of the selection."""

from dataclasses import dataclass, replace

import numpy as np

from sim.golden.attention import exact_scores
from sim.golden.predictor import predicted_sum, upper_bits

from .sofa import SofaHead

__all__ = ["Selection", "plan_head"]


@dataclass(frozen=True)
class Selection:
    """Which keys to keep: the run-time choices of a head.

    ``keep`` is the share of the keys that each row keeps; ``policy`` is "merge" or "quota"; ``factor`` times
    its quota is the most that a segment delivers to a merge; ``dense`` bypasses prediction and keeps all.
    """

    keep: float = 0.25
    policy: str = "merge"
    factor: float = 2.0
    causal: bool = False
    dense: bool = False
    interleaved: bool = True
    radius: int = 0


def quantise(x, scale, limit=32767):
    """Round `x / scale` to integers within the limit."""
    return np.clip(np.rint(x / scale), -limit, limit).astype(np.int64)


def scale_of(x, limit=32767):
    """Scale at which the largest element is the limit; 1 if all are 0."""
    largest = float(np.abs(x).max(initial=0.0))
    return largest / limit if largest > 0 else 1.0


def segment_plan(keys, kept, selection, masked, parameters):
    """Keys that each segment delivers: ``(segment_keys, extra_segments)``.

    Quota: ``kept / n``, one more in the first ``kept mod n`` segments. Merge: ``ceil(factor * kept / n)``; all
    of them where a mask could leave too few in the other segments.

    Raises
    ------
    ValueError
        If the configuration cannot deliver that many.
    """
    p = parameters
    segments = -(-keys // p.tile)
    if selection.policy == "quota":
        wanted, extra = divmod(kept, segments)
    else:
        uneven = masked or (selection.causal and not selection.interleaved)
        wanted = p.tile if uneven else min(p.tile, int(np.ceil(selection.factor * kept / segments)))
        wanted, extra = min(wanted, p.max_segment_keys), 0
    if wanted + (extra > 0) > p.max_segment_keys or wanted * segments + extra < kept:
        raise ValueError(f"at most {p.max_segment_keys * segments} of {keys} keys can be kept with max_segment_keys "
                         f"= {p.max_segment_keys}, not {kept}")
    return wanted, extra


def plan_head(q, k, v, selection, parameters, mask=None):
    """Quantise a head and choose its shifts.

    Scores must come out in octaves: ``log2(e) q k / sqrt(d) = (Q K) 2^-(log_fraction + score_shift)``. Keys and
    values use the full range of an element; the scale of the queries makes the rest a power of two. The
    predictor's base and shift fit the head's largest query element and largest predicted sum.

    Parameters
    ----------
    q, k, v : float arrays (Sq, d), (Sk, d), (Sk, dv)
    selection : Selection
    parameters : SofaParameters
    mask : bool array (Sq, Sk) or None
        True where a row may see a key.

    Returns
    -------
    head : SofaHead
    value_scale : float
        An output element is this times its integer.

    Raises
    ------
    ValueError
        If the configuration cannot keep that many keys.
    """
    p = parameters
    k_scale, v_scale = scale_of(k), scale_of(v)
    q_scale, shift = query_scale(q, k_scale, p)
    queries, keys, values = quantise(q, q_scale), quantise(k, k_scale), quantise(v, v_scale)
    head = SofaHead(queries, keys, values, mask=mask, score_shift=shift)
    return plan_selection(head, upper_bits(keys, p), selection, p), v_scale


def query_scale(q, k_scale, parameters):
    """Scale of the queries, and the shift that makes their product with the keys a score in octaves.

    The largest shift for which the queries fit; scores saturate beyond their range.
    """
    unit = np.log2(np.e) / np.sqrt(q.shape[1]) * k_scale * 2.0 ** parameters.log_fraction
    largest = float(np.abs(q).max(initial=0.0)) * unit
    shift = int(np.clip(np.floor(np.log2(32767 / largest)) if largest > 0 else 31, 0, 31))
    return 1 / (unit * 2.0 ** shift), shift


def plan_selection(head, khat, selection, parameters):
    """A head with all that its prediction and selection need: how many keys, base and shift of the predictor.

    Raises
    ------
    ValueError
        If the configuration cannot keep that many keys.
    """
    p = parameters
    kept = max(1, round(selection.keep * len(head.keys)))
    segment_keys, extra = segment_plan(len(head.keys), kept, selection, head.mask is not None, p)
    visible = int(np.abs(head.queries >> (p.element_width - p.query_code_width)).max(initial=0))
    base = max(0, visible.bit_length() - p.code_levels)
    sums = predicted_sum(head.queries, khat, base, p)
    limit = (1 << (p.score_width - 1)) - 1
    predict_shift = 0
    while max(int((sums >> predict_shift).max(initial=0)), -int((sums >> predict_shift).min(initial=0))) > limit:
        predict_shift += 1
    return replace(
        head, causal=selection.causal, dense=selection.dense, merge=selection.policy == "merge",
        interleaved=selection.interleaved, kept=kept, segment_keys=segment_keys, extra_segments=extra,
        predict_shift=predict_shift, code_base=base, radius=selection.radius)


def overflows(head, parameters):
    """Exact scores of a head that exceed their range; 0 for real heads."""
    return int(exact_scores(head.queries, head.keys, head.score_shift, parameters)[1].sum())
