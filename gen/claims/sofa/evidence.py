"""What several claims are measured on: heads of a real model, what the golden model keeps, and runs of the Verilog."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gen.bench.area import gates_by_stage
from gen.bench.heads import LAYERS, TOKENS
from gen.emit import emit_cached
from gen.tops.registry import resolve, tops
from gen.tops.sofa_inputs import BIASES, WEIGHTS, check_heads
from gen.tops.sofa_simulation import run_heads
from sim.golden.predictor import predicted_score, predicted_sum, upper_bits
from sim.golden.sofa import golden_head
from sim.host.quantise import Selection, plan_head
from sim.workloads import attention_inputs, shipped, technical_text

__all__ = ["PRESET", "Evidence", "KeptHead", "RealHead", "Run", "real_layers"]

PRESET = "ecp5"


def real_layers():
    """Inputs of the attention of each layer of MiniLM-L6-v2 on the shipped text: 72 heads of 512 tokens."""
    return [attention_inputs(technical_text(), layer, TOKENS) for layer in LAYERS]


@dataclass(frozen=True)
class RealHead:
    """A head of the model: ``arrays`` q, k and v (S, d), and its ``scores`` in nats and ``predicted`` scores (S, S).

    Neither depends on the share of keys that is kept.
    """

    arrays: tuple
    scores: np.ndarray
    predicted: np.ndarray


@dataclass(frozen=True)
class KeptHead:
    """What the golden model keeps of a head: ``selected`` (Sq, Sk), its ``counters``, and how many keys of all rows
    the running maximum is compared with, ``leads``.
    """

    selected: np.ndarray
    leads: int
    counters: dict


@dataclass(frozen=True)
class Run:
    """A head through the emitted Verilog: its arrays q, k and v, and what `run_heads` returned."""

    arrays: tuple
    result: object


class Evidence:
    """Heads, selections and runs, each made when it is first asked for.

    Parameters
    ----------
    layers : list of dict, optional
        As :func:`~sim.workloads.attention_inputs` gives them; :func:`real_layers` by default.
    """

    def __init__(self, layers=None):
        self._layers = layers
        self._kept = {}
        self.parameters = resolve("sofa", PRESET, None, [])

    @cached_property
    def layers(self):
        """Inputs of the attention of each layer."""
        return real_layers() if self._layers is None else self._layers

    @cached_property
    def heads(self):
        """List of RealHead."""
        return [self._head(tuple(layer[role][head] for role in "qkv")) for layer in self.layers
                for head in range(len(layer["q"]))]

    def _head(self, arrays):
        p = self.parameters
        head, _ = plan_head(*arrays, Selection(), p)
        predicted, _ = predicted_score(predicted_sum(head.queries, upper_bits(head.keys, p), head.code_base, p),
                                       head.predict_shift, p)
        q, k, _ = (array.astype(np.float64) for array in arrays)
        return RealHead(arrays, q @ k.T / np.sqrt(q.shape[1]), predicted.astype(np.int32))

    def kept(self, keep):
        """What the preset keeps of each head at a share of the keys: list of KeptHead."""
        if keep not in self._kept:
            self._kept[keep] = [self._keep(head.arrays, keep) for head in self.heads]
        return self._kept[keep]

    def _keep(self, arrays, keep):
        head, _ = plan_head(*arrays, Selection(keep=keep), self.parameters)
        golden = golden_head(head, self.parameters)
        return KeptHead(golden.selected, sum(int(row.lead.sum()) for row in golden.rows), golden.counters)

    def simulate(self, arrays, selection, mask=None):
        """Run a head in Verilator."""
        head, _ = plan_head(*arrays, selection, self.parameters, mask=mask)
        return self._run(arrays, head)

    def _run(self, arrays, head):
        emitted = emit_cached(tops()["sofa"], self.parameters)
        return Run(arrays, run_heads(emitted.verilog, emitted.registers, [head], self.parameters))

    @cached_property
    def token_runs(self):
        """A head of the model from the tokens and weights of its layer, at a quarter of the keys, by name."""
        layer, number = self.layers[2], 3
        arrays = {"x": layer["x"], **{name: layer[name][number] for name in (*WEIGHTS, *BIASES)}}
        inputs = check_heads(arrays, "the layer", self.parameters, from_tokens=True)
        (head,), _ = inputs.plan(Selection(keep=0.25), self.parameters)
        count = len(layer["x"])
        return {f"layer 2 head {number} from tokens, {count} x {count}": self._run(
            tuple(layer[role][number] for role in "qkv"), head)}

    @cached_property
    def gates(self):
        """Gate equivalents of each stage of the preset `paper`, memories left out."""
        return gates_by_stage("paper")

    @cached_property
    def runs(self):
        """Heads at a quarter of the keys in Verilator, by name."""
        heads = {"shipped local head": tuple(shipped("local")[role] for role in "qkv"),
                 "layer 2 head 3": tuple(self.layers[2][role][3] for role in "qkv")}
        return {f"{name}, {len(arrays[0])} x {len(arrays[1])}": self.simulate(arrays, Selection(keep=0.25))
                for name, arrays in heads.items()}
