"""Exact reciprocal, the model of `hw.arith.reciprocal`."""

import numpy as np


def reciprocal(values, output_bits):
    """Model of `Reciprocal`.

    Parameters
    ----------
    values : array of int
        Non-negative arguments.
    output_bits : int
        Fraction bits of the reciprocal.

    Returns
    -------
    reciprocal : ndarray
        ``round(2**(output_bits + exponent) / l)``, 0 where l is 0. int64, or Python integers when the
        dividend does not fit 62 bits.
    exponent : ndarray of int64
        ``floor(log2 l)``, 0 where l is 0.
    zero : ndarray of bool
    """
    values = np.asarray(values)
    exponent = np.array([max(int(value).bit_length() - 1, 0) for value in values.flat], dtype=np.int64)
    exponent = exponent.reshape(values.shape)
    zero = values == 0
    kind = np.int64 if output_bits + int(exponent.max(initial=0)) < 61 else object
    divisor = np.where(zero, 1, values).astype(kind)
    dividend = np.ones_like(divisor) << (exponent.astype(kind) + output_bits)
    quotient = (2 * dividend + divisor) // (2 * divisor)
    return np.where(zero, 0, quotient), exponent, zero.astype(bool)
