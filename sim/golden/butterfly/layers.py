"""Layers made of butterflies: rectangular linear layers, Fourier mixing of tokens, and activations."""

import math
from functools import lru_cache

import numpy as np

from .formats import FP16, find_format
from .transform import bpmm, fft, split_complex

__all__ = ["ACTIVATIONS", "contract", "expand", "fourier_mix", "gelu", "pad", "relu"]


def pad(x, points=None):
    """Append zeros to the last axis, up to `points` or else up to a power of two of at least 2.

    Raises
    ------
    ValueError
        There are fewer `points` than elements.
    """
    x = np.asarray(x)
    elements = x.shape[-1]
    points = max(2, 1 << (elements - 1).bit_length()) if points is None else points
    if points < elements:
        raise ValueError(f"{elements} elements cannot be padded to {points}")
    return np.concatenate([x, np.zeros((*x.shape[:-1], points - elements), dtype=x.dtype)], axis=-1)


def expand(x, w, form="fp16"):
    """A layer from N to R N features: R butterflies of N points side by side on the same vector.

    Parameters
    ----------
    x : array (..., N)
    w : array (R, log2 N, N/2, 2, 2)
    form
        As for `bpmm`.

    Returns
    -------
    ndarray (..., R N)
        Feature ``r N + i`` is element i of butterfly r.
    """
    return np.concatenate([bpmm(x, each, form) for each in w], axis=-1)


def contract(x, w, kept, form="fp16"):
    """A layer from M to fewer features: one butterfly of M points, of which the first `kept` outputs are kept.

    Parameters
    ----------
    x : array (..., M)
    w : array (log2 M, M/2, 2, 2)
    kept : int
        1..M. The other outputs are computed and dropped.
    form
        As for `bpmm`.

    Returns
    -------
    ndarray (..., kept)
    """
    y = bpmm(x, w, form)
    if not 1 <= kept <= y.shape[-1]:
        raise ValueError(f"The kept features must be 1..{y.shape[-1]}, not {kept}")
    return y[..., :kept]


def fourier_mix(x, form="fp16"):
    """Real part of the two-dimensional transform of the tokens, as in FNet: first along features, then along tokens.

    Between both, the complex numbers are elements of the format. There is no scaling.

    Parameters
    ----------
    x : array (..., S, N)
        Tokens; S and N powers of two.
    form
        As for `fft`.

    Returns
    -------
    ndarray (..., S, N)
    """
    form = find_format(form)
    features = fft(split_complex(x, form), form)
    tokens = fft(tuple(plane.swapaxes(-1, -2) for plane in features), form)
    return tokens[0].swapaxes(-1, -2)


def relu(x):
    """``max(x, 0)`` by the sign bit: what has it becomes +0, also -0."""
    return np.where(np.signbit(x), np.zeros((), dtype=x.dtype), x)


@lru_cache(maxsize=1)
def gelu_table():
    values = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float64)
    with np.errstate(invalid="ignore"):
        half = [0.5 * math.erfc(-value / math.sqrt(2)) for value in values]
        return (values * half).astype(np.float16)


def gelu(x):
    """``x / 2 erfc(-x / sqrt 2)`` of float16 elements, the nearest float16 of the value in double precision.

    It is a table of all 65,536 elements, which stand for themselves: minus infinity gives NaN.
    """
    return gelu_table()[FP16.encode(x).view(np.uint16)]


ACTIVATIONS = {"relu": relu, "gelu": gelu, "none": lambda x: x}
