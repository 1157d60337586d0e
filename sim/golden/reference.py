"""Float attention, and measures of what a selection of keys loses."""

import numpy as np

__all__ = ["attention", "attention_weights", "softmax_mass", "top_keys", "topk_agreement"]


def attention_weights(q, k, allowed=None):
    """``softmax(q k^T / sqrt(d))`` over the allowed keys, float64 (Sq, Sk); a row without keys is all zero."""
    scores = q.astype(np.float64) @ k.astype(np.float64).T / np.sqrt(q.shape[1])
    if allowed is not None:
        scores = np.where(allowed, scores, -np.inf)
    largest = scores.max(axis=1, keepdims=True)
    weights = np.exp(scores - np.where(np.isfinite(largest), largest, 0))
    total = weights.sum(axis=1, keepdims=True)
    return weights / np.where(total > 0, total, 1)


def attention(q, k, v, allowed=None):
    """Attention over the allowed keys, float64 (Sq, dv)."""
    return attention_weights(q, k, allowed) @ v.astype(np.float64)


def softmax_mass(q, k, selected, allowed=None):
    """Share of the exact softmax weight that the selected keys hold, mean over the rows that see any key."""
    weights = attention_weights(q, k, allowed)
    rows = weights.sum(axis=1) > 0
    return float((weights * selected).sum(axis=1)[rows].mean()) if rows.any() else 1.0


def top_keys(scores, kept):
    """The `kept` largest of each row, ties to the lower index; bool."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :kept]
    chosen = np.zeros(scores.shape, dtype=bool)
    np.put_along_axis(chosen, best, True, axis=1)
    return chosen


def topk_agreement(q, k, selected, allowed=None):
    """Share of the selected keys that are among the row's exact best, as many as were selected."""
    weights = attention_weights(q, k, allowed)
    agreed = total = 0
    for row, chosen in zip(weights, selected, strict=True):
        count = int(chosen.sum())
        best = np.argsort(-row, kind="stable")[:count]
        agreed += int(chosen[best].sum())
        total += count
    return agreed / total if total else 1.0
