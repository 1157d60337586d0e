import math

import numpy as np
import pytest

from sim.golden.butterfly import bpmm, contract, dense_matrix, expand, fft, fourier_mix, gelu, pad, relu
from tests.streams import generator


def draw(*shape):
    return np.random.default_rng(generator().getrandbits(32)).standard_normal(shape)


def test_padding():
    assert pad([1, 2, 3]).tolist() == [1, 2, 3, 0]
    assert pad([[1.0]]).tolist() == [[1, 0]]
    assert pad(np.ones((2, 384), dtype=np.float32)).shape == (2, 512)
    assert pad(np.ones(4)).shape == (4,) and pad(np.ones(4), 6).tolist() == [1, 1, 1, 1, 0, 0]
    with pytest.raises(ValueError, match=r"^4 elements cannot be padded to 3$"):
        pad(np.ones(4), 3)


def test_rectangular_layers():
    x, up, down = draw(5, 16), draw(3, 4, 8, 2, 2), draw(5, 16, 2, 2)
    wide = expand(x, up, "fp64")
    assert np.allclose(wide, x @ np.concatenate([dense_matrix(each) for each in up]).T)
    wide = expand(x, up)
    assert wide.dtype == np.float16 and np.array_equal(wide[:, 16:32], bpmm(x, up[1]))
    narrow = contract(wide[:, :32], down, 16)
    assert narrow.shape == (5, 16) and np.array_equal(narrow, bpmm(wide[:, :32], down)[:, :16])
    with pytest.raises(ValueError, match=r"^The kept features must be 1\.\.32, not 33$"):
        contract(wide[:, :32], down, 33)


def test_fourier_mixing():
    x = draw(32, 64)
    assert np.allclose(fourier_mix(x, "fp64"), np.fft.fft2(x).real)
    mixed = fourier_mix(x)
    assert mixed.dtype == np.float16
    # First the features of each token, then the tokens; both in the format.
    rows = fft(x)
    columns = fft((rows[0][:, 5], rows[1][:, 5]))
    assert np.array_equal(mixed[:, 5], columns[0])


def test_activations():
    x = np.array([-0.0, 0.0, -1, 2, np.inf, -np.inf], dtype=np.float16)
    assert relu(x).tolist() == [0, 0, 0, 2, np.inf, 0] and not np.signbit(relu(x)).any()
    values = (8 * draw(1000)).astype(np.float16)
    exact = [value / 2 * math.erfc(-value / math.sqrt(2)) for value in values.astype(float)]
    assert np.array_equal(gelu(values), np.array(exact).astype(np.float16))
    assert gelu(np.float16(0)) == 0
