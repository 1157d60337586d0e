"""Vectors of float16 that are hard to normalise."""

import numpy as np

__all__ = ["hard_vectors", "same"]


def hard_vectors(draw, points):
    """Ordinary vectors, and those of zeros, equal, subnormal, largest, infinite, one of a kind and any bits."""
    def any_bits(low, high):
        return draw.integers(low, high, points).astype(np.uint16).view(np.float16)

    normal = draw.standard_normal((3, points)) * [[1], [1e-3], [3e3]]
    single = np.zeros(points)
    single[draw.integers(points)] = 65504
    vectors = [*normal, np.zeros(points), -np.zeros(points), np.full(points, 3.14), np.full(points, -65504.0),
               np.full(points, 6e-8), any_bits(0, 1 << 10), 65504 * draw.choice([-1, 1], points), single,
               1000 + draw.standard_normal(points), any_bits(0, 1 << 16), np.full(points, np.inf),
               np.where(draw.random(points) < 0.5, -np.inf, 1)]
    return np.stack([vector.astype(np.float16) for vector in vectors])


def same(got, wanted):
    """Bit for bit, but that any NaN is like another."""
    np.testing.assert_array_equal(np.where(np.isnan(got), 1, got.view(np.uint16)),
                                  np.where(np.isnan(wanted), 1, wanted.view(np.uint16)))
