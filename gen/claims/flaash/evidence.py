"""What the claims are measured on: random contractions through the emitted Verilog."""

import dataclasses

import numpy as np

from gen.emit import emit_cached
from gen.tops.flaash_simulation import count_macs
from gen.tops.packets import run_packets, unpacked
from gen.tops.registry import resolve, tops
from sim.golden.flaash import FiberTensor, contract_fibers, find_value_format
from sim.host.flaash import pack_task, prepare, unpack_result
from sim.workloads.flaash import contraction_case

from .figures import DENSITIES, ENGINES, SHAPE

__all__ = ["MERGE", "PRESET", "Evidence", "Measured", "fibers_of", "random_pair"]

PRESET = "paper"

#: The source's engine: a pair of indices a cycle, and a port of the memory of its own.
MERGE = ("engines=1", "window=1", "memory=ideal")


@dataclasses.dataclass(frozen=True)
class Measured:
    """Means of contractions: cycles at work, multiply-accumulates, jobs, engine-cycles of comparing and of waiting."""

    cycles: float
    macs: float
    jobs: float
    compares: float
    waits: float
    engines: int

    @property
    def utilisation(self):
        """Share of the multipliers' cycles that multiplied."""
        return self.macs / (self.engines * self.cycles)


def random_pair(shape_a, shape_b, density, form, seed):
    """Random tensors as :func:`sim.workloads.flaash.contraction_case` draws them."""
    arrays, einsum = contraction_case(shape_a, shape_b, density, form="fp32" if form.is_float else "int8", seed=seed)
    prepared = prepare(arrays, einsum, form)
    return prepared.a, prepared.b


def fibers_of(count, length, entries, form, seed):
    """Fibers of equally many entries each."""
    draw = np.random.default_rng(seed)
    indices = np.sort([draw.choice(length, entries, replace=False) for _ in range(count)], axis=1)
    return FiberTensor((count, length), np.arange(count + 1) * entries, indices.ravel(),
                       form.encode(draw.integers(1, 100, count * entries)))


class Evidence:
    """Runs of contractions in Verilator, each made when it is first asked for.

    Parameters
    ----------
    preset : str
        Configuration that most claims are about.
    sets : iterable of str
        Parameters set otherwise, ``KEY=VALUE``.
    engines : tuple of int
        Clusters that are compared.
    shape, densities
        Of both tensors of most claims.
    draws : int
        Random tensors of each case.
    """

    def __init__(self, preset=PRESET, sets=(), engines=ENGINES, shape=SHAPE, densities=DENSITIES, draws=3):
        self.preset, self.sets = preset, tuple(sets)
        self.engines, self.shape, self.densities, self.draws = engines, shape, densities, draws
        self.form = self._form(self.parameters())
        self._runs = {}

    def parameters(self, *sets):
        """The configuration with parameters set otherwise."""
        return resolve("flaash", self.preset, None, [*self.sets, *sets])

    @staticmethod
    def _form(parameters):
        return find_value_format(parameters.values, parameters.accumulator)

    def square(self, density, *sets):
        """Both tensors of the usual shape and one density: :class:`Measured`."""
        return self.run((self.shape, density), lambda seed, form: random_pair(
            self.shape, self.shape, density, form, seed), *sets)

    def run(self, name, draw, *sets):
        """Mean of contractions.

        Parameters
        ----------
        name : hashable
            Of the case.
        draw : callable
            From a seed and the format of values to two tensors, which fit the memories.
        *sets : str
            Parameters set otherwise.

        Returns
        -------
        Measured
        """
        if (name, sets) not in self._runs:
            parameters = self.parameters(*sets)
            form = self._form(parameters)
            self._runs[name, sets] = self._measure([draw(seed, form) for seed in range(1, self.draws + 1)], parameters)
        return self._runs[name, sets]

    def _measure(self, pairs, parameters):
        """Load each pair in a packet, contract it in the next, and hold the results against the golden model."""
        p = parameters
        emitted = emit_cached(tops()["flaash"], p)
        packets = [packet for a, b in pairs
                   for packet in (pack_task(a, b, p, contract=False), pack_task(None, None, p))]
        result = run_packets("flaash", emitted.verilog, emitted.registers, packets, p)
        for (a, b), packet in zip(pairs, result.packets[1::2], strict=True):
            c = unpacked(unpack_result, packet, p, (a.fibers, b.fibers))
            assert c.tobytes() == contract_fibers(a, b, self._form(p)).c.tobytes()
        counters = {name: result.registers[f"counter_{name}"] / len(pairs)
                    for name in ("working", "macs", "jobs", "compares", "waits")}
        assert counters["macs"] * len(pairs) == sum(count_macs(a, b) for a, b in pairs)
        return Measured(counters["working"], counters["macs"], counters["jobs"], counters["compares"],
                        counters["waits"], p.engines)
