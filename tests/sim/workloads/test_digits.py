"""Handwritten digits as a tensor: what it holds, and that averages of other images tell most of them apart."""

import importlib.util

import numpy as np
import pytest

from sim.golden.flaash import contract_fibers, find_value_format
from sim.host.flaash import prepare
from sim.workloads import WorkloadError, digits_case

pytestmark = pytest.mark.skipif(importlib.util.find_spec("sklearn") is None, reason="scikit-learn is not installed")


@pytest.mark.parametrize("form", ["int8", "int16", "fp32"])
def test_images_resemble_their_digit(form):
    arrays, einsum, shown = digits_case(150, form=form)
    assert tuple(arrays["a_shape"]) == (150, 8, 8) and tuple(arrays["b_shape"]) == (10, 8, 8)
    assert 0.4 < len(arrays["a_values"]) / (150 * 64) < 0.6
    assert set(np.unique(arrays["a_values"])) == set(range(1, 17))
    value_format = find_value_format(form)
    prepared = prepare(arrays, einsum, value_format)
    c = prepared.plan.result(contract_fibers(prepared.a, prepared.b, value_format).c)
    assert c.shape == (150, 10)
    a, b = np.zeros(arrays["a_shape"]), np.zeros(arrays["b_shape"])
    a[tuple(arrays["a_coords"].T)], b[tuple(arrays["b_coords"].T)] = arrays["a_values"], arrays["b_values"]
    exact = np.einsum(einsum, a, b)
    assert np.abs(c - exact).max() <= (2.0**-18 * exact.max() if form == "fp32" else 0)
    assert (c.argmax(axis=1) == shown).mean() > 0.8


def test_what_is_refused():
    assert len(digits_case()[2]) == 897
    for images in (0, 898, True):
        with pytest.raises(WorkloadError, match="images"):
            digits_case(images)
    with pytest.raises(WorkloadError, match="format of the values must be one of int8, int16, fp32, not 'int4'"):
        digits_case(5, form="int4")
