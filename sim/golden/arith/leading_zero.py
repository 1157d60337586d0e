"""Leading-zero counts and the leading-zero code, the models of `hw.arith.leading_zero`."""

import numpy as np


def leading_zeros(x, width):
    """Leading zeros of unsigned `width`-bit integers: ``width`` for 0.

    Returns
    -------
    ndarray of int64, the shape of `x`
    """
    x = np.asarray(x, dtype=np.int64)
    # frexp is exact here: integers below 2**53 are floats, and the exponent of x is floor(log2 x) + 1.
    return width - np.frexp(x.astype(np.float64))[1].astype(np.int64)


def leading_zero_count8(x):
    """Model of `LeadingZeroCount8`: arrays ``(count, zero)``."""
    zero = np.asarray(x) == 0
    return np.where(zero, 7, leading_zeros(x, 8)), zero


def leading_zero_encoder(x):
    """Model of `LeadingZeroEncoder`: ``{"high" | "low" | "wide": (count, zero)}``."""
    x = np.asarray(x, dtype=np.int64)
    zero = x == 0
    return {
        "high": leading_zero_count8(x >> 8),
        "low": leading_zero_count8(x & 0xFF),
        "wide": (np.where(zero, 15, leading_zeros(x, 16)), zero),
    }


def log_code(x, width):
    """Model of `LogCode`: arrays ``(exponent, sign, zero)`` of signed `width`-bit integers."""
    x = np.asarray(x, dtype=np.int64)
    magnitude = np.abs(np.maximum(x, -(1 << (width - 1)) + 1))
    zero = magnitude == 0
    # For 8 and 16 bits the code of zero, all ones, is the width less one.
    exponent = np.where(zero, width - 1, width - 1 - leading_zeros(magnitude, width))
    return exponent, x < 0, zero
