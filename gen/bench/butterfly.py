"""Sections `butterfly` and `butterfly_emission`: batches in both modes as simulated and as predicted, and emission."""

import dataclasses
from pathlib import Path

import numpy as np

from gen.bench import emission
from gen.bench.cases import case_section, run_cases
from gen.bench.estimate import deviation
from gen.estimate import WorkloadOptions
from gen.simulation import SimulationOptions
from gen.tops.arrays import write_arrays
from gen.tops.registry import resolve, tops
from sim.workloads import shipped

__all__ = ["CASES", "TOP", "VectorsCase", "measure_butterfly", "measure_emission", "run_case", "vectors_of"]

TOP = "butterfly"


@dataclasses.dataclass(frozen=True)
class VectorsCase:
    """A batch in a mode on a preset, with parameters set otherwise (``KEY=VALUE``), perhaps with stalls or on Icarus.

    Without ``points`` it is the shipped batch; otherwise ``batch`` random vectors.
    """

    preset: str
    mode: str
    points: int | None = None
    batch: int | None = None
    stall: float = 0.0
    simulator: str = "verilator"
    sets: tuple = ()

    @property
    def configuration(self):
        """Preset and what is set otherwise, for a table."""
        return ", ".join((self.preset, *self.sets))


#: The shipped vectors and random ones: few and many, short and long, in one pass and in two, with stalls.
CASES = tuple(VectorsCase(*case[:1], mode, *case[1:]) for mode in ("bpmm", "fft") for case in (
    ("tiny", 64, 64), ("tiny", 64, 1), ("tiny", 2, 37), ("tiny", 16, 37, 0.4, "icarus"),
    ("tiny", None, None, 0.0, "verilator", ("max_points=512", "resident_points=512")),
    ("ecp5",), ("ecp5", 64, 511), ("ecp5", 1024, 64), ("ecp5", 1024, 5, 0.4), ("ecp5", 4096, 4)))


def vectors_of(case, seed=1):
    """Arrays of a case, as ``thresher sim butterfly`` takes them: ``x`` and ``w``."""
    if case.points is None:
        return dict(shipped(TOP))
    draw, stages = np.random.default_rng(seed), max(1, case.points.bit_length() - 1)
    x = draw.standard_normal((case.batch, case.points))
    if case.mode == "fft":
        x = x + 1j * draw.standard_normal(x.shape)
    # A butterfly of such coefficients keeps the size of its operands, on average.
    return {"x": x, "w": draw.standard_normal((stages, case.points // 2, 2, 2)) / np.sqrt(2)}


def run_case(case, folder):
    """Predict and simulate a case; a row of the table."""
    path, top = Path(folder) / "vectors.npz", tops()[TOP]
    arrays, parameters = vectors_of(case), resolve(TOP, case.preset, None, list(case.sets))
    write_arrays(path, **arrays)
    predicted = top.predict(parameters, WorkloadOptions(input=path))[case.mode]["cycles"]
    report = top.simulate(parameters, SimulationOptions(
        input=path, mode=case.mode, stall=case.stall, simulator=case.simulator, seed=1))
    batch, points = arrays["x"].shape
    # The prediction is of streams that never stall.
    predicted = None if case.stall else predicted
    return {"preset": case.configuration, "mode": case.mode, "vectors": "shipped" if case.points is None else "random",
            "points": points, "batch": batch, "stall": case.stall, "simulator": case.simulator,
            "passes": report["passes"], "cycles": report["cycles"], "predicted": predicted,
            "deviation": None if predicted is None else deviation(predicted, report["cycles"]),
            "utilisation": report["utilisation"], "relative_error": report["accuracy"]["relative_error"],
            "bit_exact": report["bit_exact"], "kcycles_per_second": report["kcycles_per_second"]}


def measure_butterfly(update, cases=CASES):
    """Run the section; see :func:`gen.bench.run.run_sections`."""
    rows = run_cases(update, cases, run_case, lambda case: (
        f"butterfly: {case.configuration}, {case.mode}, {case.points or 'the shipped'} points"))
    return case_section(rows, "vectors", lambda row: (
        f"utilisation ({row['preset']}, {row['mode']}, {row['batch']} x {row['points']} points, {row['vectors']})",
        row["utilisation"]))


def measure_emission(update, presets=emission.PRESETS):
    """Run the section; see :func:`gen.bench.run.run_sections`."""
    return emission.measure_emission(update, presets, TOP)
