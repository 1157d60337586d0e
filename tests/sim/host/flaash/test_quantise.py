"""Real tensors as integers: scales, bounds of sums, and integers that stay."""

import numpy as np
import pytest

from sim.golden.flaash import INT8, INT16, INT16_WIDE, FiberError, FiberTensor, contract_fibers
from sim.host.flaash import quantise_pair


def dense(*values):
    return FiberTensor.from_dense(np.array(values, dtype=np.float32))


def test_full_range():
    a, b, scale = quantise_pair(dense([0.5, -1.0]), dense([2.0, 254.0]), INT8)
    assert list(a.values) == [64, -127] and a.values.dtype == np.int8 and list(b.values) == [1, 127]
    assert scale == pytest.approx(1 / 127 * 2)


def test_integers_stay():
    a, b, scale = quantise_pair(dense([3, -5]), dense([0.25, 0.5]), INT8)
    assert list(a.values) == [3, -5] and list(b.values) == [64, 127] and scale == pytest.approx(0.5 / 127)
    assert quantise_pair(dense([0, 0]), dense([1, 2]), INT8)[2] == 1


@pytest.mark.parametrize("form", [INT8, INT16, INT16_WIDE])
@pytest.mark.parametrize("count", [3, 300])
def test_no_sum_overflows(form, count):
    """Equal signs and magnitudes give the largest sums that there can be."""
    a, b, scale = quantise_pair(dense([0.1] * count, [0.1] * count), dense([0.7] * count), form)
    result = contract_fibers(a, b, form)
    assert result.overflows == 0 and result.c[0, 0] * scale == pytest.approx(0.07 * count, rel=1e-3)
    if form is INT16 and count == 300:
        assert result.c[0, 0] > 0.9 * 2 ** 31


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_refused(value):
    with pytest.raises(FiberError, match="tensor a has values that are not finite, which int8 does not hold"):
        quantise_pair(dense([value, 1]), dense([1, 1]), INT8)
