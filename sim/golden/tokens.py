"""Models of `hw.generation` and of the prediction of keys from tokens."""

import numpy as np

from .arith import log_code

__all__ = ["khat_sums", "predicted_keys", "project", "project_tokens", "weight_codes"]


def weight_codes(weights):
    """Codes of 8-bit weights, 4 bits each: the sign above ``floor(log2 |w|) + 1``, 0 for a weight of 0."""
    exponent, sign, zero = log_code(weights, 8)
    return np.where(zero, 0, exponent + 1 + 8 * sign.astype(np.int64))


def khat_sums(tokens, codes):
    """Sums of tokens (S, H) of 8 bits, shifted by codes (H, d): int64 (S, d)."""
    codes = np.asarray(codes, dtype=np.int64)
    octave = codes & 7
    snapped = np.where(octave == 0, 0, 1 << np.maximum(octave - 1, 0)) * np.where(codes >> 3, -1, 1)
    # Exact in float64: |sum| < 2^53.
    return (tokens.astype(np.float64) @ snapped.astype(np.float64)).astype(np.int64)


def predicted_keys(tokens, codes, shift, parameters):
    """Model of `TokenSweep`: keys (S, d) of `khat_width` bits."""
    limit = 1 << (parameters.khat_width - 1)
    return np.clip(khat_sums(tokens, codes) >> shift, -limit, limit - 1)


def project(tokens, weights, bias, shift, parameters):
    """Model of `Generator`: vectors (S, d) of tokens (S, H), weights (H, d) and bias (d,)."""
    limit = (1 << (parameters.element_width - 1)) - 1
    # Exact in float64: |sum| < 2^53.
    sums = (tokens.astype(np.float64) @ weights.astype(np.float64)).astype(np.int64)
    return np.clip((sums >> shift) + bias, -limit, limit)


def project_tokens(tokens, parameters):
    """Queries, keys, values and predicted keys of all tokens of a `SofaTokens`."""
    t = tokens
    return (project(t.x, t.wq, t.bq, t.query_shift, parameters), project(t.x, t.wk, t.bk, t.key_shift, parameters),
            project(t.x, t.wv, t.bv, t.value_shift, parameters),
            predicted_keys(t.x8, t.codes, t.khat_shift, parameters))
