"""`fixed_task`: real vectors in the range of fixed point, and what comes back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.golden.butterfly import FixedFormat, bpmm, fft
from sim.host.fixed_point import fixed_task

FORM = FixedFormat()


@settings(max_examples=60, deadline=None)
@given(stages=st.integers(1, 8), scale=st.integers(-30, 30), growth=st.integers(-3, 5), seed=st.integers(0, 2**32 - 1))
def test_matrices_keep_their_value(stages, scale, growth, seed):
    draw = np.random.default_rng(seed)
    x = np.ldexp(draw.standard_normal((3, 1 << stages)), scale)
    w = draw.standard_normal((stages, 1 << (stages - 1), 2, 2)) * 2.0 ** growth
    task = fixed_task(x, w)
    assert task.saturated == 0 and np.abs(task.x).max() <= 32767 and len(task.scaling) == stages
    # A coefficient that reaches 2 is brought below it, and none is saturated.
    assert np.abs(task.w).max() <= 32767
    y = np.ldexp(FORM.decode(bpmm(task.x, task.w, FORM, task.scaling)), task.exponent)
    exact = bpmm(x, w, "fp64")
    # Errors of coefficients that are small next to 1 are relative to 1; small results are lost in the last bits.
    lost = 2.0 ** (task.exponent + stages - FORM.fraction)
    assert np.abs(y - exact).max() <= 2.0 ** (stages + max(0, 3 - growth) - 12) * np.abs(exact).max() + lost


@settings(max_examples=30, deadline=None)
@given(stages=st.integers(1, 9), scale=st.integers(-30, 30), seed=st.integers(0, 2**32 - 1))
def test_transforms_keep_their_value(stages, scale, seed):
    draw = np.random.default_rng(seed)
    x = (draw.standard_normal((2, 1 << stages)) + 1j * draw.standard_normal((2, 1 << stages))) * 2.0 ** scale
    task = fixed_task(x)
    assert task.saturated == 0
    real, imaginary = (np.ldexp(FORM.decode(part), task.exponent) for part in fft(task.x, FORM, task.scaling))
    exact = np.fft.fft(x)
    assert np.linalg.norm(real + 1j * imaginary - exact) <= 2e-3 * np.linalg.norm(exact)


def test_a_constant_is_halved_in_every_stage_and_an_impulse_in_none():
    assert fixed_task(np.ones((1, 64))).scaling == [1] * 6
    assert fixed_task(np.eye(1, 64)).scaling == [0] * 6
    zeros = fixed_task(np.zeros((1, 8)))
    assert (zeros.scaling, zeros.exponent) == ([0, 0, 0], 0)


def test_numbers_that_fixed_point_does_not_have():
    with pytest.raises(ValueError, match="fixed point has no infinities"):
        fixed_task(np.array([[1, np.nan]]))
    with pytest.raises(ValueError, match="fixed point has no infinities"):
        fixed_task(np.ones((1, 2)), np.full((1, 1, 2, 2), np.inf))
