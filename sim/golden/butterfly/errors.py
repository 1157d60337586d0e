"""How far the formats are from double precision."""

from dataclasses import replace
from itertools import count

import numpy as np

from .formats import FixedFormat, find_format
from .transform import bpmm, choose_scaling, fft

__all__ = ["error_statistics", "transform_error"]


def error_statistics(result, reference):
    """Errors of real or complex values against a reference.

    Returns
    -------
    dict
        ``rms``: root mean square error over that of the reference; ``largest``: largest error over the largest value
        of the reference; ``snr_db``: the former in decibels (infinite where there is no error).
    """
    result, reference = np.asarray(result), np.asarray(reference)
    error = np.abs(result - reference)
    rms = float(np.sqrt(np.mean(error**2) / np.mean(np.abs(reference)**2)))
    return {"rms": rms, "largest": float(error.max() / np.abs(reference).max()),
            "snr_db": float("inf") if rms == 0 else float(-20 * np.log10(rms))}


def fit_fixed(x, w, form):
    """Fixed point that vectors and weights fit in.

    Returns
    -------
    form : FixedFormat
        With as many fraction bits in a coefficient as the largest one leaves, and no more than `form` has.
    exponent : int
        The vectors are to be divided by 2^exponent, the least with which nothing saturates.
    scaling : list of int
        Stages to halve.
    """
    if w is not None:
        whole = int(np.floor(np.log2(np.abs(w).max()))) + 1
        form = replace(form, coefficient_fraction=min(form.coefficient_fraction, form.width - 1 - whole))
    largest = max(np.abs(np.real(x)).max(), np.abs(np.imag(x)).max())
    for exponent in count(int(np.floor(np.log2(largest))) + 1 + form.fraction - (form.width - 1)):
        scaling, saturated = choose_scaling(np.asarray(x) / 2.0**exponent, w, form)
        if not saturated:
            return form, exponent, scaling


def transform_error(x, w=None, form="fp16"):
    """Error of a format on vectors, the rounding of the inputs and the weights included.

    In fixed point, vectors and weights are scaled by powers of two as `fit_fixed` says.

    Parameters
    ----------
    x, w
        As for `bpmm`; without weights, a Fourier transform.
    form : str, FloatFormat or FixedFormat

    Returns
    -------
    dict
        As `error_statistics`.
    """
    form, exponent, scaling = find_format(form), 0, None
    if isinstance(form, FixedFormat):
        form, exponent, scaling = fit_fixed(x, w, form)
    gain, scaled = 2.0 ** (exponent + sum(scaling or [])), np.asarray(x) / 2.0**exponent
    if w is None:
        real, imaginary = fft(scaled, form, scaling)
        return error_statistics(gain * (form.decode(real) + 1j * form.decode(imaginary)), np.fft.fft(x))
    return error_statistics(gain * form.decode(bpmm(scaled, w, form, scaling)), bpmm(x, w, "fp64"))
