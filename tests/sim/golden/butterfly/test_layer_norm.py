from fractions import Fraction
from math import isqrt

import numpy as np
import pytest

from sim.golden.butterfly import LayerNormFormat, layer_norm, normalise, residual
from sim.golden.butterfly.layer_norm import exact_square_sum, integers
from tests.streams import generator


def draw(*shape):
    return np.random.default_rng(generator().getrandbits(32)).standard_normal(shape)


def patterns(count):
    """Finite numbers of all exponents, of both signs."""
    bits = np.random.default_rng(generator().getrandbits(32)).integers(0, 1 << 16, count, dtype=np.uint16)
    return np.where((bits >> 10) & 31 == 31, bits & 0x83FF, bits).view(np.float16).astype(float)


def by_definition(h, form):
    """The five steps of `LayerNormFormat` on one vector in Python's integers and fractions."""
    count = len(h)
    values = [int(Fraction(float(value)) * 2**24) for value in h]
    total, squares = sum(values), sum(value * value for value in values)
    cut = 0
    while squares >> 2 * cut >= 1 << form.square_bits:
        cut += 1
    epsilon = int(Fraction(2)**(form.epsilon_log2 + 48 - 2 * cut) * count * count)
    variance = max(0, count * (squares >> 2 * cut) - (total >> cut)**2 + epsilon)
    if variance == 0:
        return [np.float16(0)] * count
    halves = 0
    while int(variance * Fraction(4)**-halves) >= 4**form.root_bits:
        halves += 1
    while int(variance * Fraction(4)**-halves) < 4**form.root_bits // 4:
        halves -= 1
    root = isqrt(int(variance * Fraction(4)**-halves))
    inverse = round(Fraction(2**(form.reciprocal_bits + form.root_bits - 1), root))
    places = halves + cut + form.root_bits - 1 - form.result_fraction
    limit = 1 << (form.result_bits - 1)
    results = []
    for value in values:
        scaled = (Fraction(count * value - total) / Fraction(2)**places + Fraction(1, 2)).__floor__()
        scaled = min(max(scaled, -limit), limit - 1)
        results.append(np.float16(scaled * inverse / 2**(form.result_fraction + form.reciprocal_bits)))
    return results


@pytest.mark.parametrize("form", [LayerNormFormat(), LayerNormFormat(epsilon_log2=-40),
                                  LayerNormFormat(square_bits=32, root_bits=16, reciprocal_bits=11, result_bits=20)])
@pytest.mark.parametrize("count", [1, 7, 64, 384])
def test_is_its_definition(count, form):
    rows = [draw(count), 1e-4 * draw(count), 3000 * draw(count), 100 + 0.1 * draw(count), np.full(count, 0.1),
            np.zeros(count), np.r_[np.zeros(count - 1), 60000], 2.0**-24 * np.sign(draw(count)),
            np.full(count, 65504), 1000 + 0.5 * draw(count), patterns(count)]
    rows = np.array(rows).astype(np.float16)
    results = normalise(rows, form)
    assert results.shape == rows.shape and results.dtype == np.float16
    for row, result in zip(rows, results, strict=True):
        assert result.tolist() == [float(value) for value in by_definition(row, form)]


def test_integers_and_squares_are_exact():
    bits = np.arange(1 << 16, dtype=np.uint16)
    numbers = bits.view(np.float16)[(bits >> 10) & 31 != 31]
    assert np.array_equal(integers(numbers), (numbers.astype(np.float64) * 2**24).astype(np.int64))
    assert integers(np.array([np.inf, -np.inf], dtype=np.float16)).tolist() == [2**40, -(2**40)]
    values = integers(numbers[np.abs(numbers.astype(float)) > 1e4])[:8192]
    assert exact_square_sum(values) == sum(int(value)**2 for value in values)


def reference(h, epsilon):
    h = h.astype(np.float64)
    return (h - h.mean(axis=-1, keepdims=True)) / np.sqrt(h.var(axis=-1, keepdims=True) + epsilon)


@pytest.mark.parametrize("count", [64, 768, 8192])
@pytest.mark.parametrize("scale, mean", [(1, 0), (1, 30), (2000, 100), (0.01, 0)])
def test_is_as_good_as_float16_can_be(count, scale, mean):
    h = (mean + scale * draw(3, count)).astype(np.float16)
    exact, result = reference(h, 2.0**-17), normalise(h)
    unit = 2.0**np.floor(np.log2(np.maximum(np.abs(exact), 2.0**-14))) * 2.0**-10
    # Half a unit is the rounding; the rest is what the integers lose.
    assert (np.abs(result - exact) <= 0.53 * unit + 2.0**-16).all()


def test_weight_and_bias_are_rounded_one_by_one():
    h, weight, bias = draw(4, 32).astype(np.float16), draw(32).astype(np.float16), draw(32).astype(np.float16)
    y = normalise(h)
    assert np.array_equal(layer_norm(h, weight, bias), y * weight + bias)
    assert np.array_equal(layer_norm(h, weight), y * weight)
    assert np.array_equal(layer_norm(h), y)
    assert residual(np.float16(1), np.float16(2.0**-11)) == 1


def test_bad_formats():
    with pytest.raises(ValueError, match=r"^root_bits must be in 16\.\.24, not 25$"):
        LayerNormFormat(root_bits=25)
    with pytest.raises(ValueError, match=r"^square_bits must be even, not 47$"):
        LayerNormFormat(square_bits=47)
