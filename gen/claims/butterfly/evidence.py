"""What the claims are measured on: random batches through the emitted Verilog."""

import math

import numpy as np

from gen.emit import emit_cached
from gen.tops.butterfly_simulation import run_vectors
from gen.tops.registry import resolve, tops
from sim.golden.butterfly import find_format
from sim.host.butterfly import plan_groups

__all__ = ["PRESET", "Evidence", "random_batch"]

PRESET = "ecp5"


def random_batch(points, count, mode, arithmetic):
    """Standard normal vectors and, for butterfly matrices, coefficients that keep their size: ``(x, w)``."""
    draw, form = np.random.default_rng(points), find_format(arithmetic)
    if mode == "fft":
        return tuple(form.encode(draw.standard_normal((count, points))) for _ in range(2)), None
    stages = points.bit_length() - 1
    return (form.encode(draw.standard_normal((count, points))),
            form.encode_coefficients(draw.standard_normal((stages, points // 2, 2, 2)) / np.sqrt(2)))


class Evidence:
    """Runs of batches in Verilator, each made when it is first asked for.

    Parameters
    ----------
    preset : str
        Configuration that most claims are about.
    sets : iterable of str
        Parameters set otherwise, ``KEY=VALUE``.
    cycles : int
        How long a run for a utilisation is to be, at the least.
    """

    def __init__(self, preset=PRESET, sets=(), cycles=60_000):
        self.parameters = resolve("butterfly", preset, None, list(sets))
        self.cycles = cycles
        self._runs = {}

    def sizes(self, first=64):
        """Powers of two from `first` to the longest vector."""
        last = self.parameters.max_points.bit_length()
        return tuple(1 << stages for stages in range(first.bit_length() - 1, last))

    def group(self, points, mode):
        """Vectors of a full group."""
        p = self.parameters
        plan = plan_groups(1 << 20, points, mode == "fft", p)
        return plan.vectors * p.rows * (1 if mode == "fft" else 2)

    def ideal(self, points):
        """Cycles of a vector if all units are at work all the time."""
        return points // 2 * (points.bit_length() - 1) / self.parameters.units

    def full_batch(self, points, mode):
        """Whole groups of vectors that take as long as a run for a utilisation is to be.

        Of vectors that go in passes twice as many as of the longest ones that do not: their tasks are more.
        """
        p = self.parameters
        size = min(points, p.pass_points)
        group = self.group(size, mode)
        return group * math.ceil((1 + (points > size)) * self.cycles / (group * self.ideal(size)))

    def run(self, points, count, mode, parameters=None):
        """A batch through the Verilog: :class:`gen.tops.butterfly_simulation.VectorsRun`."""
        p = self.parameters if parameters is None else parameters
        key = (points, count, mode, p)
        if key not in self._runs:
            emitted = emit_cached(tops()["butterfly"], p)
            x, w = random_batch(points, count, mode, p.arithmetic)
            run = run_vectors(emitted.verilog, emitted.registers, x, w, p)
            # The vectors are large, and their comparison is made.
            self._runs[key] = run.cycles, len(run.mismatches)
        return self._runs[key]
