"""Transforms in two passes of shorter ones, for vectors longer than the memory of the units.

``N = N1 N2``. The first pass works on the N2 sets ``{r + N2 k}`` of N1 elements, strides N/2 to N2; the second on the
N1 blocks of N2 neighbours, strides N2/2 to 1. Each takes the coefficients that the whole transform would, those of a
Fourier transform by the number of the block in the whole, so that the result is the same bit for bit.
"""

import numpy as np

from .formats import find_format
from .transform import (
    bit_reversed,
    bpmm_stage,
    check_scaling,
    check_weights,
    fft_stage,
    split_complex,
    stages_of,
    twiddles,
)

__all__ = ["bpmm_divided", "fft_divided"]


def check_split(points, first):
    """Stages of both passes."""
    stages, first_stages = stages_of(points), stages_of(first)
    if first_stages >= stages:
        raise ValueError(f"The points of the first pass must be fewer than {points}, not {first}")
    return first_stages, stages - first_stages


def into_sets(x, first):
    """(..., N) to the sets of the first pass, (..., N2, N1)."""
    return x.reshape(*x.shape[:-1], first, -1).swapaxes(-1, -2)


def into_blocks(sets):
    """The sets of the first pass to the blocks of the second, (..., N1, N2): what the scratchpad does."""
    return sets.swapaxes(-1, -2)


def bpmm_divided(x, w, first, form="fp16", scaling=None):
    """`bpmm` in two passes.

    Parameters
    ----------
    first : int
        N1, a power of two of at least 2, less than N.
    x, w, form, scaling
        As for `bpmm`.
    """
    form, w = find_format(form), np.asarray(w)
    x = form.encode(x)
    first_stages, second_stages = check_split(x.shape[-1], first)
    check_weights(w, first_stages + second_stages)
    w, second = form.encode_coefficients(w), x.shape[-1] // first
    scaling = check_scaling(scaling, first_stages + second_stages)
    # A pair k of a set r is pair N2 k + r of the whole, one of a block c pair c N2/2 + k.
    set_weights = w[:first_stages].reshape(first_stages, first // 2, second, 2, 2).swapaxes(1, 2)
    block_weights = w[first_stages:].reshape(second_stages, first, second // 2, 2, 2)
    shape, x = x.shape, into_sets(x, first)
    for stage in range(first_stages):
        x = bpmm_stage(x, set_weights[stage], first >> (stage + 1), form, scaling[stage])
    x = into_blocks(x)
    for stage in range(second_stages):
        x = bpmm_stage(x, block_weights[stage], second >> (stage + 1), form, scaling[first_stages + stage])
    return x.reshape(shape)


def fft_divided(x, first, form="fp16", scaling=None):
    """`fft` in two passes; parameters as for `bpmm_divided`."""
    form = find_format(form)
    planes = split_complex(x, form)
    shape = planes[0].shape
    first_stages, second_stages = check_split(shape[-1], first)
    scaling = check_scaling(scaling, first_stages + second_stages)
    second = shape[-1] // first
    table = [form.encode_coefficients(part) for part in twiddles(shape[-1] // 2)]
    planes = tuple(into_sets(plane, first) for plane in planes)
    for stage in range(first_stages):
        planes = fft_stage(planes, [part[:1 << stage] for part in table], first >> (stage + 1), form, scaling[stage])
    planes = tuple(into_blocks(plane) for plane in planes)
    for stage in range(second_stages):
        # Block b of block c of the second pass is block c 2^stage + b of the whole.
        twiddle = [part[:first << stage].reshape(first, -1) for part in table]
        planes = fft_stage(planes, twiddle, second >> (stage + 1), form, scaling[first_stages + stage])
    order = bit_reversed(shape[-1])
    return tuple(plane.reshape(shape)[..., order] for plane in planes)
