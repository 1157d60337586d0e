"""Formats of values: what is taken, and sums at the edges of their ranges."""

import numpy as np
import pytest

from sim.golden.flaash import FP32, INT8, INT16, INT16_WIDE, VALUE_FORMATS, FiberError, find_value_format


@pytest.mark.parametrize("form, values, message", [
    (INT8, [1, -128, 128], r"value 2 is 128, not an integer in -128\.\.127, as int8 needs"),
    (INT8, [1.0, 2.5], "value 1 is 2.5"),
    (INT16, [0, -32769], "value 1 is -32769"),
    (INT16, [np.nan], "value 0 is nan"),
    (INT16, [0, np.inf], "value 1 is inf"),
    (FP32, [1j], "must be real numbers, not complex128"),
    (FP32, ["1"], "must be real numbers"),
])
def test_values_refused(form, values, message):
    with pytest.raises(FiberError, match=message):
        form.encode(np.array(values))


def test_whole_floats_are_integers():
    encoded = INT8.encode(np.array([-128.0, 127.0, -0.0]))
    assert encoded.dtype == np.int8 and list(encoded) == [-128, 127, 0]


def test_formats_are_found():
    for form in VALUE_FORMATS:
        assert find_value_format(form.name, form.accumulator) is form
    with pytest.raises(ValueError, match="int8 with 32 bits, .*, not fp32 with 48 bits"):
        find_value_format("fp32", 48)


def test_sums_that_wrap_are_counted():
    terms = INT16.products(np.full(5, -32768), np.full(5, -32768))
    total = INT16.sums(terms, np.array([0, 0, 2, 2, 2]), 3)
    wrapped, overflows = INT16.finish(total)
    assert wrapped.dtype == np.int32 and list(wrapped) == [-2**31, 0, -2**30] and overflows == 2
    wide, overflows = INT16_WIDE.finish(total)
    assert wide.dtype == np.int64 and list(wide) == [2**31, 0, 3 * 2**30] and overflows == 0


def test_single_precision_edges():
    tiny = np.float32(2**-100)
    a, b = np.array([tiny, -tiny, np.inf, np.inf, 2**-75, 3e38], np.float32), np.array(
        [tiny, tiny, 0, -1, 2**-74, 10], np.float32)
    results, overflows = FP32.finish(FP32.sums(FP32.products(a, b), np.arange(6), 6))
    # A product below the smallest subnormal rounds to a zero, whose sign the +0 before it takes.
    assert list(results.view(np.uint32)) == [0, 0, 0x7FC00000, 0xFF800000, 1, 0x7F800000] and overflows == 0
