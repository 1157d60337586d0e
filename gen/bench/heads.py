"""The real heads that the benchmarks run."""

from dataclasses import dataclass
from pathlib import Path

from gen.tops.sofa_inputs import BIASES, WEIGHTS
from sim.workloads import WorkloadError, attention_inputs, load_model, shipped, technical_text

__all__ = ["Head", "LAYERS", "TOKENS", "model_heads", "model_installed", "model_tokens", "save", "shipped_heads"]

LAYERS = range(6)
TOKENS = 512


@dataclass(frozen=True)
class Head:
    """One attention head: its name, its layer in the model, and q, k, v (S, d)."""

    name: str
    layer: int | None
    arrays: tuple


def shipped_heads():
    """The heads that come along: 256 tokens, 32 channels."""
    return [Head(name, None, tuple(shipped(name)[role] for role in "qkv")) for name in ("local", "diffuse")]


def model_heads(layer, heads=None):
    """Heads of a layer of MiniLM-L6-v2 on 512 tokens of the shipped technical text, 32 channels."""
    case = attention_inputs(technical_text(), layer, TOKENS)
    chosen = range(len(case["q"])) if heads is None else heads
    return [Head(f"layer {layer} head {head}", layer, tuple(case[role][head] for role in "qkv"))
            for head in chosen]


def model_tokens(layer, tokens=TOKENS, heads=slice(None)):
    """Tokens and projections of heads of a layer of MiniLM-L6-v2, as an ``.npz`` from tokens holds them."""
    case = attention_inputs(technical_text(), layer, tokens)
    return {"x": case["x"], **{name: case[name][heads] for name in (*WEIGHTS, *BIASES)}}


def model_installed():
    """Whether the model's package is installed; without it only the shipped heads are measured."""
    try:
        load_model()
    except WorkloadError:
        return False
    return True


def save(head, folder):
    """Write a head as an ``.npz`` that ``thresher sim`` reads; returns its path."""
    from gen.tops.arrays import write_arrays

    path = Path(folder) / f"{head.name.replace(' ', '_')}.npz"
    write_arrays(path, **dict(zip("qkv", head.arrays, strict=True)))
    return path
