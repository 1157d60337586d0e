"""Passes of long transforms: what they work on, by a task's definition, gives the whole transform."""

import numpy as np
import pytest

from sim.golden.butterfly import FP16, bpmm
from sim.golden.butterfly.transform import bpmm_stage
from sim.host.butterfly_passes import plan_passes
from tests.butterfly.machines import tiny


@pytest.mark.parametrize("fft, points, resident, passes", [
    (True, 8, 64, [3]), (True, 64, 64, [6]), (True, 128, 64, [2, 5]), (False, 128, 64, [1, 6]),
    (True, 4096, 64, [6, 6]), (False, 512, 16, [1, 4, 4]), (True, 512, 16, [2, 3, 4]), (True, 8192, 1024, [3, 10])])
def test_stages_of_the_passes(fft, points, resident, passes):
    p = tiny(max_points=8192, resident_points=resident)
    assert [each.worked for each in plan_passes(points, p, fft)] == passes
    for each in plan_passes(points, p, fft):
        places = each.places()
        assert sorted(places.reshape(-1)) == list(range(points))
        assert each.task_points <= resident and places.shape[2] == each.task_points


@pytest.mark.parametrize("points, resident", [(32, 8), (256, 16), (512, 8)])
def test_the_coefficients_of_each_task(points, resident):
    p, draw = tiny(max_points=points, resident_points=resident), np.random.default_rng(points)
    x = FP16.encode(draw.standard_normal((2, points)))
    w = FP16.encode(draw.standard_normal((points.bit_length() - 1, points // 2, 2, 2)) / np.sqrt(2))
    y = x.copy()
    for each in plan_passes(points, p, False):
        for places in each.places().reshape(-1, each.task_points):
            part, coefficients = y[:, places], each.coefficients(w, places)
            for stage in range(each.worked):
                part = bpmm_stage(part, coefficients[stage], each.task_points >> (stage + 1), FP16, 0)
            y[:, places] = part
    np.testing.assert_array_equal(y.view(np.uint16), bpmm(x, w).view(np.uint16))


def test_refused_points():
    for points, sentence in ((48, "power of two"), (1, "power of two"), (128, "up to 64 points, not 128")):
        with pytest.raises(ValueError, match=sentence):
            plan_passes(points, tiny(max_points=64, resident_points=64), True)
