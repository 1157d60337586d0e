from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from sim.golden.butterfly import BF16, FP16, FP32, FixedFormat, find_format
from tests.streams import generator

#: Format, bits of its significand, exponent of its least subnormal number, integer type of its bits.
FLOATS = [(FP16, 11, -24, np.uint16), (BF16, 8, -133, np.uint16), (FP32, 24, -149, np.uint32)]


def exact_round(value, precision, least):
    """The nearest number of that precision, ties to even, by fractions; no upper limit."""
    if value == 0:
        return Fraction(0)
    exponent = 0
    while abs(value) >= Fraction(2)**(exponent + 1):
        exponent += 1
    while abs(value) < Fraction(2)**exponent:
        exponent -= 1
    unit = Fraction(2)**max(exponent - precision + 1, least)
    return round(value / unit) * unit


def drawn(form, kind, count, rng):
    """Finite elements of any exponent, of both signs."""
    bits = np.array([rng.getrandbits(8 * form.dtype.itemsize) for _ in range(count)], dtype=np.uint64).astype(kind)
    elements = bits.view(form.dtype)
    with np.errstate(invalid="ignore"):
        return elements[np.isfinite(elements.astype(np.float64))]


@pytest.mark.parametrize("form, precision, least, kind", FLOATS, ids=lambda value: getattr(value, "name", ""))
def test_float_operations_round_once(form, precision, least, kind):
    rng = generator()
    a, b = drawn(form, kind, 900, rng), drawn(form, kind, 900, rng)
    count = min(len(a), len(b))
    a, b = a[:count], b[:count]
    # Half of the sums are of numbers of about one size.
    b[::2] = form.encode(a[::2].astype(np.float64) * -1.5)
    for name, operation in (("multiply", lambda x, y: x * y), ("add", lambda x, y: x + y),
                            ("subtract", lambda x, y: x - y)):
        results = getattr(form, name)(a, b)
        assert results.dtype == form.dtype
        for x, y, result in zip(a, b, results.astype(np.float64), strict=True):
            if np.isfinite(result):
                exact = operation(Fraction(float(x)), Fraction(float(y)))
                assert Fraction(float(result)) == exact_round(exact, precision, least)


def test_bf16_encodes_once():
    # Between two bfloat16 numbers, above the middle by less than float32 sees.
    value = 1 + 2.0**-8 + 2.0**-40
    assert float(BF16.encode(value)) == 1 + 2.0**-7 != float(np.float64(value).astype(ml_dtypes.bfloat16))
    assert np.isinf(float(BF16.encode(3.4e38 * 1.01)))
    assert float(BF16.encode(-(2.0**-133))) == -(2.0**-133)


def test_one_nan():
    infinity, other = np.array([np.inf], dtype=np.float16), np.array([0xFE01], dtype=np.uint16).view(np.float16)
    for result in (FP16.subtract(infinity, infinity), FP16.multiply(infinity, 0 * infinity[:0].sum()),
                   FP16.add(other, infinity)):
        assert np.asarray(result).view(np.uint16) == 0x7E00
    infinity = BF16.encode(np.array([np.inf]))
    assert BF16.subtract(infinity, infinity).view(np.uint16) == 0x7FC0


def test_elements_are_not_rounded_again():
    elements = np.array([1, 2.0**-24], dtype=np.float16)
    assert FP16.encode(elements) is elements
    assert FixedFormat().encode(np.array([5, -7])).tolist() == [5, -7]


def test_fixed_point_by_hand():
    form = FixedFormat(width=8, fraction=7, coefficient_fraction=6)
    assert form.encode([0.5, -1, 1, 0.004]).tolist() == [64, -128, 127, 1]
    assert form.encode_coefficients([1.0, -2.0, 2.0]).tolist() == [64, -128, 127]
    # Halves go up, also below zero; a product keeps its ninth bit.
    a, b = np.array([1, -1, 3, -3, -128, 127]), np.array([32, 32, 32, 32, -128, 64])
    assert form.multiply(a, b).tolist() == [1, 0, 2, -1, 256, 127]
    assert form.finish(np.array([300, -300, 5, -5]), 0).tolist() == [127, -128, 5, -5]
    assert form.finish(np.array([255, 254, -258, 5, -5]), 1).tolist() == [127, 127, -128, 3, -2]
    assert form.decode([64, -128]).tolist() == [0.5, -1]


def test_bad_formats():
    with pytest.raises(ValueError, match=r"^The format must be one of fp16, bf16, fp32, fp64, fixed16, not 'x'$"):
        find_format("x")
    with pytest.raises(ValueError, match=r"^width must be in 2\.\.24, not 25$"):
        FixedFormat(width=25)
    with pytest.raises(ValueError, match=r"^coefficient_fraction must be in 1\.\.15, not 16$"):
        FixedFormat(coefficient_fraction=16)
    with pytest.raises(ValueError, match=r"^scaling is for fixed point, fp16 has none$"):
        FP16.finish(np.zeros(1), 1)
