"""Floating-point sums and products of bit patterns, the models of `hw.arith.float_add` and `float_multiply`.

Formats are objects with ``exponent`` and ``mantissa``, the widths of these fields, as `hw.arith.FloatFormat` is. Of the
usual formats it is NumPy that computes; of all others, and of these for comparison, exact fractions.
"""

from fractions import Fraction

import numpy as np

__all__ = ["exact", "float_add", "float_multiply", "float_subtract", "nearest", "numpy_type"]


def numpy_type(form):
    """The type of NumPy that numbers of a format have: ``(float type, type of their bits)``; None if there is none."""
    fields = (form.exponent, form.mantissa)
    if fields == (5, 10):
        return np.float16, np.uint16
    if fields == (8, 23):
        return np.float32, np.uint32
    if fields == (8, 7):
        import ml_dtypes
        return ml_dtypes.bfloat16, np.uint16
    return None


def float_add(a, b, form):
    """Bits of ``a + b`` for arrays of bits; every NaN is the canonical quiet one."""
    return _arithmetic("add", a, b, form)


def float_subtract(a, b, form):
    """Bits of ``a - b``, as `float_add`."""
    return _arithmetic("subtract", a, b, form)


def float_multiply(a, b, form):
    """Bits of ``a * b``, as `float_add`."""
    return _arithmetic("multiply", a, b, form)


def _arithmetic(operation, a, b, form):
    types = numpy_type(form)
    if types is None:
        return np.array([exact(operation, int(x), int(y), form) for x, y in zip(a, b, strict=True)], dtype=np.uint32)
    # NumPy computes both 16-bit formats as singles and rounds again. That is as rounding once: a single has 24 bits, at
    # least twice a half's 11 and two more, which two roundings of a sum are harmless with (Figueroa, 1995), and holds
    # the product of two halves, and of two of bfloat16's 8 bits, exactly. Only the tiniest products of bfloat16 are
    # not exact: below 2**-149, where bfloat16 has nothing but 0 from half of 2**-133 down.
    a, b = (np.asarray(operand, dtype=types[1]).view(types[0]) for operand in (a, b))
    with np.errstate(all="ignore"):
        result = getattr(np, operation)(a, b)
    bits = result.view(types[1]).astype(np.uint32)
    return np.where(np.isnan(result), np.uint32(_nan(form)), bits)


def exact(operation, a, b, form):
    """Bits of ``a + b``, ``a - b`` or ``a * b`` (`operation` ``"add"``, ``"subtract"``, ``"multiply"``) of two numbers.

    Fractions are computed with, and what is not a finite number is looked up.
    """
    infinity, nan = _infinity(form), _nan(form)
    top = 1 << (form.exponent + form.mantissa)
    if operation == "subtract":
        b ^= top
    signs = [int(x >= top) for x in (a, b)]
    sizes = [x & (top - 1) for x in (a, b)]
    if max(sizes) > infinity:
        return nan
    if operation == "multiply":
        sign = (signs[0] ^ signs[1]) * top
        if infinity in sizes:
            return nan if 0 in sizes else sign | infinity
        return sign | nearest(_value(sizes[0], form) * _value(sizes[1], form), form)
    infinite = {sign for sign, size in zip(signs, sizes, strict=True) if size == infinity}
    if infinite:
        return nan if len(infinite) == 2 else infinite.pop() * top | infinity
    total = sum((-1)**sign * _value(size, form) for sign, size in zip(signs, sizes, strict=True))
    negative = total < 0 or (total == 0 and signs == [1, 1])
    return negative * top | nearest(abs(total), form)


def _infinity(form):
    return ((1 << form.exponent) - 1) << form.mantissa


def _nan(form):
    return _infinity(form) | 1 << (form.mantissa - 1)


def _least(form):
    """Exponent of the least normal number."""
    return 2 - (1 << (form.exponent - 1))


def _value(size, form):
    """The number of a positive pattern."""
    exponent, mantissa = divmod(size, 1 << form.mantissa)
    if exponent:
        mantissa += 1 << form.mantissa
    return Fraction(mantissa) * Fraction(2)**(max(exponent, 1) - 1 + _least(form) - form.mantissa)


def nearest(value, form):
    """Pattern of the number nearest to a fraction that is not negative; of two, the one with an even mantissa."""
    if not value:
        return 0
    # Within a power of two of it: the numerator's and the denominator's bits.
    exponent = value.numerator.bit_length() - value.denominator.bit_length()
    exponent = max(exponent - (value < Fraction(2)**exponent), _least(form))
    # Python rounds ties to even.
    units = round(value / Fraction(2)**(exponent - form.mantissa))
    # A number's pattern grows by one from each number to the next: across powers of two, too, and on to infinity.
    return min(units + ((exponent - _least(form)) << form.mantissa), _infinity(form))
