"""Sparse tensors to contract: a pruned dense layer of MiniLM and its input, words of a text that stand together, random
ones.

Every case is a pair: the arrays ``a_coords`` (nnz, order), ``a_values`` (nnz,), ``a_shape`` (order,) and the same for
``b``, and the einsum.
"""

import math

import numpy as np

from .butterfly import layer_of_text
from .errors import WorkloadError
from .minilm import HEADS, load_model
from .synthetic import check_sizes

__all__ = ["FORMATS", "PAPER_SHAPES", "co_occurrence_case", "contraction_case", "prune", "pruned_layer_case"]

#: Shapes of both tensors in the source's evaluation.
PAPER_SHAPES = ((3, 3, 1024), (7, 7, 512), (10, 10, 100))

FORMATS = ("int8", "int16", "fp32")


def check_density(what, density):
    if isinstance(density, bool) or not isinstance(density, (int, float)) or not 0 <= density <= 1:
        raise WorkloadError(f"The {what} must be a number in 0..1, not {density!r}")


def check_format(form):
    if form not in FORMATS:
        raise WorkloadError(f"The format of the values must be one of {', '.join(FORMATS)}, not {form!r}")


def prune(array, density):
    """The largest magnitudes of an array, all others zero.

    Parameters
    ----------
    array : array of float
    density : float
        Share that is kept, 0..1, rounded to whole elements; of equal magnitudes the earlier ones.

    Raises
    ------
    WorkloadError
        The density is out of range.
    """
    check_density("density", density)
    kept = np.argsort(-np.abs(array), axis=None, kind="stable")[:round(density * array.size)]
    pruned = np.zeros_like(array)
    pruned.flat[kept] = array.flat[kept]
    return pruned


def operand(name, array, form):
    """Arrays of a tensor's entries that are not zero; integers are scaled so that the largest magnitude is the range's,
    and those that round to zero are none."""
    if form != "fp32":
        limit = (1 << (int(form[3:]) - 1)) - 1
        largest = np.abs(array).max(initial=0)
        array = np.rint(array * (limit / largest if largest else 0)).astype(form)
    else:
        array = array.astype(np.float32)
    return {f"{name}_coords": np.argwhere(array), f"{name}_values": array[array != 0],
            f"{name}_shape": np.array(array.shape)}


def counts_operand(name, array, form):
    """The same of counts, which are small integers already: scaling them would only waste the range of sums."""
    arrays = operand(name, array, "fp32")
    if form != "fp32":
        arrays[f"{name}_values"] = np.minimum(arrays[f"{name}_values"], np.iinfo(form).max).astype(form)
    return arrays


def contraction_case(a_shape, b_shape, density, *, einsum=None, form="fp32", seed=0):
    """Random tensors, their places uniform without repetition, as the source's are.

    Parameters
    ----------
    a_shape, b_shape : sequences of int
    density : float
        Share of entries, rounded to whole ones, 0..1.
    einsum : str or None
        None contracts the last modes.
    form : str
        ``int8``, ``int16``: uniform over the range without 0; ``fp32``: standard normal.
    seed : int
        Same seed, same tensors.

    Raises
    ------
    WorkloadError
        A length under 1, or a density or format that there is none of.
    """
    check_density("density", density)
    check_format(form)
    generator = np.random.default_rng(seed)
    arrays = {}
    for name, shape in (("a", a_shape), ("b", b_shape)):
        check_sizes(**{f"length of mode {mode}": length for mode, length in enumerate(shape)})
        size = math.prod(shape)
        places = np.sort(generator.choice(size, round(density * size), replace=False, shuffle=False))
        if form == "fp32":
            values = generator.standard_normal(len(places), dtype=np.float32)
        else:
            limit = 1 << (int(form[3:]) - 1)
            values = generator.integers(1, limit, len(places)) * generator.choice([-1, 1], len(places))
            values = values.astype(form)
        arrays |= {f"{name}_coords": np.stack(np.unravel_index(places, shape), axis=1), f"{name}_values": values,
                   f"{name}_shape": np.array(shape)}
    if einsum is None:
        free_a, free_b = "abcdefg"[:len(a_shape) - 1], "hijklmn"[:len(b_shape) - 1]
        einsum = f"{free_a}z,{free_b}z->{free_a}{free_b}"
    return arrays, einsum


def pruned_layer_case(text, layer, role, tokens=None, *, density=0.1, input_density=1.0, form="fp32"):
    """A dense layer of MiniLM, pruned by magnitude, times what it is fed with in a text.

    Parameters
    ----------
    text : str
    layer : int
        0..5.
    role : str
        Of `sim.workloads.butterfly.ROLES`. Weights of ``query``, ``key`` and ``value`` are a tensor of order 3,
        (head, channel of the head, feature), all others of order 2, (output, feature).
    tokens : int or None
        The first ones that are multiplied; None: all, up to 512.
    density, input_density : float
        Shares that stay of the weights and of the inputs.
    form : str
        ``int8``, ``int16`` or ``fp32``.

    Raises
    ------
    WorkloadError
        As `dense_layer`; a density or a format that there is none of; or the text is too short.
    """
    check_density("density of the input", input_density)
    check_format(form)
    weight, x = layer_of_text(text, layer, role, tokens)
    weight, x = prune(weight, density), prune(x[:tokens], input_density)
    einsum = "of,tf->to"
    if role in ("query", "key", "value"):
        weight, einsum = weight.reshape(HEADS, -1, weight.shape[1]), "hcf,tf->htc"
    return operand("a", weight, form) | operand("b", x, form), einsum


def co_occurrence_case(text, *, reach=4, density=0.1, form="fp32"):
    """How often words of a text stand together, times their embeddings: what stands around each word at each distance.

    ``a[u, v, d]`` is how often piece v of the text stands d + 1 places behind piece u, which is sparse by itself;
    ``b[v, f]`` are embeddings of MiniLM, pruned by magnitude. Pieces are numbered in the order of their identities.

    Parameters
    ----------
    text : str
        Up to 512 pieces of it.
    reach : int
        Largest distance, at least 1.
    density : float
        Share that stays of the embeddings.
    form : str
        ``int8``, ``int16`` or ``fp32``.

    Raises
    ------
    WorkloadError
        A number that is out of range, a format that there is none of, or the model is not installed.
    """
    check_sizes(reach=reach)
    check_format(form)
    model = load_model()
    pieces, places = np.unique(model.encode(text)[1:-1], return_inverse=True)
    counts = np.zeros((len(pieces), len(pieces), reach), dtype=np.float32)
    for distance in range(1, min(reach, len(places) - 1) + 1):
        np.add.at(counts[:, :, distance - 1], (places[:-distance], places[distance:]), 1)
    embeddings = prune(model.tensors["embeddings.word_embeddings.weight"][pieces], density)
    return counts_operand("a", counts, form) | operand("b", embeddings, form), "uvd,vf->udf"
