"""Binary floating-point formats."""

import math
from dataclasses import dataclass

from amaranth.lib import data

from ._check import require_range

__all__ = ["BF16", "FP16", "FP32", "FloatFormat"]


@dataclass(frozen=True)
class FloatFormat:
    """A binary interchange format as in IEEE 754: sign, biased exponent, mantissa with a hidden bit.

    A number with exponent field e and mantissa field f is ``2**(e - bias) * (1 + f / 2**mantissa)``; with ``e = 0`` it
    is subnormal, ``2**(1 - bias) * f / 2**mantissa``; with all ones in e it is an infinity or, if f is not 0, a NaN.

    Parameters
    ----------
    exponent : int
        Width of the exponent field, 2..8.
    mantissa : int
        Width of the mantissa field, 1..23; the hidden bit is not counted.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not an integer of the stated range.
    """

    exponent: int
    mantissa: int

    def __post_init__(self):
        require_range("exponent", self.exponent, 2, 8)
        require_range("mantissa", self.mantissa, 1, 23)

    @property
    def width(self):
        """Bits of a number."""
        return 1 + self.exponent + self.mantissa

    @property
    def bias(self):
        """Exponent field of 1."""
        return (1 << (self.exponent - 1)) - 1

    def encoded(self, value):
        """Bits of the number that is nearest to a finite value in the format's range, to even ones of two."""
        if value == 0:
            return int(math.copysign(1, value) < 0) << (self.width - 1)
        exponent = max(math.frexp(value)[1] - 1, 1 - self.bias)
        # Exact: a quotient by a power of two, which `round` rounds to even.
        significand = round(abs(value) / 2.0 ** (exponent - self.mantissa))
        # A significand that is rounded up to 2 counts as the next exponent; one below 1 is subnormal, of exponent 0.
        magnitude = ((exponent + self.bias - 1) << self.mantissa) + significand
        return magnitude | int(value < 0) << (self.width - 1)

    @property
    def layout(self):
        """Fields of a number, from the low bit: ``mantissa``, ``exponent``, ``sign``."""
        return data.StructLayout({"mantissa": self.mantissa, "exponent": self.exponent, "sign": 1})

    @property
    def infinity(self):
        """Bits of the positive infinity."""
        return ((1 << self.exponent) - 1) << self.mantissa

    @property
    def nan(self):
        """Bits of the canonical quiet NaN: positive, of the mantissa only the highest bit."""
        return self.infinity | 1 << (self.mantissa - 1)


#: Half precision, IEEE 754 binary16.
FP16 = FloatFormat(5, 10)

#: The upper half of a single.
BF16 = FloatFormat(8, 7)

#: Single precision, IEEE 754 binary32.
FP32 = FloatFormat(8, 23)
