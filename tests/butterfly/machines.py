"""Small accelerators, and batches for them."""

import numpy as np

from hw.butterfly.parameters import ButterflyParameters
from sim.golden.butterfly import find_format

__all__ = ["batch", "tiny"]


def tiny(**changes):
    return ButterflyParameters(**{"bus_width": 64, "lanes": 2, "max_points": 32, "resident_points": 64} | changes)


def batch(rng, p, points, count, mode):
    """Random vectors and, of the mode bpmm, coefficients: ``(x, w)``; elements of fixed point are of any size."""
    draw, form = np.random.default_rng(rng.getrandbits(32)), find_format(p.arithmetic)
    if mode == "fft":
        return tuple(form.encode(draw.standard_normal((count, points))) for _ in range(2)), None
    stages = points.bit_length() - 1
    return (form.encode(draw.standard_normal((count, points))),
            form.encode_coefficients(draw.standard_normal((stages, points // 2, 2, 2))))
