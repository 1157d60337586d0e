"""Real vectors and coefficients as elements of fixed point, with the halving of stages that keeps them in range."""

from dataclasses import dataclass

import numpy as np

from sim.golden.butterfly import choose_scaling, find_format

__all__ = ["FixedTask", "fixed_task"]


@dataclass(frozen=True)
class FixedTask:
    """Vectors and coefficients of a task as elements.

    ``scaling`` has 1 for each stage that is halved. Results times ``2^exponent`` are those of the real values.
    ``saturated`` elements of all stages saturate all the same, of vectors that no headroom helps.
    """

    x: object
    w: object
    scaling: list
    exponent: int
    saturated: int


def exponent_of(values, limit):
    """Least ``e`` for which all magnitudes times ``2^-e`` are at most `limit`; 0 for zeros."""
    largest = float(np.max(np.abs(values), initial=0.0))
    if largest == 0 or not np.isfinite(largest):
        return 0
    exponent = int(np.ceil(np.log2(largest / limit)))
    return exponent + (np.ldexp(largest, -exponent) > limit)


def fixed_task(x, w=None, form="fixed16"):
    """Bring vectors into the range of a format and choose the stages to halve.

    The rule: all vectors are multiplied by the power of two that brings the largest magnitude just within 1, and the
    coefficients of each stage, if they reach 2, by one that brings them below; then the first stages that would
    saturate an element of these vectors are halved, and no others (`choose_scaling`). Where that is not enough,
    because coefficients let a stage grow fourfold, the vectors are halved once more, up to 8 times.

    Parameters
    ----------
    x : array (batch, N)
        Real vectors with coefficients, else real or complex ones to transform.
    w : array (log2 N, N/2, 2, 2) or None
    form : str or FixedFormat

    Returns
    -------
    FixedTask

    Raises
    ------
    ValueError
        A value is not finite, or a shape is not legal.
    """
    form, x = find_format(form), np.asarray(x)
    if not np.isfinite(x).all() or (w is not None and not np.isfinite(w).all()):
        raise ValueError("fixed point has no infinities and no NaN, and x or w has one")
    largest = 1 - 2.0 ** -form.fraction
    vectors, growth, factors = exponent_of(x, largest), 0, None
    if w is not None:
        w = np.asarray(w, dtype=np.float64)
        limit = np.ldexp(1 - 2.0 ** (1 - form.width), form.width - 1 - form.coefficient_fraction)
        stages = np.array([max(0, exponent_of(stage, limit)) for stage in w])
        growth = int(stages.sum())
        factors = form.encode_coefficients(np.ldexp(w, -stages[:, None, None, None]))
    for headroom in range(9):
        scaled = x * 2.0 ** -(vectors + headroom)
        elements = ((form.encode(np.real(scaled)), form.encode(np.imag(scaled))) if w is None
                    else form.encode(scaled))
        scaling, saturated = choose_scaling(elements, factors, form)
        if not saturated:
            break
    return FixedTask(elements, factors, scaling, vectors + headroom + growth + sum(scaling), saturated)
