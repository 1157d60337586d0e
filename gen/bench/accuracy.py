"""What prediction and selection lose on real heads, by the golden model."""

import dataclasses

import numpy as np

from sim.golden.attention import attend, exact_scores
from sim.golden.predictor import dlzs, predicted_score, predicted_sum, upper_bits
from sim.golden.reference import attention, attention_weights, top_keys
from sim.golden.sofa import choose_keys
from sim.host.quantise import Selection, plan_head

__all__ = ["POLICIES", "PREDICTORS", "head_accuracy", "predictor_scores"]

#: Selections that follow the prediction: name to policy, interleaved and tile (None: of the configuration).
POLICIES = {
    "merge_interleaved": ("merge", True, None),
    "merge_contiguous": ("merge", False, None),
    "quota_interleaved": ("quota", True, None),
    "quota_contiguous": ("quota", False, None),
    "quota_contiguous_tile_64": ("quota", False, 64),
}

#: Predictors without a selection of their own: their best keys of the whole row are kept.
PREDICTORS = {
    "predictor": "the predictor of the configuration alone",
    "predictor_full_width": "query snapped with all octaves, key of 16 bits, sum not scaled",
    "multiplier_4x4": "query and key rounded to 4 bits, exact products",
    "both_snapped": "query and key of 16 bits, both snapped to powers of two",
}


def rounded(x, bits):
    """Symmetric rounding of a whole tensor to `bits` bits."""
    limit = (1 << (bits - 1)) - 1
    largest = float(np.abs(x).max(initial=0.0))
    return np.rint(x * (limit / largest)) if largest else np.zeros_like(x)


def snapped(x):
    """The power of two at or below each 16-bit number, with its sign."""
    return dlzs(1, x, 16)


def predictor_scores(q, k, head, parameters):
    """Predicted scores of each of :data:`PREDICTORS`: arrays (Sq, Sk)."""
    khat = upper_bits(head.keys, parameters)
    scores, _ = predicted_score(predicted_sum(head.queries, khat, head.code_base, parameters), head.predict_shift,
                                parameters)
    query_snapped = snapped(head.queries).astype(np.float64)
    return {
        "predictor": scores,
        "predictor_full_width": query_snapped @ head.keys.T.astype(np.float64),
        "multiplier_4x4": rounded(q, 4).astype(np.float64) @ rounded(k, 4).T.astype(np.float64),
        "both_snapped": query_snapped @ snapped(head.keys).T.astype(np.float64),
    }


def head_accuracy(q, k, v, keep, parameters):
    """Measure one head at one share of kept keys.

    Every row keeps ``round(keep Sk)`` keys, so agreement is the share of kept keys that are among the row's
    exact best, and mass the share of the exact softmax weight that kept keys hold, mean over rows.

    Parameters
    ----------
    q, k, v : float arrays (Sq, d), (Sk, d), (Sk, dv)
    keep : float
    parameters : SofaParameters
        Of the predictor, the sorter and the attention; policies may replace the tile.

    Returns
    -------
    dict
        ``mass`` of ``exact`` top-k, of each policy and of each predictor; ``agreement`` of the same but
        ``exact``; ``max_error_over_selected``: largest difference of the outputs with merge and interleaved
        segments to float attention over the keys that were kept, over its largest output; ``kept``.
    """
    weights = attention_weights(q, k)
    head, value_scale = plan_head(q, k, v, Selection(keep=keep), parameters)
    scores = predictor_scores(q, k, head, parameters)
    exact = top_keys(q.astype(np.float64) @ k.astype(np.float64).T, head.kept)
    masks = {name: top_keys(predicted, head.kept) for name, predicted in scores.items()}
    for name, (policy, interleaved, tile) in POLICIES.items():
        selection = Selection(keep=keep, policy=policy, interleaved=interleaved)
        rows = selected_rows(q, k, v, scores["predictor"], selection, parameters, tile)
        masks[name] = np.zeros(weights.shape, dtype=bool)
        for mask, row in zip(masks[name], rows, strict=True):
            mask[row.keys] = True
        if name == "merge_interleaved":
            raw, _, _ = attend(exact_scores(head.queries, head.keys, head.score_shift, parameters)[0],
                               head.values, rows, parameters)
    expected = attention(q, k, v, masks["merge_interleaved"])
    error = np.abs(raw * value_scale - expected).max() / np.abs(expected).max()
    return {
        "kept": head.kept,
        "mass": {name: float((weights * mask).sum(axis=1).mean())
                 for name, mask in {"exact": exact, **masks}.items()},
        "agreement": {name: float((exact & mask).sum() / mask.sum()) for name, mask in masks.items()},
        "max_error_over_selected": float(error),
    }


def selected_rows(q, k, v, scores, selection, parameters, tile):
    """Kept keys of each row by a policy, from scores already predicted."""
    p = parameters if tile is None else retiled(parameters, tile)
    head, _ = plan_head(q, k, v, selection, p)
    return choose_keys(scores, head, p)[0]


def retiled(parameters, tile):
    """The configuration with another tile, all of which a segment may deliver."""
    return dataclasses.replace(parameters, tile=tile, max_segment_keys=tile)
