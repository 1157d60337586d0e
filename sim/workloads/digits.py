"""Handwritten digits as a sparse tensor of order 3, and what a class looks like on average."""

import importlib.util

import numpy as np

from .errors import WorkloadError
from .flaash import check_format, counts_operand, operand
from .synthetic import check_sizes

__all__ = ["TEST_IMAGES", "digits_case"]

#: Images that are contracted. Averages are made of those behind them, so that no image is compared with itself.
TEST_IMAGES = 897


def digits_case(images=None, *, form="int8"):
    """Images of digits times the average image of each class, over rows and columns: two contracted modes.

    ``a[n, r, c]`` is the ink of pixel (r, c) of image n, 0..16, half of which is zero. ``b[k, r, c]`` is the average of
    900 other images of digit k, of length 1. The largest of ``c[n, :]`` is the digit that image n resembles most.
    The set is UCI's "Optical Recognition of Handwritten Digits" (1,797 images), as scikit-learn ships it.

    Parameters
    ----------
    images : int or None
        The first ones, 1..897; None for all of these.
    form : str
        ``int8``, ``int16`` or ``fp32``; averages are scaled to the range of integers, ink is integers already.

    Returns
    -------
    dict, str, array of int
        Case and einsum as `contraction_case`, and the digits (N,) that the images show.

    Raises
    ------
    WorkloadError
        A number or format that there is none of, or scikit-learn is not installed.
    """
    check_format(form)
    images = TEST_IMAGES if images is None else images
    check_sizes(images=images)
    if images > TEST_IMAGES:
        raise WorkloadError(f"The number of images must be 1..{TEST_IMAGES}, not {images}")
    if importlib.util.find_spec("sklearn") is None:
        raise WorkloadError("The digits need the Python package scikit-learn: run `pip install scikit-learn`")
    from sklearn.datasets import load_digits

    ink, shown = load_digits(return_X_y=True)
    ink = ink.reshape(-1, 8, 8)
    averages = np.stack([ink[TEST_IMAGES:][shown[TEST_IMAGES:] == digit].mean(axis=0) for digit in range(10)])
    averages /= np.linalg.norm(averages, axis=(1, 2), keepdims=True)
    return counts_operand("a", ink[:images], form) | operand("b", averages, form), "nrc,krc->nk", shown[:images]
