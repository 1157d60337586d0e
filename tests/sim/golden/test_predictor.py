import numpy as np
import pytest

from sim.golden.predictor import dlzs, predicted_score, predicted_sum, query_code
from tests.sofa.heads import tiny
from tests.streams import generator


def numbers(rng, *shape):
    return np.random.default_rng(rng.getrandbits(32)).integers(-32768, 32768, shape)


def test_worked_example():
    """24 * 6: only one operand is converted, so the error of the other one's octave is not made."""
    assert dlzs(24, 6, 8) == 96
    vanilla = dlzs(dlzs(1, 24, 8), 6, 8)
    assert vanilla == 64


@pytest.mark.parametrize("width", [8, 16])
def test_zero_operands(width):
    values = np.arange(-128, 128)
    assert not dlzs(0, values, width).any()
    assert not dlzs(values, 0, width).any()


def test_error_over_all_pairs_of_8_bits():
    """Snapping down loses a fraction of each product that depends on `y` alone."""
    x, y = np.meshgrid(np.arange(-128, 128), np.arange(-128, 128), indexing="ij")
    approximate, exact = dlzs(x, y, 8), x * np.maximum(y, -127)
    magnitude = np.where(y == 0, 0, 1 << np.floor(np.log2(np.clip(np.abs(np.maximum(y, -127)), 1, None))).astype(int))
    assert np.array_equal(approximate, np.sign(y) * x * magnitude)
    product = x * y
    some = product != 0
    error = np.abs(approximate - product)[some] / np.abs(product)[some]
    assert error.mean() == pytest.approx(0.29855, abs=0.0005)
    assert error.max() == pytest.approx(0.498, abs=0.003)
    assert (error > 0).mean() == pytest.approx(0.96107, abs=0.005)
    assert exact.shape == product.shape


@pytest.mark.parametrize(("mode", "levels", "base"), [(16, 4, 11), (16, 15, 0), (8, 3, 4)])
def test_sums_are_those_of_dlzs(mode, levels, base):
    """With enough levels a sum is that of the differential leading-zero products, scaled by the base."""
    rng = generator()
    p = tiny(query_code_width=mode, code_levels=levels, max_head_dim=6)
    queries, keys = numbers(rng, 5, 6), numbers(rng, 7, 6)
    sign, level = query_code(queries, base, mode, levels)
    khat = keys >> (16 - p.khat_width)
    expected = np.zeros((5, 7), dtype=int)
    for row in range(5):
        for key in range(7):
            for channel in range(6):
                if level[row, channel]:
                    term = int(khat[key, channel]) << int(level[row, channel] - 1)
                    expected[row, key] += -term if sign[row, channel] else term
    assert np.array_equal(predicted_sum(queries, keys, base, p), expected)
    if levels == 15:
        whole = dlzs(khat[None], queries[:, None], 16).sum(axis=2)
        assert np.array_equal(expected, whole)


def test_scores_are_clipped_and_never_0():
    p = tiny(score_width=6)
    sums = np.array([-1000, -33, -32, -31, -1, 0, 1, 31, 32, 1000])
    scores, clipped = predicted_score(sums, 0, p)
    assert scores.tolist() == [1, 1, 1, 1, 31, 32, 33, 63, 63, 63]
    assert clipped.tolist() == [True, True, True, False, False, False, False, False, True, True]
    scores, clipped = predicted_score(sums, 2, p)
    assert scores.tolist() == [1, 23, 24, 24, 31, 32, 32, 39, 40, 63]
    assert clipped.sum() == 2
