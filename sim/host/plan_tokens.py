"""Quantisation of heads that are made from tokens."""

from dataclasses import replace

import numpy as np

from sim.golden.tokens import khat_sums, project_tokens, weight_codes

from .quantise import plan_selection, quantise, query_scale, scale_of
from .sofa import SofaHead
from .tokens import SofaTokens

__all__ = ["KHAT_CLIPPED", "plan_tokens"]

#: Share of the predicted key elements that may be clipped: the others then have a bit more.
KHAT_CLIPPED = 0.01


def plan_tokens(x, wq, wk, wv, bq, bk, bv, selection, parameters, mask=None, source=0):
    """Quantise tokens and weights of a head, and choose its shifts.

    ``y = x w + b`` becomes ``Y = ((X W) >> shift) + B`` with ``Y = y / scale``: `x` has one scale, `Y` that of
    :func:`plan_head`, and the shift is the largest one for which the weights fit ``weight_width`` bits. The scales of
    queries, keys and values are those of these tokens.

    Parameters
    ----------
    x : float array (S, H)
    wq, wk, wv : float arrays (H, d), (H, d), (H, dv)
    bq, bk, bv : float arrays (d,), (d,), (dv,)
    selection : Selection
    parameters : SofaParameters
    mask : bool array (Sq, S) or None
        True where a row may see a key.
    source : int
        What the requests for these tokens carry, 0 to 255.

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
    x_scale, x8_scale, w8_scale = scale_of(x), scale_of(x, 127), scale_of(wk, 127)
    q, k, v = (x @ w + b for w, b in ((wq, bq), (wk, bk), (wv, bv)))
    k_scale, v_scale = scale_of(k), scale_of(v)
    q_scale, score_shift = query_scale(q, k_scale, p)
    projections = [_projection(w, b, x_scale, scale, p) for w, b, scale in (
        (wq, bq, q_scale), (wk, bk, k_scale), (wv, bv, v_scale))]
    (weights, biases, shifts) = zip(*projections, strict=True)
    tokens = SofaTokens(quantise(x, x_scale), quantise(x, x8_scale, 127), *weights, *biases,
                        weight_codes(quantise(wk, w8_scale, 127)), 0, *shifts, source=source)
    tokens = replace(tokens, khat_shift=_khat_shift(tokens, p))
    queries, keys, values, khat = project_tokens(tokens, p)
    head = SofaHead(queries, keys, values, mask=mask, score_shift=score_shift, tokens=tokens)
    return plan_selection(head, khat, selection, p), v_scale


def _projection(weights, bias, x_scale, y_scale, parameters):
    """Integer weights, bias and shift of one projection."""
    limit = (1 << (parameters.weight_width - 1)) - 1
    ratio = x_scale / y_scale                                 # W = w * ratio * 2^shift
    largest = float(np.abs(weights).max(initial=0.0)) * ratio
    shift = int(np.clip(np.floor(np.log2(limit / largest)) if largest > 0 else 0, 0, 31))
    return quantise(weights, 1 / (ratio * 2.0 ** shift), limit), quantise(bias, y_scale), shift


def _khat_shift(tokens, parameters):
    """Smallest shift at which few of the predicted key elements are clipped."""
    sums = khat_sums(tokens.x8, tokens.codes)
    limit = 1 << (parameters.khat_width - 1)
    shift = 0
    while np.mean((sums >> shift >= limit) | (sums >> shift < -limit)) > KHAT_CLIPPED:
        shift += 1
    return shift
