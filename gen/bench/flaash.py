"""Sections `flaash` and `flaash_emission`: contractions as simulated and as predicted, and emission."""

import dataclasses
from pathlib import Path

from gen.bench import emission
from gen.bench.cases import case_section, run_cases
from gen.bench.estimate import deviation
from gen.estimate import WorkloadOptions
from gen.simulation import SimulationOptions
from gen.tops.arrays import write_arrays
from gen.tops.registry import resolve, tops
from sim.workloads.flaash import contraction_case

__all__ = ["CASES", "TOP", "ContractionCase", "measure_emission", "measure_flaash", "run_case", "tensors_of"]

TOP = "flaash"


@dataclasses.dataclass(frozen=True)
class ContractionCase:
    """A contraction of the last modes of random tensors of one density on a preset, with parameters set otherwise
    (``KEY=VALUE``), perhaps in portions, with stalls or on Icarus."""

    preset: str
    a_shape: tuple
    b_shape: tuple
    density: float
    portions: int = 1
    stall: float = 0.0
    simulator: str = "verilator"
    sets: tuple = ()

    @property
    def configuration(self):
        """Preset and what is set otherwise, for a table."""
        return ", ".join((self.preset, *self.sets))


#: The source's shapes, then few and dense fibers, several tasks, portions, other formats, stalls.
CASES = (
    *(ContractionCase("ecp5", shape, shape, density) for shape in ((3, 3, 1024), (7, 7, 512), (10, 10, 100))
      for density in (0.1, 0.01)),
    ContractionCase("ecp5", (7, 7, 512), (7, 7, 512), 0.05),
    ContractionCase("ecp5", (7, 7, 512), (7, 7, 512), 0.005),
    ContractionCase("ecp5", (20, 400), (64, 400), 0.5),
    ContractionCase("ecp5", (3, 3, 1024), (3, 3, 1024), 0.1, 4),
    ContractionCase("ecp5", (7, 7, 512), (7, 7, 512), 0.01, 1, 0.4),
    ContractionCase("tiny", (7, 7, 512), (7, 7, 512), 0.02),
    ContractionCase("tiny", (20, 200), (30, 200), 0.3),
    ContractionCase("tiny", (5, 60), (5, 60), 0.3, 1, 0.4, "icarus"),
    ContractionCase("tiny", (5, 100), (5, 100), 0.3, sets=("values=fp32", "window=4")),
)


def tensors_of(case, seed=1):
    """Arrays of a case, as ``thresher sim flaash`` takes them, and its einsum."""
    values = resolve(TOP, case.preset, None, list(case.sets)).values
    return contraction_case(case.a_shape, case.b_shape, case.density, form="fp32" if values == "fp32" else "int8",
                            seed=seed)


def run_case(case, folder):
    """Predict and simulate a case; a row of the table."""
    path, top = Path(folder) / "tensors.npz", tops()[TOP]
    parameters = resolve(TOP, case.preset, None, list(case.sets))
    arrays, einsum = tensors_of(case)
    write_arrays(path, **arrays)
    predicted = top.predict(parameters, WorkloadOptions(input=path, einsum=einsum, portions=case.portions))["cycles"]
    report = top.simulate(parameters, SimulationOptions(
        input=path, einsum=einsum, portions=case.portions, stall=case.stall, simulator=case.simulator, seed=1))
    # The prediction is of streams that never stall.
    predicted = None if case.stall else predicted
    return {"preset": case.configuration, "a": "x".join(map(str, case.a_shape)), "b": "x".join(map(str, case.b_shape)),
            "density": case.density, "portions": case.portions, "stall": case.stall, "simulator": case.simulator,
            "tasks": report["tasks"], "cycles": report["cycles"], "predicted": predicted,
            "deviation": None if predicted is None else deviation(predicted, report["cycles"]),
            "working": report["counters"]["working"], "macs": report["macs"],
            "utilisation": report["utilisation_while_working"],
            "bit_exact": report["bit_exact"], "kcycles_per_second": report["kcycles_per_second"]}


def measure_flaash(update, cases=CASES):
    """Run the section; see :func:`gen.bench.run.run_sections`."""
    rows = run_cases(update, cases, run_case, lambda case: (
        f"flaash: {case.configuration}, {case.a_shape} by {case.b_shape}, {case.density:.1%}"))
    return case_section(rows, "contractions", lambda row: (
        f"cycles of contracting ({row['preset']}, {row['a']} by {row['b']}, {row['density']:.1%}, "
        f"{row['portions']} portions)", row["working"]))


def measure_emission(update, presets=emission.PRESETS):
    """Run the section; see :func:`gen.bench.run.run_sections`."""
    return emission.measure_emission(update, presets, TOP)
