"""Bipartite tables of 2**f: two small read-only memories and one adder instead of a multiplier."""

import functools
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

from ._check import require_range

# Precision of the exact powers; the largest table asked for has some 20 bits.
_PRECISION = 96


@functools.cache
def exact_powers(fraction_bits):
    """``2**(n / 2**fraction_bits)`` for all n, as integers with 96 fraction bits.

    Integer arithmetic only: the memories must be the same on every machine, whatever its mathematical
    library. The error is below ``2**-90``.
    """
    powers = [1 << _PRECISION]
    root = 2 << _PRECISION
    roots = []
    for _ in range(fraction_bits):
        root = isqrt(root << _PRECISION)
        roots.append(root)
    # Bit j of n, counted from the top, multiplies by 2**(2**-(j+1)); appending from the finest bit up puts
    # the products in order.
    for root in reversed(roots):
        powers += [value * root >> _PRECISION for value in powers]
    return tuple(powers)


@dataclass(frozen=True)
class BipartiteTable:
    """Two tables whose sum is ``2**f - 1``.

    With the bits of the argument split, from the top, in `high_bits`, `middle_bits` and `low_bits`::

        sum = coarse[high, middle] + fine[high, low]
        2**f ~= 1 + (sum >> guard_bits) / 2**output_bits

    Rounding is part of `coarse`, so dropping the guard bits rounds to nearest. ``f = 0`` gives exactly 1.

    Attributes
    ----------
    fraction_bits, output_bits : int
        Fraction bits of the argument and of the result.
    high_bits, middle_bits, low_bits, guard_bits : int
        The split.
    coarse, fine : tuple of int
        Contents; index ``high << middle_bits | middle`` and ``high << low_bits | low``. Without low bits
        `fine` is empty and not added.
    error : Fraction
        Largest error over all arguments: exact, not a bound.
    """

    fraction_bits: int
    output_bits: int
    high_bits: int
    middle_bits: int
    low_bits: int
    guard_bits: int
    coarse: tuple[int, ...]
    fine: tuple[int, ...]
    error: Fraction

    @property
    def coarse_width(self):
        """Width of an entry of `coarse` in bits."""
        return max(self.coarse).bit_length()

    @property
    def fine_width(self):
        """Width of an entry of `fine` in bits."""
        return max(self.fine, default=0).bit_length()

    @property
    def rom_bits(self):
        """Bits of both memories."""
        return len(self.coarse) * self.coarse_width + len(self.fine) * self.fine_width


def _candidates(fraction_bits, output_bits):
    """Splits as ``(ROM bits, high, middle, low, guard)``, cheapest first."""
    found = [(output_bits << fraction_bits, 0, fraction_bits, 0, 0)]
    for high in range(fraction_bits):
        for middle in range(1, fraction_bits - high):
            low = fraction_bits - high - middle
            for guard in range(4):
                coarse = (output_bits + guard) << (high + middle)
                # The largest entry of `fine` is the span of the low bits at the steepest slope, 2 * ln 2.
                span = round(1.3863 * ((1 << low) - 1) * 2.0**(output_bits + guard - fraction_bits))
                fine = span.bit_length() << (high + low)
                found.append((coarse + fine, high, middle, low, guard))
    return sorted(found)


def _block(powers, block, middle_bits, low_bits, scale_bits, half):
    """Coarse and fine entries of one high index, minimising the largest error before the final rounding."""
    shift = _PRECISION - scale_bits
    size = 1 << (middle_bits + low_bits)
    base = block * size
    one = 1 << _PRECISION
    fine = []
    for low in range(1 << low_bits):
        steps = [powers[base + (middle << low_bits) + low] - powers[base + (middle << low_bits)]
                 for middle in range(1 << middle_bits)]
        fine.append((min(steps) + max(steps) + (1 << shift)) >> (shift + 1))
    coarse = []
    for middle in range(1 << middle_bits):
        start = base + (middle << low_bits)
        rest = [powers[start + low] - one - (fine[low] << shift) for low in range(1 << low_bits)]
        coarse.append(((min(rest) + max(rest) + (1 << shift)) >> (shift + 1)) + half)
    if block == 0:
        # 2**0 is exactly 1, which a softmax relies on for its largest score.
        coarse[0] = half
    return coarse, fine


def _block_error(powers, block, coarse, fine, low_bits, output_bits, guard_bits, limit):
    """Largest error of a block with 96 fraction bits, or None beyond `limit` or out of [1, 2)."""
    base = block * len(coarse) << low_bits
    worst = 0
    for middle, offset in enumerate(coarse):
        for low in range(1 << low_bits):
            value = (offset + (fine[low] if fine else 0)) >> guard_bits
            if not 0 <= value < 1 << output_bits:
                return None
            result = ((1 << output_bits) + value) << (_PRECISION - output_bits)
            worst = max(worst, abs(result - powers[base + (middle << low_bits) + low]))
        if worst > limit:
            return None
    return worst


def _try_split(powers, fraction_bits, output_bits, split, limit):
    high_bits, middle_bits, low_bits, guard_bits = split
    half = (1 << guard_bits) >> 1
    coarse, fine, worst = {}, {}, 0
    # The steepest and most curved block is the last: most unfit splits fail there at once.
    for block in reversed(range(1 << high_bits)):
        coarse[block], fine[block] = _block(
            powers, block, middle_bits, low_bits, output_bits + guard_bits, half)
        error = _block_error(
            powers, block, coarse[block], fine[block], low_bits, output_bits, guard_bits, limit)
        if error is None:
            return None
        worst = max(worst, error)
    blocks = range(1 << high_bits)
    return BipartiteTable(
        fraction_bits=fraction_bits, output_bits=output_bits, high_bits=high_bits, middle_bits=middle_bits,
        low_bits=low_bits, guard_bits=guard_bits,
        coarse=tuple(value for block in blocks for value in coarse[block]),
        fine=tuple(value for block in blocks for value in fine[block]) if low_bits else (),
        error=Fraction(worst, 1 << _PRECISION))


def bipartite_exp2(fraction_bits, output_bits, max_error=None):
    """Find the split with the fewest ROM bits whose error is at most `max_error`.

    Parameters
    ----------
    fraction_bits, output_bits : int
        Fraction bits of the argument, 1..`output_bits`, and of the result, 2..24.
    max_error : number or None
        Largest error allowed, below 1 and at least ``2**-(output_bits + 1)``, which one full table always
        meets; by default ``2**-(output_bits - 1)``.

    Returns
    -------
    BipartiteTable

    Raises
    ------
    TypeError, ValueError
        If an argument is not a number of the stated range.

    Notes
    -----
    Das Sarma and Matula, "Faithful bipartite ROM reciprocal tables", ARITH 1995, is the source of the method;
    here both tables are fitted to the smallest largest error instead of to a Taylor expansion.
    """
    require_range("output_bits", output_bits, 2, 24)
    require_range("fraction_bits", fraction_bits, 1, output_bits)
    if max_error is None:
        max_error = Fraction(1, 1 << (output_bits - 1))
    try:
        limit = Fraction(max_error)
    except (TypeError, ValueError) as cause:
        raise TypeError(f"max_error must be a number or None, not {max_error!r}") from cause
    if not Fraction(1, 2 << output_bits) <= limit < 1:
        raise ValueError(f"max_error must be at least 2**-{output_bits + 1} and below 1, not {max_error!r}")
    return _search(fraction_bits, output_bits, limit)


@functools.cache
def _search(fraction_bits, output_bits, max_error):
    powers = exact_powers(fraction_bits)
    limit = int(max_error * (1 << _PRECISION))
    for _, *split in _candidates(fraction_bits, output_bits):
        table = _try_split(powers, fraction_bits, output_bits, split, limit)
        if table is not None:
            return table
    raise AssertionError("a full table meets every legal max_error")
