"""Butterfly matrices fitted to dense ones.

A fit is first identified by singular vectors, stage by stage, which finds a matrix that is a butterfly exactly; then
refined by alternating least squares, a stage at a time with the others held, each step the exact minimum. The measure
is the error of the outputs over inputs of a given covariance: that of real activations, or the identity, with which it
is the error of the matrix.
"""

from dataclasses import dataclass

import numpy as np

from sim.golden.butterfly import FP64, dense_matrix, stages_of
from sim.golden.butterfly.transform import bpmm_stage

from .errors import WorkloadError

__all__ = ["RIDGE", "Fit", "balance", "fit_butterflies", "identify", "refine"]

#: Share of its mean that is added to the diagonal of each system of equations. It keeps weights small where inputs
#: are alike, and costs less than a thousandth of the error.
RIDGE = 1e-3


def identify(matrix):
    """Weights of a butterfly matrix near to `matrix`, and of it if it is one.

    Each half of the rows is, in each pair of columns of the first stage, of rank 1 if the matrix is a butterfly: the
    pair's weights times a column of what remains, which is a butterfly of half the size. Of others the largest singular
    value is kept (Zheng, Riccietti and Gribonval, 2023, whose tree is cut here a stage at a time).

    Parameters
    ----------
    matrix : array (N, N)
        N a power of two of at least 2.

    Returns
    -------
    ndarray (log2 N, N/2, 2, 2)
        As for `bpmm`: ``dense_matrix(weights)`` is the fit.
    """
    rest = np.asarray(matrix, dtype=np.float64)[None]
    points = rest.shape[-1]
    weights = np.empty((stages_of(points), points // 2, 2, 2))
    for stage in range(len(weights)):
        blocks, size, _ = rest.shape
        stride = size // 2
        # [block, half of the rows, pair, row, column of the pair]
        parts = rest.reshape(blocks, 2, stride, 2, stride).transpose(0, 1, 4, 2, 3)
        left, values, right = np.linalg.svd(parts, full_matrices=False)
        # Of the two signs the one with which the larger weight of the pair is positive, whatever the library gives.
        larger = np.abs(right[..., 0, 0]) >= np.abs(right[..., 0, 1])
        sign = np.where(np.where(larger, right[..., 0, 0], right[..., 0, 1]) < 0, -1.0, 1.0)
        left, right = left * sign[..., None, None], right * sign[..., None, None]
        weights[stage] = right[..., 0, :].transpose(0, 2, 1, 3).reshape(points // 2, 2, 2)
        rest = (left[..., 0] * values[..., :1]).swapaxes(-1, -2).reshape(2 * blocks, stride, stride)
    # What remains are numbers, one for each output.
    weights[-1] *= rest.reshape(points // 2, 2, 1)
    return weights


def stage_after(w, stage, x):
    """Rows of x through one stage."""
    return bpmm_stage(x, w[stage], x.shape[-1] >> (stage + 1), FP64)


def suffixes(w):
    """For each stage, the blocks (N/s, s, s) of the product of all later stages, s being its stride."""
    points = 2 * w.shape[1]
    products = [np.ones((points, 1, 1))]
    for stage in range(len(w) - 1, 0, -1):
        stride = points >> (stage + 1)
        # The later product is of blocks of this stage's stride; it is widened by the stage.
        a, b = products[0].reshape(-1, 2, stride, stride).transpose(1, 0, 2, 3)
        pairs = w[stage].reshape(-1, stride, 2, 2)
        top, bottom = a[:, :, :, None] * pairs[:, None, :, 0], b[:, :, :, None] * pairs[:, None, :, 1]
        both = np.concatenate([top, bottom], axis=1)                   # [block, row, pair, column of the pair]
        products.insert(0, both.swapaxes(-1, -2).reshape(-1, 2 * stride, 2 * stride))
    return products


def refine(w, target, covariance, kept, ridge=RIDGE):
    """A sweep of alternating least squares over the stages, in place.

    Parameters
    ----------
    w : ndarray (log2 N, N/2, 2, 2)
    target : array (N, N)
    covariance : array (N, N)
        Of the inputs.
    kept : int
        Outputs that count, the first ones.
    ridge : float
        See `RIDGE`.
    """
    points = len(target)
    cross, spread = target @ covariance, covariance
    for stage, after in enumerate(suffixes(w)):
        stride = points >> (stage + 1)
        blocks = points // stride
        later = after.copy()                                            # [block, row, output of this stage]
        later.reshape(points, stride)[kept:] = 0
        gram = later.swapaxes(-1, -2) @ later
        # Inputs of output k of a block: elements k and k + stride of the block of twice the size.
        pair = np.arange(blocks // 2)
        wide = spread.reshape(blocks // 2, 2 * stride, blocks // 2, 2 * stride)[pair, :, pair]
        inputs = wide.reshape(-1, 2, stride, 2, stride).transpose(0, 2, 1, 4, 3)   # [pair, k, which, k, which]
        inputs = np.repeat(inputs, 2, axis=0)
        system = gram[:, :, None, :, None] * inputs
        block = np.arange(blocks)
        outer = cross.reshape(blocks, stride, blocks // 2, 2 * stride)[block, :, block // 2]
        right = (later.swapaxes(-1, -2) @ outer).reshape(blocks, stride, 2, stride)
        right = np.einsum("bkjk->bkj", right).reshape(blocks, 2 * stride, 1)
        system = system.reshape(blocks, 2 * stride, 2 * stride)
        diagonal = np.einsum("bii->bi", system)
        diagonal += ridge * np.maximum(diagonal.mean(axis=-1, keepdims=True), np.finfo(float).tiny)
        solved = np.linalg.solve(system, right).reshape(blocks // 2, 2, stride, 2)
        w[stage] = solved.transpose(0, 2, 1, 3).reshape(points // 2, 2, 2)
        # What the next stage gets.
        cross = stage_after(w, stage, cross)
        spread = stage_after(w, stage, stage_after(w, stage, spread).T)


def balance(w, covariance):
    """Scale the elements between the stages to a root mean square of 1, in place; the matrix stays the same.

    Without it the sizes of elements between stages are arbitrary, and formats of few bits overflow.
    """
    points, spread = len(covariance), covariance
    for stage in range(len(w) - 1):
        # As large as the elements would be if no term cancelled another.
        largest = stage_after(np.abs(w), stage, np.sqrt(np.maximum(np.diag(spread), 0)))
        spread = stage_after(w, stage, stage_after(w, stage, spread).T)
        size = np.sqrt(np.maximum(np.diag(spread), 0))
        # What never is anything but 0 may have any size. Others are not to be taken for it because they are small.
        size = np.where(size > 1e-12 * largest, size, 1)
        spread = spread / np.outer(size, size)
        stride = points >> (stage + 1)
        outputs = size.reshape(-1, 2, stride).swapaxes(1, 2).reshape(points // 2, 2, 1)
        inputs = size.reshape(-1, 2, stride // 2).swapaxes(1, 2).reshape(points // 2, 1, 2)
        w[stage] /= outputs
        w[stage + 1] *= inputs


@dataclass(frozen=True)
class Fit:
    """A sum of butterflies instead of a dense matrix.

    Parameters
    ----------
    weights : ndarray (terms, log2 N, N/2, 2, 2)
    shape : tuple of two int
        Outputs and inputs of the dense matrix; inputs are padded with zeros to N, the first outputs are kept.
    error : float
        Root mean square error of the outputs over their root mean square, by the covariance that was fitted to.
    """

    weights: np.ndarray
    shape: tuple
    error: float

    @property
    def matrix(self):
        """The dense matrix that the fit stands for."""
        outputs, inputs = self.shape
        return sum(map(dense_matrix, self.weights))[:outputs, :inputs]

    @property
    def parameters(self):
        """Weights of all terms, of the padded size."""
        return self.weights.size


def relative_error(difference, matrix, covariance):
    """``|difference x| / |matrix x|``, root mean square over inputs of that covariance."""
    def power(each):
        return np.einsum("ij,ij->", each @ covariance, each)
    return float(np.sqrt(max(power(difference), 0) / power(matrix)))


def fit_butterflies(matrix, *, activations=None, terms=1, sweeps=10, seed=None, ridge=RIDGE):
    """Fit a sum of butterflies to a dense matrix, ``y = matrix x``.

    Parameters
    ----------
    matrix : array (outputs, inputs)
        Padded to the least power of two that holds both.
    activations : array (samples, inputs), optional
        What the outputs shall be right for; by default all inputs are alike, and the matrix is what is fitted.
    terms : int
        Butterflies whose outputs are added, each fitted to what the others leave.
    sweeps : int
        Sweeps over the stages of each term.
    seed : int, optional
        Start from random weights; by default from those that `identify` finds.
    ridge : float
        See `RIDGE`.

    Returns
    -------
    Fit

    Raises
    ------
    WorkloadError
        A shape or a number is not legal.
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.ndim != 2 or min(matrix.shape) < 1:
        raise WorkloadError(f"The matrix to fit must have two axes, not the shape {matrix.shape}")
    if terms < 1 or sweeps < 0:
        raise WorkloadError(f"The fit needs at least 1 term and 0 sweeps, not {terms} and {sweeps}")
    outputs, inputs = matrix.shape
    points = max(2, 1 << (max(matrix.shape) - 1).bit_length())
    target, covariance = np.zeros((points, points)), np.zeros((points, points))
    target[:outputs, :inputs] = matrix
    covariance[:inputs, :inputs] = np.eye(inputs)
    if activations is not None:
        x = np.asarray(activations, dtype=np.float64)
        if x.ndim != 2 or x.shape[1] != inputs:
            raise WorkloadError(f"The activations must have the shape (samples, {inputs}), not {x.shape}")
        covariance[:inputs, :inputs] = x.T @ x / len(x)
    generator = None if seed is None else np.random.default_rng(seed)
    weights, fitted = [], []
    for _ in range(terms):
        left = target - sum(fitted)
        if generator is None:
            weights.append(identify(left))
        else:
            weights.append(generator.standard_normal((stages_of(points), points // 2, 2, 2)) / np.sqrt(2))
        for _ in range(sweeps):
            refine(weights[-1], left, covariance, outputs, ridge)
        fitted.append(dense_matrix(weights[-1]))
    if terms > 1:
        # Each term once more against all the others.
        for term in range(terms):
            left = target - sum(fitted[:term] + fitted[term + 1:])
            refine(weights[term], left, covariance, outputs, ridge)
            fitted[term] = dense_matrix(weights[term])
    for each in weights:
        balance(each, covariance)
    difference = target - sum(fitted)
    difference[outputs:] = 0
    return Fit(np.stack(weights), matrix.shape, relative_error(difference, target, covariance))
