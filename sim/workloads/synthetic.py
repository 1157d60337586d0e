"""Random tensors with a seed, for shapes and value ranges that no real model gives."""

import numpy as np

from .errors import WorkloadError

__all__ = ["attention_case", "token_case"]


def check_sizes(**sizes):
    for name, value in sizes.items():
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise WorkloadError(f"The synthetic workload's {name} must be an integer of at least 1, "
                                f"not {value!r}")


def attention_case(queries, keys, dimension, *, value_dimension=None, heads=None, seed=0, sharpness=1.0):
    """Random queries, keys and values.

    All are standard normal; queries are multiplied by `sharpness`, so that the scores ``q k^T / sqrt(d)``
    have about that standard deviation: near 0 the attention is even, from 3 on a few keys take all of it.

    Parameters
    ----------
    queries, keys, dimension : int
        Sq, Sk and d.
    value_dimension : int or None
        dv; None means d.
    heads : int or None
        None gives no head axis.
    seed : int
        Same seed, same tensors.
    sharpness : float
        Standard deviation of the scores; at least 0.

    Returns
    -------
    dict of str to numpy.ndarray
        float32: ``q`` (…, Sq, d), ``k`` (…, Sk, d), ``v`` (…, Sk, dv).

    Raises
    ------
    WorkloadError
        A size under 1, or a negative or non-finite sharpness.
    """
    value_dimension = dimension if value_dimension is None else value_dimension
    check_sizes(queries=queries, keys=keys, dimension=dimension, value_dimension=value_dimension)
    if heads is not None:
        check_sizes(heads=heads)
    if not 0 <= sharpness < np.inf:
        raise WorkloadError(f"The synthetic workload's sharpness must be finite and not negative, "
                            f"not {sharpness!r}")
    generator = np.random.default_rng(seed)
    lead = () if heads is None else (heads,)
    q = generator.standard_normal((*lead, queries, dimension), dtype=np.float32) * np.float32(sharpness)
    k = generator.standard_normal((*lead, keys, dimension), dtype=np.float32)
    v = generator.standard_normal((*lead, keys, value_dimension), dtype=np.float32)
    return {"q": q, "k": k, "v": v}


def token_case(tokens, hidden, dimension, *, seed=0, bias=False):
    """Random hidden states and projections.

    Weights have standard deviation ``1 / sqrt(hidden)``: queries, keys and values are about standard normal.

    Parameters
    ----------
    tokens, hidden, dimension : int
        S, H and d.
    seed : int
        Same seed, same tensors.
    bias : bool
        Whether to add ``bq`` ``bk`` ``bv`` (d,).

    Returns
    -------
    dict of str to numpy.ndarray
        float32: ``x`` (S, H), ``wq`` ``wk`` ``wv`` (H, d), and the biases.

    Raises
    ------
    WorkloadError
        A size under 1.
    """
    check_sizes(tokens=tokens, hidden=hidden, dimension=dimension)
    generator = np.random.default_rng(seed)
    case = {"x": generator.standard_normal((tokens, hidden), dtype=np.float32)}
    for role in "qkv":
        weights = generator.standard_normal((hidden, dimension), dtype=np.float32)
        case[f"w{role}"] = weights / np.float32(np.sqrt(hidden))
        if bias:
            case[f"b{role}"] = generator.standard_normal(dimension, dtype=np.float32)
    return case
