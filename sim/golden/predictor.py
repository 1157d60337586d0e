"""Models of `hw.predictor`: log-domain codes and predicted scores (SOFA section III-A)."""

import numpy as np

from .arith import log_code

__all__ = ["dlzs", "predicted_score", "predicted_sum", "query_code", "upper_bits"]


def dlzs(x, y, width):
    """Differential leading-zero product: `x` exact, `y` snapped down to a power of two.

    ``dlzs(x, y) = sign(y) * (x << floor(log2 |y|))``, and 0 if either is 0; `y` has `width` (8 or 16) bits.
    """
    exponent, sign, zero = log_code(y, width)
    shifted = np.asarray(x, dtype=np.int64) << np.where(zero, 0, exponent)
    return np.where(zero, 0, np.where(sign, -shifted, shifted))


def query_code(elements, base, mode, levels):
    """Model of `QueryEncoder`: arrays ``(sign, level)`` of 16-bit elements.

    ``level = floor(log2 |y|) - base + 1``, 0 below the base and at most `levels`; `mode` 8 codes the upper byte.
    """
    elements = np.asarray(elements, dtype=np.int64)
    exponent, sign, zero = log_code(elements >> (16 - mode), mode)
    level = np.minimum(exponent - base + 1, levels)
    level = np.where(zero | (level < 1), 0, level)
    return np.where(level == 0, 0, sign), level


def predicted_sum(queries, khat, base, parameters):
    """Sums of `ShiftTree` over all channels: int64 (Sq, Sk) of 16-bit queries (Sq, d) and predicted keys (Sk, d)."""
    p = parameters
    sign, level = query_code(queries, base, p.query_code_width, p.code_levels)
    snapped = np.where(level == 0, 0, 1 << np.maximum(level - 1, 0)) * np.where(sign, -1, 1)
    # Exact in float64: |sum| < 2^53.
    return (snapped.astype(np.float64) @ khat.T.astype(np.float64)).astype(np.int64)


def upper_bits(keys, parameters):
    """What the predictor sees of exact keys."""
    return np.asarray(keys, dtype=np.int64) >> (parameters.element_width - parameters.khat_width)


def predicted_score(sums, shift, parameters):
    """Model of the scaling: scores 1 .. 2^score_width - 1, and where they were clipped."""
    limit = (1 << (parameters.score_width - 1)) - 1
    scaled = sums >> shift
    return np.clip(scaled, -limit, limit) + limit + 1, np.abs(scaled) > limit
