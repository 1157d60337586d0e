"""Residual addition and layer normalisation of float16 vectors, in integers where hardware would have them."""

from dataclasses import dataclass

import numpy as np

from sim.golden.arith import reciprocal

from .formats import FP16

__all__ = ["LayerNormFormat", "layer_norm", "normalise", "residual"]

#: The unit of every float16 number is 2^-24.
UNIT = 24
SIGNIFICAND = 10


def residual(x, y):
    """Sum of two float16 arrays, rounded once."""
    return FP16.add(FP16.encode(x), FP16.encode(y))


@dataclass(frozen=True)
class LayerNormFormat:
    """Widths of a layer normalisation.

    For a vector of N elements h, as integers H in units of 2^-24:

    1. While the elements stream by, exact sums ``S1 = sum H`` (up to 42 + log2 N bits with the sign) and
       ``S2 = sum H^2`` (82 + log2 N): squares of the 11-bit significands, shifted and added. No order of the elements
       is better than another, so any number of them may be added side by side.
    2. Once a vector, both are cut to a common exponent: t is the least number, not negative, with
       ``S2 >> 2t < 2^square_bits``; ``A = S2 >> 2t``, ``B = S1 >> t`` (floor). Then
       ``V = max(0, N A - B^2 + E)``, N^2 times the variance, with ``E = N^2 epsilon 2^48 >> 2t``.
    3. V is shifted by an even number of places, ``M = V 2^-2g`` (floor), so that M has ``2 root_bits`` bits or one
       less; ``R = floor(sqrt(M))``, and ``r = round(2^(reciprocal_bits + root_bits - 1) / R)``, which is what
       `hw.arith.Reciprocal` gives. Both by digits, which take fewer cycles than a vector has elements.
    4. For every element ``d = N H - S1`` exactly, then ``D = round(d 2^-p)``, halves up, with ``p = g + t + root_bits
       - 1 - result_fraction``, saturated to `result_bits` bits. ``D r`` is ``(h - mean) / sqrt(variance + epsilon)``
       with ``result_fraction + reciprocal_bits`` fraction bits, and is rounded to float16 once, ties to even.
    5. If there are a weight and a bias, each multiplication and each addition is rounded to float16.

    Nothing is divided by N. If V is 0, so are all results of step 4. Elements with the exponent of infinity are taken
    for the next octave, ``2^16 (1 + fraction)``: no result is then meant, but it is the same in hardware.

    Parameters
    ----------
    square_bits : int
        Even, 32..48.
    root_bits : int
        16..24.
    reciprocal_bits : int
        11..24.
    result_fraction : int
        11..20.
    result_bits : int
        12..28, of D with its sign; ``|D| <= 2 sqrt(N) 2^result_fraction``.
    epsilon_log2 : int
        epsilon is ``2^epsilon_log2``; -40 is BERT's 1e-12, -17 about PyTorch's 1e-5.

    Raises
    ------
    ValueError
        A width is out of range.
    """

    square_bits: int = 48
    root_bits: int = 20
    reciprocal_bits: int = 17
    result_fraction: int = 16
    result_bits: int = 25
    epsilon_log2: int = -17

    def __post_init__(self):
        for name, low, high in (("square_bits", 32, 48), ("root_bits", 16, 24), ("reciprocal_bits", 11, 24),
                                ("result_fraction", 11, 20), ("result_bits", 12, 28), ("epsilon_log2", -48, 0)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} must be in {low}..{high}, not {value}")
        if self.square_bits % 2:
            raise ValueError(f"square_bits must be even, not {self.square_bits}")


def integers(h):
    """float16 as integers in units of 2^-24, int64."""
    bits = FP16.encode(h).view(np.uint16).astype(np.int64)
    exponent, fraction = (bits >> SIGNIFICAND) & 31, bits & ((1 << SIGNIFICAND) - 1)
    magnitude = (fraction | ((exponent > 0) << SIGNIFICAND)) << (np.maximum(exponent, 1) - 1)
    return np.where(bits >> 15, -magnitude, magnitude)


def exact_square_sum(values):
    """Sum of squares over the last axis as Python integers, for it needs 95 bits."""
    low = values & ((1 << 24) - 1)
    high = values >> 24
    return ((high * high).sum(axis=-1).astype(object) << 48) + ((2 * high * low).sum(axis=-1).astype(object) << 24) \
        + (low * low).sum(axis=-1).astype(object)


def floor_log2(values):
    return np.array([int(value).bit_length() - 1 for value in values], dtype=np.int64)


def shifted(values, places):
    """Integers times 2^places, rounded to minus infinity; both arrays of Python integers."""
    pairs = ((int(value), int(place)) for value, place in zip(values, places, strict=True))
    return np.array([value << place if place >= 0 else value >> -place for value, place in pairs], dtype=object)


def integer_root(values):
    """Floor of the square root, exact: the values are below 2^48."""
    root = np.floor(np.sqrt(values.astype(np.float64))).astype(np.int64)
    return root - (root * root > values)


def normalise(h, form=None):
    """``(h - mean) / sqrt(variance + epsilon)`` over the last axis, as `LayerNormFormat` defines it.

    Parameters
    ----------
    h : array of float16 (..., N)
    form : LayerNormFormat, optional

    Returns
    -------
    ndarray of float16 (..., N)
    """
    form = LayerNormFormat() if form is None else form
    shape, count = h.shape, h.shape[-1]
    values = integers(h).reshape(-1, count)
    total, squares = values.sum(axis=-1), exact_square_sum(values)

    cut = np.maximum(0, (floor_log2(squares) + 2 - form.square_bits) // 2)
    first, second = shifted(total.astype(object), -cut), shifted(squares, -2 * cut)
    epsilon = shifted([count * count] * len(cut), 2 * UNIT + form.epsilon_log2 - 2 * cut)
    variance = np.maximum(count * second - first * first + epsilon, 0)

    halves = (floor_log2(variance) + 2) // 2 - form.root_bits
    root = integer_root(shifted(variance, -2 * halves).astype(np.int64))
    inverse, _, _ = reciprocal(root, form.reciprocal_bits)

    places = (halves + cut + form.root_bits - 1 - form.result_fraction)[:, None]
    difference = count * values - total[:, None]
    limit = 1 << (form.result_bits - 1)
    # Saturated before a shift to the left, so that int64 is enough.
    left, right = np.maximum(-places, 0), np.maximum(places, 0)
    scaled = np.clip(difference, -(limit >> left) - 1, (limit >> left) + 1) << left
    scaled = np.where(places > 0, (difference + ((1 << right) >> 1)) >> right, scaled)
    result = np.clip(scaled, -limit, limit - 1) * inverse.astype(np.int64)[:, None]
    # Below 2^53, so that this is the only rounding.
    return np.ldexp(result.astype(np.float64), -form.result_fraction - form.reciprocal_bits).astype(
        np.float16).reshape(shape)


def layer_norm(h, weight=None, bias=None, form=None):
    """`normalise`, then ``f(f(y weight) + bias)`` where they are given."""
    y = normalise(FP16.encode(h), form)
    if weight is not None:
        y = FP16.multiply(y, FP16.encode(weight))
    return y if bias is None else FP16.add(y, FP16.encode(bias))
