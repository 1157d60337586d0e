"""Heads of an ``.npz`` for `sofa`: queries, keys and values, or tokens and weights, checked against a configuration."""

from dataclasses import dataclass

import numpy as np

from gen.errors import ThresherError
from sim.host.plan_tokens import plan_tokens
from sim.host.quantise import plan_head

from .arrays import load_arrays

__all__ = ["BIASES", "WEIGHTS", "HeadInputs", "check_heads", "load_heads", "shipped_case"]

ATTENTION = ("q", "k", "v")
WEIGHTS = ("wq", "wk", "wv")
BIASES = ("bq", "bk", "bv")


@dataclass
class HeadInputs:
    """Float arrays of heads.

    ``q``, ``k``, ``v`` (heads, S, d); ``mask`` bool (heads, Sq, Sk) or None; ``lead`` the dimensions that ``heads``
    stands for. Of heads from tokens ``tokens`` holds ``x`` (heads, S, H) and the weights and biases of each head by
    name, and `q`, `k`, `v` are what these give.
    """

    q: np.ndarray
    k: np.ndarray
    v: np.ndarray
    mask: np.ndarray | None
    lead: tuple
    tokens: dict | None = None

    def plan(self, selection, parameters):
        """Quantised heads, and the scale of each head's output.

        Raises
        ------
        ThresherError
            The configuration cannot keep as many keys as `selection` says.
        """
        planned = []
        for index in range(len(self.q)):
            mask = None if self.mask is None else self.mask[index]
            try:
                if self.tokens is None:
                    planned.append(plan_head(self.q[index], self.k[index], self.v[index], selection, parameters, mask))
                else:
                    arrays = {name: array[index].astype(np.float64) for name, array in self.tokens.items()}
                    planned.append(plan_tokens(**arrays, selection=selection, parameters=parameters, mask=mask,
                                               source=index % 256))
            except ValueError as error:
                raise ThresherError(str(error)) from error
        heads, scales = zip(*planned, strict=True)
        return list(heads), np.array(scales)


def load_heads(path, parameters, from_tokens=False):
    """Arrays of an ``.npz`` of heads, checked against the configuration.

    Attention takes ``q``, ``k`` and ``v``; tokens ``x`` with ``wq``, ``wk``, ``wv`` and optional biases are taken
    if there is no ``q``, or with `from_tokens`.

    Returns
    -------
    HeadInputs

    Raises
    ------
    ThresherError
        An array is missing, has the wrong shape, is not finite or does not fit the configuration.
    """
    return check_heads(load_arrays(path), path, parameters, from_tokens)


def check_heads(arrays, source, parameters, from_tokens=False):
    """Arrays of heads, named as in an ``.npz``, checked as :func:`load_heads` says; `source` is for messages."""
    if from_tokens or ("q" not in arrays and "x" in arrays):
        return _check_tokens(arrays, source, parameters)
    return _check_attention(arrays, source, parameters)


def _numbers(arrays, names, source, needs, dimensions):
    """The named arrays as float32, if they are there, of numbers and finite."""
    for name in names:
        if name not in arrays:
            raise ThresherError(f"{source} has no array {name!r}; {needs}")
        if arrays[name].ndim < dimensions or arrays[name].dtype.kind not in "fiu":
            raise ThresherError(f"{name} must be an array of numbers with at least {dimensions} "
                                f"dimension{'s' * (dimensions > 1)}, not {arrays[name].dtype} {arrays[name].shape}")
        if not np.isfinite(arrays[name]).all():
            raise ThresherError(f"{name} must be finite, but it holds NaN or infinity")
    return [arrays[name].astype(np.float32) for name in names]


def _at_most(limits):
    """Refuse what exceeds its limit: (what, value, limit, parameter that sets it or None)."""
    for name, value, limit, parameter in limits:
        if value > limit:
            where = f"; choose a larger {parameter}" if parameter else ""
            raise ThresherError(
                f"the {name} of a head must be at most {limit} in this configuration, not {value}{where}")


def _mask(arrays, lead, queries, keys):
    """The mask of each head, or None."""
    mask = arrays.get("mask")
    if mask is None:
        return None
    if mask.dtype != bool:
        raise ThresherError(f"mask must be boolean, not {mask.dtype}")
    try:
        return np.broadcast_to(mask, (*lead, queries, keys)).reshape(-1, queries, keys)
    except ValueError as error:
        raise ThresherError(f"mask must have the shape {(*lead, queries, keys)}, not {mask.shape}") from error


def _check_attention(arrays, source, parameters):
    p = parameters
    q, k, v = _numbers(arrays, ATTENTION, source, "attention takes q (…,Sq,d), k (…,Sk,d), v (…,Sk,dv)", 2)
    lead = q.shape[:-2]
    if k.shape[:-2] != lead or v.shape[:-2] != lead:
        raise ThresherError(f"q, k and v must agree in their leading dimensions, not {q.shape}, {k.shape}, {v.shape}")
    if q.shape[-1] != k.shape[-1]:
        raise ThresherError(f"q and k must have the same last dimension, not {q.shape[-1]} and {k.shape[-1]}")
    if k.shape[-2] != v.shape[-2]:
        raise ThresherError(f"k and v must have the same number of keys, not {k.shape[-2]} and {v.shape[-2]}")
    if 0 in q.shape or 0 in k.shape or 0 in v.shape:
        raise ThresherError(f"q, k and v must not be empty, but their shapes are {q.shape}, {k.shape}, {v.shape}")
    _at_most((("keys", k.shape[-2], p.max_keys, "max_keys"),
              ("head dimension", k.shape[-1], p.max_head_dim, "max_head_dim"),
              ("value dimension", v.shape[-1], p.max_head_dim, "max_head_dim"),
              ("queries", q.shape[-2], 65535, None)))
    mask = _mask(arrays, lead, q.shape[-2], k.shape[-2])
    return HeadInputs(*(x.reshape(-1, *x.shape[-2:]) for x in (q, k, v)), mask, lead)


def _check_tokens(arrays, source, parameters):
    p = parameters
    if not p.generator_rows:
        raise ThresherError("this configuration cannot start from tokens; choose generator_rows of at least 1")
    needs = "a head from tokens takes x (…,S,H), wq and wk (…,H,d), wv (…,H,dv), and optional biases bq, bk, bv"
    x, *weights = _numbers(arrays, ("x", *WEIGHTS), source, needs, 2)
    wq, wk, wv = weights
    lead = wq.shape[:-2]
    if wk.shape[:-2] != lead or wv.shape[:-2] != lead:
        raise ThresherError(f"wq, wk and wv must agree in their leading dimensions, not {wq.shape}, {wk.shape}, "
                            f"{wv.shape}")
    if wq.shape[-1] != wk.shape[-1]:
        raise ThresherError(f"wq and wk must have the same last dimension, not {wq.shape[-1]} and {wk.shape[-1]}")
    if {w.shape[-2] for w in weights} != {x.shape[-1]}:
        raise ThresherError(f"wq, wk and wv must have a row for each of the {x.shape[-1]} features of x, not "
                            f"{wq.shape[-2]}, {wk.shape[-2]} and {wv.shape[-2]}")
    if 0 in x.shape or 0 in wq.shape or 0 in wv.shape:
        raise ThresherError(f"x, wq and wv must not be empty, but their shapes are {x.shape}, {wq.shape}, {wv.shape}")
    count, features = x.shape[-2:]
    channels, value_channels = wk.shape[-1], wv.shape[-1]
    _at_most((("tokens", count, p.max_keys, "max_keys"), ("features", features, p.max_features, "max_features"),
              ("head dimension", channels, p.max_head_dim, "max_head_dim"),
              ("value dimension", value_channels, p.max_head_dim, "max_head_dim"),
              ("matrix elements, with features and channels filled up,",
               p.query_channels(max(channels, value_channels)) * -(-features // p.tree_lanes) * p.tree_lanes,
               p.matrix_words * p.elements_per_beat, "max_weights")))
    try:
        lead = np.broadcast_shapes(lead, x.shape[:-2])
        heads = {"x": np.broadcast_to(x, (*lead, *x.shape[-2:]))}
    except ValueError as error:
        raise ThresherError(f"x and wq must agree in their leading dimensions, not {x.shape} and {wq.shape}") from error
    if np.prod(x.shape[:-2]) > 1 and np.prod(lead) > 256:
        raise ThresherError(f"a task takes at most 256 heads of several sequences of tokens, not {np.prod(lead)}")
    for name, weight in zip(WEIGHTS, weights, strict=True):
        heads[name] = np.broadcast_to(weight, (*lead, *weight.shape[-2:]))
    for name, weight in zip(BIASES, weights, strict=True):
        bias = np.zeros(weight.shape[-1], np.float32)
        if name in arrays:
            bias, = _numbers(arrays, (name,), source, needs, 1)
        try:
            if bias.shape[-1] != weight.shape[-1]:
                raise ValueError("a bias is not the same for all channels")
            heads[name] = np.broadcast_to(bias, (*lead, weight.shape[-1]))
        except ValueError as error:
            raise ThresherError(f"{name} must have the shape {(*lead, weight.shape[-1])}, not {bias.shape}") from error
    mask = _mask(arrays, lead, count, count)
    tokens = {name: array.reshape(-1, *array.shape[len(lead):]) for name, array in heads.items()}
    q, k, v = (np.einsum("nsh,nhd->nsd", tokens["x"], tokens[w]) + tokens[b][:, None, :]
               for w, b in zip(WEIGHTS, BIASES, strict=True))
    return HeadInputs(q, k, v, mask, lead, tokens)


def shipped_case(parameters, from_tokens=False):
    """Arrays of a shipped case, cut to what the configuration holds."""
    from sim.workloads import shipped

    p = parameters
    keys, width = p.max_keys // 2, p.max_head_dim
    if from_tokens:
        arrays = shipped("tokens")
        features = p.most_features(min(width, arrays["wq"].shape[1]))
        return {"x": arrays["x"][:keys, :features],
                **{name: arrays[name][:features, :width] for name in WEIGHTS},
                **{name: arrays[name][:width] for name in BIASES}}
    return {name: array[:keys, :width] for name, array in shipped("local").items()}
