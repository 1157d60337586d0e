"""Butterfly matrices and Fourier transforms, stage by stage from the longest stride to neighbours.

In a stage of stride s, pair k couples the elements ``p = (k // s) 2 s + k % s`` and ``q = p + s``; ``k // s`` is its
block. Leading axes of arrays are batches.
"""

from functools import lru_cache

import numpy as np

from .formats import FP64, FixedFormat, find_format

__all__ = ["bit_reversed", "bpmm", "choose_scaling", "dense_matrix", "fft", "split_complex", "stages_of", "twiddles"]


def stages_of(points):
    """Stages of a vector, ``log2(points)``.

    Raises
    ------
    ValueError
        `points` is not a power of two of at least 2.
    """
    if points < 2 or points & (points - 1):
        raise ValueError(f"The number of points must be a power of two of at least 2, not {points}")
    return points.bit_length() - 1


def bit_reversed(count):
    """The numbers 0..count - 1, each with its ``log2(count)`` bits in the opposite order."""
    reversed_bits = np.zeros(1, dtype=np.int64)
    while len(reversed_bits) < count:
        reversed_bits = np.concatenate([2 * reversed_bits, 2 * reversed_bits + 1])
    return reversed_bits


@lru_cache(maxsize=16)
def twiddles(blocks):
    """Twiddles ``T[b] = exp(-2 pi j frac(b))`` of a number of blocks, a power of two, float64.

    ``frac(b)`` are the bits of b as a fraction, the lowest first: ``b_0 / 4 + b_1 / 8 + ...``. It depends neither on
    the stage nor on the length of the transform, so that one table serves all; a stage with 2^i blocks uses its first
    2^i entries, and a transform of N points N/2 of them. Values are computed in the first eighth of the circle, so that
    those at right angles are exact.

    Returns
    -------
    real, imaginary : ndarray
    """
    fraction = bit_reversed(blocks) / (2 * blocks)                       # of the circle, in [0, 1/2)
    eighth = np.rint(4 * fraction)                                       # the nearest right angle: 0, 1 or 2
    rest = 2 * np.pi * (fraction - eighth / 4)
    cosine, sine = np.cos(rest), np.sin(rest)
    real = np.choose(eighth.astype(int), [cosine, -sine, -cosine])
    imaginary = -np.choose(eighth.astype(int), [sine, cosine, -sine])
    return real + 0.0, imaginary + 0.0                                   # no negative zeros


def pairs_of(x, stride):
    """Elements p and q of the pairs, each (..., blocks, stride)."""
    both = x.reshape(*x.shape[:-1], -1, 2, stride)
    return both[..., 0, :], both[..., 1, :]


def elements_of(p, q):
    """The opposite of `pairs_of`: (..., points)."""
    both = np.stack([p, q], axis=-2)
    return both.reshape(*both.shape[:-3], -1)


def bpmm_stage(x, weights, stride, form, shift=0):
    """A stage of a butterfly matrix; `weights` (..., N/2, 2, 2)."""
    p, q = pairs_of(x, stride)
    w = weights.reshape(*weights.shape[:-3], -1, stride, 2, 2)

    def output(row):
        return form.add(form.multiply(p, w[..., row, 0]), form.multiply(q, w[..., row, 1]))

    return elements_of(form.finish(output(0), shift), form.finish(output(1), shift))


def fft_stage(planes, twiddle, stride, form, shift=0):
    """A stage of a transform; `planes` and `twiddle` are real and imaginary parts, the latter (..., blocks)."""
    (pr, qr), (pi, qi) = (pairs_of(plane, stride) for plane in planes)
    wr, wi = (part[..., None] for part in twiddle)
    turned = (form.subtract(form.multiply(qr, wr), form.multiply(qi, wi)),
              form.add(form.multiply(qr, wi), form.multiply(qi, wr)))
    return tuple(elements_of(form.finish(form.add(p, t), shift), form.finish(form.subtract(p, t), shift))
                 for p, t in zip((pr, pi), turned, strict=True))


def split_complex(x, form):
    """Real and imaginary part in the format, of an array or of a pair of parts."""
    parts = x if isinstance(x, tuple) else (np.real(x), np.imag(x))
    return tuple(form.encode(part) for part in parts)


def check_scaling(scaling, stages):
    if scaling is None:
        return [0] * stages
    scaling = [int(shift) for shift in scaling]
    if len(scaling) != stages or not set(scaling) <= {0, 1}:
        raise ValueError(f"scaling must be {stages} values of 0 or 1, not {scaling}")
    return scaling


def check_weights(w, stages):
    shape = (stages, 1 << (stages - 1), 2, 2)
    if w.shape != shape:
        raise ValueError(f"The weights of {1 << stages} points must have the shape {shape}, not {w.shape}")


def bpmm(x, w, form="fp16", scaling=None):
    """Multiply vectors by a butterfly matrix: ``y_p = w[0,0] x_p + w[0,1] x_q``, ``y_q = w[1,0] x_p + w[1,1] x_q``.

    Parameters
    ----------
    x : array (..., N)
        Real values, which are rounded to the format, or its elements.
    w : array (log2 N, N/2, 2, 2)
        Weights of the pairs of each stage, the longest stride first.
    form : str, FloatFormat or FixedFormat
        See `FORMATS`.
    scaling : sequence of int, optional
        Of fixed point: for each stage 1 to halve its outputs, 0 not to. By default none is halved.

    Returns
    -------
    ndarray (..., N), elements of the format

    Raises
    ------
    ValueError
        A shape, the format or the scaling is not legal.
    """
    form, w = find_format(form), np.asarray(w)
    x = form.encode(x)
    stages = stages_of(x.shape[-1])
    check_weights(w, stages)
    w = form.encode_coefficients(w)
    for stage, shift in enumerate(check_scaling(scaling, stages)):
        x = bpmm_stage(x, w[stage], x.shape[-1] >> (stage + 1), form, shift)
    return x


def fft(x, form="fp16", scaling=None):
    """Discrete Fourier transform with NumPy's sign, ``sum x exp(-2 pi j n k / N)``, in natural order.

    A pair has one twiddle, ``t = T[block] x_q``: ``t_r = f(f(q_r w_r) - f(q_i w_i))``, ``t_i = f(f(q_r w_i) +
    f(q_i w_r))``, ``y_p = f(x_p + t)``, ``y_q = f(x_p - t)``. The stages leave the result in bit-reversed order, which
    is undone.

    Parameters
    ----------
    x : array (..., N) or tuple of two
        Complex or real values, or real and imaginary part; what are not elements of the format is rounded to it.
    form, scaling
        As for `bpmm`.

    Returns
    -------
    real, imaginary : ndarray (..., N), elements of the format

    Raises
    ------
    ValueError
        As for `bpmm`.
    """
    form = find_format(form)
    planes = split_complex(x, form)
    points = planes[0].shape[-1]
    stages = stages_of(points)
    table = tuple(form.encode_coefficients(part) for part in twiddles(points // 2))
    for stage, shift in enumerate(check_scaling(scaling, stages)):
        planes = fft_stage(planes, tuple(part[:1 << stage] for part in table), points >> (stage + 1), form, shift)
    order = bit_reversed(points)
    return tuple(plane[..., order] for plane in planes)


def choose_scaling(x, w=None, form="fixed16"):
    """The least halving with which no element of these vectors saturates, stage by stage.

    Parameters
    ----------
    x, w
        As for `bpmm`; without weights, as for `fft`.
    form : str or FixedFormat

    Returns
    -------
    scaling : list of int
        Of each stage, 0 or 1.
    saturated : int
        Elements of all stages that saturate although they are halved: then `x` has too little headroom.
    """
    form = find_format(form)
    if not isinstance(form, FixedFormat):
        raise ValueError(f"scaling is for fixed point, {form.name} has none")
    planes = split_complex(x, form) if w is None else (form.encode(x),)
    points = planes[0].shape[-1]
    stages = stages_of(points)
    if w is None:
        coefficients = [form.encode_coefficients(part) for part in twiddles(points // 2)]
    else:
        check_weights(np.asarray(w), stages)
        coefficients = form.encode_coefficients(w)
    # A format wide enough that nothing saturates tells what the narrow one would do.
    wide, scaling, saturated = _WideFormat(form.width, form.fraction, form.coefficient_fraction), [], 0
    for stage in range(stages):
        stride = points >> (stage + 1)
        if w is None:
            totals = fft_stage(planes, tuple(part[:1 << stage] for part in coefficients), stride, wide)
        else:
            totals = (bpmm_stage(planes[0], coefficients[stage], stride, wide),)
        scaling.append(int(any(np.any(total != form.saturate(total)) for total in totals)))
        planes = tuple(form.finish(total, scaling[-1]) for total in totals)
        saturated += sum(int(np.sum(((total + 1) >> 1) != plane)) for total, plane in zip(totals, planes, strict=True)
                         if scaling[-1])
    return scaling, saturated


class _WideFormat(FixedFormat):
    """Fixed point whose outputs are neither shifted nor saturated."""

    def finish(self, total, shift):
        return total


def dense_matrix(w):
    """The matrix A of `bpmm` with weights w, ``y = A x``, float64 (N, N)."""
    w = np.asarray(w, dtype=np.float64)
    return bpmm(np.eye(1 << len(w)), w, FP64).T
