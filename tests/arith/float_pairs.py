"""Pairs of floating-point numbers, as bits, that arithmetic may get wrong."""

import numpy as np


def special_values(form):
    """Some thirty bit patterns: zeros, both ends of the subnormal and of the normal numbers, infinities, NaNs, ..."""
    one = form.bias << form.mantissa
    least = 1 << form.mantissa                                        # normal
    sizes = [0, 1, 2, least // 2, least - 1, least, least + 1, 2 * least - 1, 2 * least, one - 1, one, one + 1,
             one + least // 2, one + least, form.infinity - least, form.infinity - 2, form.infinity - 1,
             form.infinity, form.infinity + 1, form.nan, form.infinity + least - 1]
    sizes = sorted(set(sizes))
    return np.array([*sizes, *(size | 1 << (form.width - 1) for size in sizes)], dtype=np.uint32)


def every_pair(a, b):
    """Arrays of the first and of the second of all pairs."""
    return (array.ravel() for array in np.meshgrid(a, b))


def random_pairs(form, count, rng):
    """Any two patterns."""
    return rng.integers(0, 1 << form.width, (2, count), dtype=np.uint64).astype(np.uint32)


def directed_pairs(form, count, rng):
    """Pairs with exponents and mantissas that meet.

    The second exponent is in reach of the first (sums that round), or such that the product is about the least or the
    largest number; or the second number is within some units of the first. Mantissas are random, or have few bits or
    few zeros from some place on (ties, carries over all bits).
    """
    top, width = (1 << form.exponent) - 1, form.mantissa
    exponent = rng.integers(0, top + 1, count)
    kind = rng.integers(0, 4, count)
    reach = [rng.integers(-width - 4, width + 5, count),
             rng.integers(-width - 3, 4, count) + form.bias - 2 * exponent,
             rng.integers(-3, 3, count) + form.bias + top - 2 * exponent]
    other = np.clip(exponent + np.choose(kind % 3, reach), 0, top)
    sizes = [(field << width) + _mantissas(width, count, rng) for field in (exponent, other)]
    near = np.clip(sizes[0] + rng.integers(-5, 6, count), 0, form.infinity)
    sizes[1] = np.where(kind == 3, near, sizes[1])
    return [(size + (rng.integers(0, 2, count) << (form.width - 1))).astype(np.uint32) for size in sizes]


def _mantissas(width, count, rng):
    mask = (1 << width) - 1
    anything = rng.integers(0, 1 << width, count)
    few = ((anything & 7 | 1) << rng.integers(0, width, count)) & mask
    return np.choose(rng.integers(0, 4, count), [anything, few, few ^ mask, (anything << (width // 2)) & mask])
