import numpy as np
import pytest

from sim.golden.butterfly import bpmm, dense_matrix
from sim.workloads import WorkloadError, fit_butterflies
from sim.workloads.butterfly_fit import balance, identify, refine, relative_error
from tests.streams import generator


def rng():
    return np.random.default_rng(generator().getrandbits(32))


def butterfly(points, draw):
    return draw.standard_normal((points.bit_length() - 1, points // 2, 2, 2))


def correlated(points, draw):
    """Activations of which some directions hold most."""
    return draw.standard_normal((4 * points, points)) * np.geomspace(1, 0.1, points) @ draw.standard_normal(
        (points, points))


@pytest.mark.parametrize("points", [2, 4, 8, 64])
def test_a_butterfly_is_identified(points):
    matrix = dense_matrix(butterfly(points, rng()))
    found = dense_matrix(identify(matrix))
    assert np.allclose(found, matrix, rtol=0, atol=1e-12 * np.abs(matrix).max())


def test_the_hadamard_transform_is_a_butterfly():
    hadamard = np.array([[(-1)**(row & column).bit_count() for column in range(32)] for row in range(32)])
    assert np.allclose(dense_matrix(np.broadcast_to(hadamard[:2, :2], (5, 16, 2, 2))), hadamard)
    assert np.allclose(dense_matrix(identify(hadamard)), hadamard)


@pytest.mark.parametrize("kept", [16, 11])
def test_each_sweep_is_no_worse(kept):
    draw = rng()
    target, x = draw.standard_normal((16, 16)), correlated(16, draw)
    target[kept:] = 0
    covariance = x.T @ x / len(x)
    w, errors = identify(target), []
    for _ in range(6):
        difference = target - dense_matrix(w)
        difference[kept:] = 0
        errors.append(relative_error(difference, target, covariance))
        refine(w, target, covariance, kept, ridge=1e-12)
    assert all(after <= before + 1e-9 for before, after in zip(errors, errors[1:], strict=False))
    assert errors[-1] < 0.9 * errors[0]


def test_a_step_is_the_minimum():
    """The last stage that was refined: no change of a weight makes the outputs better."""
    draw = rng()
    target, x = draw.standard_normal((8, 8)), correlated(8, draw)
    covariance, w = x.T @ x / len(x), butterfly(8, draw)
    refine(w, target, covariance, 8, ridge=1e-12)
    least = relative_error(target - dense_matrix(w), target, covariance)
    for place in np.ndindex(w[-1].shape):
        for change in (-1e-3, 1e-3):
            other = w.copy()
            other[-1][place] += change
            assert relative_error(target - dense_matrix(other), target, covariance) > least


def test_balance_keeps_the_matrix_and_levels_the_stages():
    draw = rng()
    # Of one draw in 25 some elements are a millionth of others.
    for _ in range(100):
        w, x = butterfly(16, draw) * 10.0**draw.integers(-3, 4, (4, 8, 1, 1)), correlated(16, draw)
        matrix = dense_matrix(w)
        balance(w, x.T @ x / len(x))
        assert np.allclose(dense_matrix(w), matrix, rtol=1e-9, atol=1e-9 * np.abs(matrix).max())
        y = x
        for stage in range(3):
            stride = 16 >> (stage + 1)
            pairs = y.reshape(-1, 8 // stride, 2, stride)
            y = np.einsum("nbjs,bsij->nbis", pairs, w[stage].reshape(-1, stride, 2, 2)).reshape(-1, 16)
            assert np.allclose(np.mean(y**2, axis=0), 1)


def test_fits_of_rectangular_matrices():
    draw = rng()
    matrix, x = draw.standard_normal((11, 13)), correlated(13, draw)
    plain, aware = fit_butterflies(matrix), fit_butterflies(matrix, activations=x)
    for fit, inputs in ((plain, np.eye(13)), (aware, x)):
        assert fit.weights.shape == (1, 4, 8, 2, 2) and fit.matrix.shape == (11, 13) and fit.parameters == 128
        error = np.linalg.norm(inputs @ (fit.matrix - matrix).T) / np.linalg.norm(inputs @ matrix.T)
        assert fit.error == pytest.approx(error, rel=1e-6) and error < 0.9
        y = bpmm(np.pad(inputs, [(0, 0), (0, 3)]), fit.weights[0], "fp64")[:, :11]
        assert np.allclose(y, inputs @ fit.matrix.T)
    assert np.linalg.norm(x @ (aware.matrix - matrix).T) < np.linalg.norm(x @ (plain.matrix - matrix).T)


def test_more_terms_are_better():
    matrix = rng().standard_normal((16, 16))
    errors = [fit_butterflies(matrix, terms=terms).error for terms in (1, 2, 4)]
    assert errors[0] > errors[1] > errors[2]
    assert fit_butterflies(matrix, terms=2).parameters == 256


def test_seeds():
    matrix = rng().standard_normal((16, 16))
    first, again, other = (fit_butterflies(matrix, seed=seed, sweeps=2) for seed in (1, 1, 2))
    assert np.array_equal(first.weights, again.weights) and not np.array_equal(first.weights, other.weights)


def test_bad_fits():
    with pytest.raises(WorkloadError, match=r"^The matrix to fit must have two axes, not the shape \(3,\)$"):
        fit_butterflies(np.ones(3))
    with pytest.raises(WorkloadError, match=r"^The fit needs at least 1 term and 0 sweeps, not 0 and 10$"):
        fit_butterflies(np.ones((2, 2)), terms=0)
    with pytest.raises(WorkloadError, match=r"^The activations must have the shape \(samples, 2\), not \(5, 3\)$"):
        fit_butterflies(np.ones((2, 2)), activations=np.ones((5, 3)))
