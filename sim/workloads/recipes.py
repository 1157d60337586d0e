"""Small real cases that ship with the package, and the recipes that made them.

They need neither the model package nor a network, so tests and demos start from real tensors at once.
`python -m sim.workloads` makes them again from the model.
"""

import io
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from .butterfly import butterfly_case
from .errors import WorkloadError
from .flaash import pruned_layer_case
from .minilm import head_case
from .text import technical_text

__all__ = ["RECIPES", "Recipe", "shipped", "shipped_names"]


@dataclass(frozen=True)
class Recipe:
    """How one shipped case was made, from `technical_text`.

    Parameters
    ----------
    name : str
        File name without suffix.
    layer, head, tokens : int
        See `head_case`.
    arrays : tuple of str
        The arrays that are kept.
    doc : str
        Why this head.
    """

    name: str
    layer: int
    head: int
    tokens: int
    arrays: tuple
    doc: str

    def make(self):
        """Compute the case; values are rounded to float16 so that the compressed file is half the size."""
        case = head_case(technical_text(), self.layer, self.head, self.tokens)
        return {name: halves(case[name]) for name in self.arrays}


@dataclass(frozen=True)
class ButterflyRecipe:
    """How the case of a butterfly matrix was made, from `technical_text`.

    Parameters
    ----------
    name : str
        File name without suffix.
    layer, role, tokens, sweeps
        See `butterfly_case`.
    doc : str
        What it is.
    """

    name: str
    layer: int
    role: str
    tokens: int
    sweeps: int
    doc: str

    def make(self):
        """Compute the case, rounded to float16."""
        case = butterfly_case(technical_text(), self.layer, self.role, self.tokens, sweeps=self.sweeps)
        return {name: halves(array) for name, array in case.items()}


@dataclass(frozen=True)
class ContractionRecipe:
    """How the case of a contraction was made, from `technical_text`.

    Parameters
    ----------
    name : str
        File name without suffix.
    layer, role, tokens, density, input_density
        See `pruned_layer_case`.
    heads : int
        The first ones, whose weights are kept.
    doc : str
        What it is.
    """

    name: str
    layer: int
    role: str
    tokens: int
    density: float
    input_density: float
    heads: int
    doc: str

    def make(self):
        """Compute the case, values rounded to float16; `contraction_case` tells its arrays."""
        case, _ = pruned_layer_case(technical_text(), self.layer, self.role, self.tokens, density=self.density,
                                    input_density=self.input_density)
        kept = case["a_coords"][:, 0] < self.heads
        case |= {"a_coords": case["a_coords"][kept], "a_values": case["a_values"][kept],
                 "a_shape": np.array([self.heads, *case["a_shape"][1:]])}
        return {name: halves(array) if array.dtype == np.float32 else array.astype(np.int32)
                for name, array in case.items()}


def halves(array):
    return array.astype(np.float16).astype(np.float32)


QKV = ("q", "k", "v")
RECIPES = {recipe.name: recipe for recipe in (
    Recipe("local", 0, 2, 256, QKV,
           "looks at its neighbours: a quarter of the keys holds all of the softmax mass"),
    Recipe("diffuse", 0, 11, 256, QKV,
           "the most even head: a quarter of the keys holds under half of the softmax mass"),
    Recipe("tokens", 1, 8, 64, ("x", "wq", "wk", "wv", "bq", "bk", "bv"),
           "hidden states and projection weights, for the path that starts from tokens"),
    ButterflyRecipe("butterfly", 2, "query", 64, 5,
                    "hidden states, padded to 512, and the projection to queries as a butterfly matrix"),
    ContractionRecipe("flaash", 2, "query", 16, 0.1, 0.25, 2,
                      "the projection of two heads to queries, a tenth of its weights, and a quarter of its inputs"),
)}


def shipped_names():
    """Names that `shipped` accepts."""
    return tuple(RECIPES)


def shipped(name):
    """Load one shipped case.

    Parameters
    ----------
    name : str
        ``local`` or ``diffuse``: ``q`` ``k`` ``v`` (256, 32). ``tokens``: ``x`` (64, 384), ``wq`` ``wk``
        ``wv`` (384, 32), ``bq`` ``bk`` ``bv`` (32,). ``butterfly``: ``x`` (64, 512), ``w`` (9, 256, 2, 2).
        ``flaash``: entries of ``a`` (2, 32, 384) and ``b`` (16, 384), as ``a_coords``, ``a_values``, ``a_shape`` and
        the same of ``b``.

    Returns
    -------
    dict of str to numpy.ndarray
        float32, coordinates and shapes int32.

    Raises
    ------
    WorkloadError
        No such case.
    """
    if name not in RECIPES:
        raise WorkloadError(f"The shipped case must be one of {', '.join(RECIPES)}, not {name!r}")
    packed = resources.files(__package__).joinpath("cases", f"{name}.npz").read_bytes()
    with np.load(io.BytesIO(packed)) as arrays:
        return {key: arrays[key] for key in arrays.files}


def write_shipped(directory):
    """Make every shipped case again; the files are the same byte for byte on the same NumPy."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    for recipe in RECIPES.values():
        np.savez_compressed(directory / f"{recipe.name}.npz", **recipe.make())
