import numpy as np
import pytest

from sim.golden.predictor import dlzs, predicted_score, predicted_sum, query_code, upper_bits
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
    """Against the reference ``x * 2^floor(log2 y)``, and its error against the product."""
    x, y = np.meshgrid(np.arange(256), np.arange(256), indexing="ij")
    approximate, product = dlzs(x, y, 16), x * y
    snapped = np.array([0] + [1 << (value.bit_length() - 1) for value in range(1, 256)])
    assert np.array_equal(approximate, x * snapped[y])
    some = product != 0
    error = (product - approximate)[some] / product[some]
    assert error.mean() == pytest.approx(0.29855, abs=0.000005)
    assert error.max() == pytest.approx(127 / 255)
    assert (approximate != product).mean() == pytest.approx(0.96107, abs=0.000005)


@pytest.mark.parametrize("width", [8, 16])
def test_signs(width):
    x, y = np.meshgrid(np.arange(-20, 21), np.arange(-100, 101), indexing="ij")
    assert np.array_equal(dlzs(x, y, width), np.sign(y) * dlzs(x, np.abs(y), width))
    assert np.array_equal(dlzs(-x, y, width), -dlzs(x, y, width))


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
    assert np.array_equal(predicted_sum(queries, upper_bits(keys, p), base, p), expected)
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
