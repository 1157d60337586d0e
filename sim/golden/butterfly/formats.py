"""Number formats of the butterfly units: how each rounds a product, a sum and a difference."""

from dataclasses import dataclass

import ml_dtypes
import numpy as np

__all__ = ["BF16", "FORMATS", "FP16", "FP32", "FP64", "FixedFormat", "FloatFormat", "find_format"]

#: Precision of bfloat16 in bits, with the hidden one, and the exponent of its least subnormal number.
BF16_PRECISION, BF16_LEAST_EXPONENT = 8, -133


def round_bf16(values):
    """Round float64 to bfloat16 once, ties to even.

    A conversion by way of float32 would round twice.
    """
    values = np.asarray(values, dtype=np.float64)
    _, exponent = np.frexp(values)
    unit = np.maximum(exponent - BF16_PRECISION, BF16_LEAST_EXPONENT)
    return np.ldexp(np.rint(np.ldexp(values, -unit)), unit).astype(np.float32).astype(ml_dtypes.bfloat16)


@dataclass(frozen=True)
class FloatFormat:
    """IEEE binary floating point: every product, sum and difference is rounded by itself, to nearest, ties to even.

    There is no fused multiply-add and no wider accumulator. Subnormal numbers are numbers like others; what is too
    large becomes infinite, and what is no number the positive quiet NaN of which only the first bit is set.

    Parameters
    ----------
    name : str
    dtype : numpy.dtype
        Type of an element. Operations on 16 bits go by way of float32, which has more than twice as many and two, so
        that the result is the same as of one rounding.
    """

    name: str
    dtype: np.dtype

    def encode(self, values):
        """Real values rounded to the format; elements of the format stay as they are."""
        values = np.asarray(values)
        if values.dtype == self.dtype:
            return values
        with np.errstate(over="ignore"):
            return round_bf16(values) if self == BF16 else values.astype(self.dtype)

    #: Coefficients are elements like others.
    encode_coefficients = encode

    @staticmethod
    def decode(elements):
        """Values as float64."""
        return np.asarray(elements).astype(np.float64)

    decode_coefficients = decode

    def _round(self, operation, a, b):
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            result = operation(a, b)
        return np.where(np.isnan(result), self.dtype.type(np.nan), result)

    def multiply(self, a, b):
        """``f(a b)``."""
        return self._round(np.multiply, a, b)

    def add(self, a, b):
        """``f(a + b)``."""
        return self._round(np.add, a, b)

    def subtract(self, a, b):
        """``f(a - b)``."""
        return self._round(np.subtract, a, b)

    def finish(self, total, shift):
        """Outputs of a butterfly as elements; there is no shift in floating point."""
        if shift:
            raise ValueError(f"scaling is for fixed point, {self.name} has none")
        return total


@dataclass(frozen=True)
class FixedFormat:
    """Two's complement fixed point.

    An element is an integer of `width` bits, ``fraction`` of them behind the point, and a coefficient one with
    ``coefficient_fraction`` behind it, so that a coefficient may be 1. A product of both is rounded to units of an
    element, halves up: ``(a b + 2^(coefficient_fraction - 1)) >> coefficient_fraction``; it keeps the bits that it
    grows by, and so do sums and differences, which are exact. Only the outputs of a butterfly are shifted, by one place
    or none, halves up: ``(y + 1) >> 1``, and then saturated to ``-2^(width - 1)``..``2^(width - 1) - 1``.

    Parameters
    ----------
    width : int
        Of elements and coefficients, 2..24.
    fraction, coefficient_fraction : int

    Raises
    ------
    ValueError
        A parameter is out of range.
    """

    width: int = 16
    fraction: int = 15
    coefficient_fraction: int = 14

    def __post_init__(self):
        if not 2 <= self.width <= 24:
            raise ValueError(f"width must be in 2..24, not {self.width}")
        if not 1 <= self.coefficient_fraction < self.width:
            raise ValueError(f"coefficient_fraction must be in 1..{self.width - 1}, not {self.coefficient_fraction}")

    @property
    def name(self):
        """Name of the format."""
        return f"fixed{self.width}"

    @property
    def dtype(self):
        """Type that elements are kept in."""
        return np.dtype(np.int64)

    @property
    def limit(self):
        """One more than the largest element."""
        return 1 << (self.width - 1)

    def saturate(self, total):
        """Nearest element."""
        return np.clip(total, -self.limit, self.limit - 1)

    def _encode(self, values, fraction):
        values = np.asarray(values)
        if np.issubdtype(values.dtype, np.integer):
            return values.astype(np.int64)
        return self.saturate(np.rint(np.ldexp(values.astype(np.float64), fraction))).astype(np.int64)

    def encode(self, values):
        """Real values as the nearest elements, ties to even, saturated; integers are elements already."""
        return self._encode(values, self.fraction)

    def encode_coefficients(self, values):
        """The same for coefficients."""
        return self._encode(values, self.coefficient_fraction)

    def decode(self, elements):
        """Values as float64."""
        return np.ldexp(np.asarray(elements).astype(np.float64), -self.fraction)

    def decode_coefficients(self, elements):
        """Values of coefficients as float64."""
        return np.ldexp(np.asarray(elements).astype(np.float64), -self.coefficient_fraction)

    def multiply(self, a, b):
        """An element times a coefficient, in units of an element."""
        return (a * b + (1 << (self.coefficient_fraction - 1))) >> self.coefficient_fraction

    def add(self, a, b):
        """``a + b``."""
        return a + b

    def subtract(self, a, b):
        """``a - b``."""
        return a - b

    def finish(self, total, shift):
        """Outputs of a butterfly as elements."""
        return self.saturate((total + 1) >> 1 if shift else total)


FP16 = FloatFormat("fp16", np.dtype(np.float16))
BF16 = FloatFormat("bf16", np.dtype(ml_dtypes.bfloat16))
FP32 = FloatFormat("fp32", np.dtype(np.float32))
#: What the others are measured against.
FP64 = FloatFormat("fp64", np.dtype(np.float64))
FORMATS = {each.name: each for each in (FP16, BF16, FP32, FP64, FixedFormat())}


def find_format(which):
    """A format by its name, or the format itself.

    Raises
    ------
    ValueError
        There is none of that name.
    """
    if not isinstance(which, str):
        return which
    if which not in FORMATS:
        raise ValueError(f"The format must be one of {', '.join(FORMATS)}, not {which!r}")
    return FORMATS[which]
