"""Real inputs of butterfly accelerators: tokens of MiniLM to mix, and its dense layers as butterflies."""

import numpy as np

from .butterfly_fit import fit_butterflies
from .errors import WorkloadError
from .minilm import LAYERS, MAX_TOKENS, check_index, gelu, load_model

__all__ = ["ROLES", "butterfly_case", "dense_layer", "layer_of_text", "mixing_case", "pad_features",
           "roles_input"]

#: Dense layers of an encoder layer, by their names in the checkpoint.
ROLES = {
    "query": "attention.self.query", "key": "attention.self.key", "value": "attention.self.value",
    "output": "attention.output.dense", "up": "intermediate.dense", "down": "output.dense",
}


def pad_features(x):
    """Zeros behind the features, up to a power of two: (S, 384) to (S, 512)."""
    features = x.shape[-1]
    points = 1 << (features - 1).bit_length()
    return np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, points - features)])


def check_role(role):
    if role not in ROLES:
        raise WorkloadError(f"The dense layer must be one of {', '.join(ROLES)}, not {role!r}")


def roles_input(model, ids, layer, role):
    """What a dense layer of the model multiplies, float32 (S, 384), or (S, 1536) of ``down``."""
    x = model.layer_input(ids, layer)
    if role in ("query", "key", "value"):
        return x
    _, mixed = model.attention(layer, x)
    if role == "output":
        return mixed
    prefix = f"encoder.layer.{layer}"
    x = model.normalise(f"{prefix}.attention.output", x + model.linear(f"{prefix}.attention.output.dense", mixed))
    return x if role == "up" else gelu(model.linear(f"{prefix}.intermediate.dense", x))


def dense_layer(layer, role):
    """Weights of a dense layer of the model, ``y = x weight^T + bias``.

    Parameters
    ----------
    layer : int
        0..5.
    role : str
        Of `ROLES`.

    Returns
    -------
    weight : ndarray of float32 (outputs, inputs)
    bias : ndarray of float32 (outputs,)

    Raises
    ------
    WorkloadError
        Layer or role out of range, or model not installed.
    """
    check_index("layer", layer, LAYERS)
    check_role(role)
    name = f"encoder.layer.{layer}.{ROLES[role]}"
    tensors = load_model().tensors
    return tensors[f"{name}.weight"], tensors[f"{name}.bias"]


def mixing_case(text, layer, tokens):
    """Tokens of a real text for Fourier mixing.

    Parameters
    ----------
    text : str
    layer : int
        The encoder layer whose input it is, 0..5.
    tokens : int
        S, a power of two, 4..512.

    Returns
    -------
    dict of str to numpy.ndarray
        float32: ``x`` (S, 512), 384 features and zeros.

    Raises
    ------
    WorkloadError
        A number is out of range, the text is too short, or the model is not installed.
    """
    check_index("layer", layer, LAYERS)
    if tokens not in [1 << n for n in range(2, MAX_TOKENS.bit_length())]:
        raise WorkloadError(f"The number of tokens to mix must be a power of two in 4..{MAX_TOKENS}, not {tokens!r}")
    model = load_model()
    return {"x": pad_features(model.layer_input(model.encode(text, tokens), layer))}


def layer_of_text(text, layer, role, tokens=None):
    """Weights of a dense layer, and all of what it multiplies in a text, whose pieces are at least `tokens`.

    Raises
    ------
    WorkloadError
        As `dense_layer`, or the text is too short.
    """
    weight, _ = dense_layer(layer, role)
    model = load_model()
    ids = model.encode(text)
    if tokens is not None and not 1 <= tokens <= len(ids):
        raise WorkloadError(f"The number of tokens must be in 1..{len(ids)}, those of the text, not {tokens!r}")
    return weight, roles_input(model, ids, layer, role)


def butterfly_case(text, layer, role, tokens=None, *, sweeps=10):
    """A dense layer of the model as butterflies, fitted to what it multiplies in a text, and that input.

    Parameters
    ----------
    text : str
    layer : int
        0..5.
    role : str
        Of `ROLES`.
    tokens : int or None
        How many tokens are returned, of those that it is fitted to: the text, up to 512 tokens. None returns all.
    sweeps : int
        See `fit_butterflies`.

    Returns
    -------
    dict of str to numpy.ndarray
        float32: ``x`` (S, N), inputs and zeros up to a power of two; ``w`` (log2 N, N/2, 2, 2), or of ``up``
        (3, log2 N, N/2, 2, 2), a butterfly for each 512 of its outputs. The outputs lack the bias, and those that the
        dense layer does not have are of no use.

    Raises
    ------
    WorkloadError
        As `dense_layer`, or the text is too short.
    """
    weight, x = layer_of_text(text, layer, role, tokens)
    inputs = weight.shape[1]
    points = 1 << (inputs - 1).bit_length()
    parts = [fit_butterflies(weight[first:first + points], activations=x, sweeps=sweeps).weights[0]
             for first in range(0, len(weight), points)]
    w = parts[0] if len(parts) == 1 else np.stack(parts)
    return {"x": pad_features(x[:tokens]), "w": w.astype(np.float32)}
