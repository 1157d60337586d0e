import numpy as np
import pytest

from sim.golden.butterfly import (
    FP16,
    FixedFormat,
    bit_reversed,
    bpmm,
    bpmm_divided,
    choose_scaling,
    dense_matrix,
    fft,
    fft_divided,
    transform_error,
    twiddles,
)
from tests.streams import generator


def draw(points, batch=(), seed=None):
    """Vectors and weights."""
    rng = np.random.default_rng(generator(seed).getrandbits(32))
    return (rng.standard_normal((*batch, points)),
            rng.standard_normal((points.bit_length() - 1, points // 2, 2, 2)) / np.sqrt(2))


def plain_bpmm(x, w, round_to):
    """The definition, pair by pair, in Python."""
    x, w = [round_to(value) for value in x], np.vectorize(round_to, otypes=[object])(w)
    for stage, stride in enumerate(len(x) >> (n + 1) for n in range(len(w))):
        y = list(x)
        for k in range(len(x) // 2):
            p = k // stride * 2 * stride + k % stride
            q = p + stride
            for row, place in enumerate((p, q)):
                y[place] = round_to(round_to(w[stage, k, row, 0] * x[p]) + round_to(w[stage, k, row, 1] * x[q]))
        x = y
    return x


@pytest.mark.parametrize("form, kind", [("fp16", np.float16), ("fp32", np.float32), ("fp64", np.float64)])
@pytest.mark.parametrize("points", [2, 4, 64])
def test_bpmm_is_its_definition(points, form, kind):
    x, w = draw(points)
    assert bpmm(x, w, form).tolist() == [float(value) for value in plain_bpmm(x, w, kind)]


def test_batches_are_independent():
    x, w = draw(32, (3, 5))
    y = bpmm(x, w)
    assert y.shape == (3, 5, 32) and np.array_equal(y[2, 4], bpmm(x[2, 4], w))
    assert np.array_equal(fft(x)[1][2, 4], fft(x[2, 4])[1])


def test_dense_matrix_is_the_product_of_its_stages():
    x, w = draw(16, (4,))
    product = np.eye(16)
    for stage, stride in enumerate((8, 4, 2, 1)):
        factor = np.zeros((16, 16))
        for k in range(8):
            p = k // stride * 2 * stride + k % stride
            factor[np.ix_([p, p + stride], [p, p + stride])] = w[stage, k]
        product = factor @ product
    assert np.allclose(dense_matrix(w), product)
    assert np.allclose(bpmm(x, w, "fp64"), x @ product.T)


def test_one_table_of_twiddles_serves_all_stages():
    for points in (4, 64, 8192):
        real, imaginary = twiddles(points // 2)
        for stage in range(points.bit_length() - 1):
            blocks = 1 << stage
            # The usual definition: by stage, with the bits of the block in reverse.
            usual = np.exp(-2j * np.pi * bit_reversed(blocks) / (2 * blocks))
            assert np.allclose(real[:blocks] + 1j * imaginary[:blocks], usual, rtol=0, atol=1e-15)
    assert [part[:2].tolist() for part in twiddles(2)] == [[1, 0], [0, -1]]
    assert not any(np.signbit(part)[part == 0].any() for part in twiddles(4096))
    # An 8,192-point transform has 4,096 different twiddles in float16.
    assert len({(r, i) for r, i in zip(*(part.astype(np.float16).tolist() for part in twiddles(4096)),
                                       strict=True)}) == 4096


@pytest.mark.parametrize("points", [2, 8, 128, 8192])
def test_fft_is_numpys(points):
    x = draw(points, (2,))[0] + 1j * draw(points, (2,))[0]
    real, imaginary = fft(x, "fp64")
    assert np.allclose(real + 1j * imaginary, np.fft.fft(x), rtol=0, atol=1e-12 * points)
    # Parts instead of complex numbers.
    assert np.array_equal(fft((x.real, x.imag), "fp64")[1], imaginary)


def test_fft_by_hand_in_float16():
    """Four points: the second stage's second block turns by a right angle, which is exact."""
    x = np.array([1 + 2j, 3 - 1j, 0.1 + 5j, 7j])
    real, imaginary = fft(x)
    f = np.float16
    (a, b), (c, d) = ((f(f(p) + f(q)), f(f(p) - f(q))) for p, q in ((1, 0.1), (3, 0)))
    (e, g), (h, k) = ((f(f(p) + f(q)), f(f(p) - f(q))) for p, q in ((2, 5), (-1, 7)))
    assert real.tolist() == [f(a + c), f(b + k), f(a - c), f(b - k)]
    assert imaginary.tolist() == [f(e + h), f(g - d), f(e - h), f(g + d)]


@pytest.mark.parametrize("form", ["fp16", "bf16", "fixed16"])
def test_two_passes_give_the_bits_of_one(form):
    for points in (1 << stages for stages in range(2, 14)):
        x, w = draw(points, (2,))
        x, scaling = x / 8, [1, 0] * 6 + [1] if form == "fixed16" else None
        scaling = scaling and scaling[:points.bit_length() - 1]
        whole, (real, imaginary) = bpmm(x, w, form, scaling), fft(x + 1j * x[::-1], form, scaling)
        for first in (1 << stages for stages in range(1, points.bit_length() - 1)):
            # Bytes, as zeros of different signs are equal.
            assert bpmm_divided(x, w, first, form, scaling).tobytes() == whole.tobytes()
            parts = fft_divided(x + 1j * x[::-1], first, form, scaling)
            assert (parts[0].tobytes(), parts[1].tobytes()) == (real.tobytes(), imaginary.tobytes())


def test_scaling_halves_the_stages_it_names():
    form = FixedFormat()
    x, w = draw(64)
    y = bpmm(x / 64, w, form)
    # Halving all but the last stage loses bits, halving the last one rounds the same sums.
    last = bpmm(x / 64, w, form, [0, 0, 0, 0, 0, 1])
    assert np.array_equal(last, (y + 1) >> 1)
    first = bpmm(x / 64, w, form, [1, 0, 0, 0, 0, 0])
    assert np.abs(2 * first - y).max() < 40 and not np.array_equal(first, last)


def test_chosen_scaling_is_enough_and_needed():
    x = np.full(64, 0.9)
    assert choose_scaling(x) == ([1] * 6, 0)
    assert choose_scaling(x / 64) == ([0] * 6, 0)
    scaling, saturated = choose_scaling(x / 8)
    assert (sum(scaling), saturated) == (3, 0)
    real, _ = fft(x / 8, "fixed16", scaling)
    assert abs(real[0] / (0.9 * 2**15) - 1) < 1e-3
    # Weights that make more of a stage than a halving takes back.
    assert choose_scaling(x, np.full((6, 32, 2, 2), 1.5))[1] > 0


@pytest.mark.parametrize("form, most", [("fp16", 1.5e-3), ("bf16", 1.2e-2), ("fp32", 2e-7), ("fixed16", 5e-3)])
def test_errors_of_the_formats(form, most):
    # Of the median: random weights now and then cancel almost all of a vector, and what is left is all error.
    rng = generator()
    draws = [draw(512, (4,), rng.getrandbits(32)) for _ in range(9)]
    assert 0 < np.median([transform_error(x, w, form)["rms"] for x, w in draws]) < most
    assert 0 < np.median([transform_error(x, None, form)["rms"] for x, _ in draws]) < most


def test_bad_shapes():
    x, w = draw(8)
    with pytest.raises(ValueError, match=r"^The number of points must be a power of two of at least 2, not 6$"):
        bpmm(x[:6], w)
    with pytest.raises(ValueError, match=r"^The weights of 8 points must have the shape \(3, 4, 2, 2\), not \(2, 4"):
        bpmm(x, w[:2])
    with pytest.raises(ValueError, match=r"^scaling must be 3 values of 0 or 1, not \[1\]$"):
        fft(x, "fixed16", [1])
    with pytest.raises(ValueError, match=r"^scaling is for fixed point, fp16 has none$"):
        fft(x, FP16, [1, 0, 0])
    with pytest.raises(ValueError, match=r"^The points of the first pass must be fewer than 8, not 8$"):
        bpmm_divided(x, w, 8)
