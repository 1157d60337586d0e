"""Fixed-point formats."""

from dataclasses import dataclass

__all__ = ["FIXED16", "FixedFormat"]


@dataclass(frozen=True)
class FixedFormat:
    """Two's complement elements of `width` bits, and coefficients with `coefficient_fraction` bits behind the point."""

    width: int
    coefficient_fraction: int

    def encoded(self, value):
        """Bits of the coefficient that is nearest to a value, to even ones of two, saturated."""
        limit = 1 << (self.width - 1)
        return min(max(round(value * 2 ** self.coefficient_fraction), -limit), limit - 1) % (2 * limit)


#: Coefficients reach from -2 to below 2, so that 1 is one.
FIXED16 = FixedFormat(16, 14)
