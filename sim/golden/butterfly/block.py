"""A block of FABNet: Fourier mixing of the tokens, then a feed-forward network of butterflies."""

from dataclasses import dataclass

import numpy as np

from .formats import FP16
from .layer_norm import LayerNormFormat, layer_norm, residual
from .layers import ACTIVATIONS, contract, expand, fourier_mix

__all__ = ["BlockWeights", "fabnet_block", "fabnet_block_reference", "random_block"]


@dataclass(frozen=True)
class BlockWeights:
    """Weights of a block with N features, N a power of two, and a feed-forward network of R N.

    Parameters
    ----------
    up : array (R, log2 N, N/2, 2, 2)
        See `expand`.
    down : array (log2 R N, R N/2, 2, 2)
        See `contract`; the first N of its outputs are kept.
    norms : tuple of two pairs of array (N,)
        Weight and bias of both normalisations.
    activation : str
        Of `ACTIVATIONS`: ``relu``, ``gelu`` (FABNet's own training code has it) or ``none``.
    norm_first : bool
        Whether a normalisation stands before each part, as in FABNet's training code: ``h = x + mix(norm(x))``,
        ``h + ffn(norm(h))``; or behind each sum, as in FNet and BERT: ``h = norm(x + mix(x))``, ``norm(h + ffn(h))``.
    norm_format : LayerNormFormat
    """

    up: np.ndarray
    down: np.ndarray
    norms: tuple
    activation: str = "relu"
    norm_first: bool = False
    norm_format: LayerNormFormat = LayerNormFormat()

    def __post_init__(self):
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, not {self.activation!r}")

    def feed_forward(self, h):
        """float16 (..., N) to (..., N)."""
        return contract(ACTIVATIONS[self.activation](expand(h, self.up)), self.down, h.shape[-1])

    def normalise(self, number, h):
        """Layer normalisation `number`, 0 or 1."""
        return layer_norm(h, *self.norms[number], form=self.norm_format)


def fabnet_block(x, weights):
    """One block, float16 throughout.

    Parameters
    ----------
    x : array (S, N)
        Tokens; S and N powers of two.
    weights : BlockWeights

    Returns
    -------
    ndarray of float16 (S, N)
    """
    x = FP16.encode(x)
    if weights.norm_first:
        h = residual(x, fourier_mix(weights.normalise(0, x)))
        return residual(h, weights.feed_forward(weights.normalise(1, h)))
    h = weights.normalise(0, residual(x, fourier_mix(x)))
    return weights.normalise(1, residual(h, weights.feed_forward(h)))


def fabnet_block_reference(x, weights):
    """The same block in double precision, with NumPy's transforms."""
    from math import erfc

    x = np.asarray(x, dtype=np.float64)
    activation = {"relu": lambda v: np.maximum(v, 0), "none": lambda v: v,
                  "gelu": np.vectorize(lambda v: v / 2 * erfc(-v / 2**0.5), otypes=[float])}[weights.activation]

    def norm(number, h):
        weight, bias = (np.asarray(each, dtype=np.float64) for each in weights.norms[number])
        variance = h.var(axis=-1, keepdims=True) + 2.0**weights.norm_format.epsilon_log2
        return (h - h.mean(axis=-1, keepdims=True)) / np.sqrt(variance) * weight + bias

    def feed_forward(h):
        return contract(activation(expand(h, weights.up, "fp64")), weights.down, h.shape[-1], "fp64")

    def mix(h):
        return np.fft.fft2(h).real

    if weights.norm_first:
        h = x + mix(norm(0, x))
        return h + feed_forward(norm(1, h))
    h = norm(0, x + mix(x))
    return norm(1, h + feed_forward(h))


def random_block(features, ratio, *, seed=0, **options):
    """Random weights that keep the size of what they multiply: each output has the variance of its inputs.

    Parameters
    ----------
    features, ratio : int
        N and R.
    seed : int
    options
        As for `BlockWeights`.
    """
    generator = np.random.default_rng(seed)

    def butterfly(points):
        return generator.standard_normal((points.bit_length() - 1, points // 2, 2, 2)) / np.sqrt(2)

    norms = tuple((1 + generator.standard_normal(features) / 8, generator.standard_normal(features) / 8)
                  for _ in range(2))
    return BlockWeights(np.stack([butterfly(features) for _ in range(ratio)]), butterfly(ratio * features), norms,
                        **options)
