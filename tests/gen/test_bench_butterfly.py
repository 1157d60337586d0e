"""The benchmark's sections on `butterfly`: batches, and cells by module; power of a run."""

import dataclasses
import shutil

import numpy as np
import pytest

from gen.bench.area import instances
from gen.bench.butterfly import CASES, VectorsCase, measure_butterfly, run_case, vectors_of
from gen.bench.butterfly_area import OUTER, PARTS, engine_by_module, engine_verilog, measure_area, measure_engine
from gen.bench.figures import figures_of
from gen.bench.run import SECTIONS
from gen.emit import emit_cached
from gen.errors import ThresherError
from gen.simulation import SimulationOptions
from gen.tops.arrays import write_arrays
from gen.tops.registry import resolve, tops
from sim.workloads import shipped

needs_icarus = pytest.mark.skipif(shutil.which("iverilog") is None, reason="needs Icarus")


def test_cases_are_legal_and_repeat():
    for case in CASES:
        parameters = resolve("butterfly", case.preset, None, list(case.sets))
        arrays, again = vectors_of(case), vectors_of(case)
        assert all(np.array_equal(arrays[name], again[name]) for name in arrays)
        assert arrays["x"].shape[1] <= parameters.max_points
    assert {(case.preset, case.mode) for case in CASES} == {
        (preset, mode) for preset in ("tiny", "ecp5") for mode in ("bpmm", "fft")}
    assert {"butterfly", "butterfly_emission", "butterfly_area", "butterfly_engine"} <= SECTIONS.keys()


@needs_icarus
@pytest.mark.parametrize("mode", ["bpmm", "fft"])
def test_a_case_is_simulated_and_predicted(mode, tmp_path):
    case = VectorsCase("tiny", mode, 8, 5, simulator="icarus")
    row = run_case(case, tmp_path)
    assert row["bit_exact"] and row["cycles"] >= 5 * 8 // 2 * 3 // 2
    assert abs(row["predicted"] - row["cycles"]) <= max(8, 0.05 * row["cycles"])
    assert row["deviation"] == pytest.approx(row["predicted"] / row["cycles"] - 1)


def test_section_sums_up_its_rows(monkeypatch):
    def row_of(case, folder):
        return {"preset": case.preset, "mode": case.mode, "vectors": "random", "points": case.points,
                "batch": case.batch, "stall": case.stall, "cycles": 10 * case.points,
                "deviation": None if case.stall else -0.03 if case.mode == "fft" else 0.01,
                "utilisation": 0.5, "kcycles_per_second": case.points, "bit_exact": case.points != 8}

    monkeypatch.setattr("gen.bench.butterfly.run_case", row_of)
    told = []
    section = measure_butterfly(told.append, [
        VectorsCase("tiny", "bpmm", 8, 3), VectorsCase("tiny", "fft", 16, 3), VectorsCase("tiny", "fft", 32, 3, 0.4)])
    figures = section["figures"]
    assert figures["cycles: deviation of the prediction from simulation, at most"] == pytest.approx(0.03)
    assert figures["runs that are bit-exact"] == "2 of 3" and len(told) == 3
    assert figures["thousand cycles a second, longest run (tiny)"] == 16
    kept = figures_of({"sections": {"butterfly": section}})
    assert kept["butterfly / vectors / tiny, fft, random, points 16, batch 3, stall 0 / cycles"] == 160


def modules(**own):
    """A report of modules: name to look-up tables of its own, and children with their number."""
    return {name: {"own": {"luts": luts, "ffs": 2 * luts, "dsps": 0, "brams": 0}, "children": children}
            for name, (luts, children) in own.items()}


SOURCES = {"engine": "hw.e.Engine", "array": "hw.butterfly.array.ButterflyArray", "part": "", "unit": "hw.e.Unit",
           "mul": "hw.arith.float_multiply.FloatMultiply", "delay": "hw.stream.delay.Delay",
           "ram": "hw.stream.block_memory.BlockMemory"}
CELLS = modules(engine=(1, {"array": 1, "delay": 1}), array=(2, {"unit": 2, "ram": 2, "part": 1}), part=(5, {}),
                unit=(10, {"mul": 2, "delay": 1}), mul=(100, {"delay": 3}), delay=(1000, {}), ram=(7, {"delay": 1}))


def test_cells_are_of_the_part_around_them():
    rows = engine_by_module({"modules": CELLS}, SOURCES)
    assert {(row["part"], row["module"]): (row["copies"], row["luts"]) for row in rows} == {
        ("loader and bus", "e.Engine"): (1, 1), ("loader and bus", "stream.delay.Delay"): (1, 1000),
        ("array", "butterfly.array.ButterflyArray"): (1, 2 + 5), ("array", "e.Unit"): (2, 20),
        ("array", "stream.delay.Delay"): (2, 2000), ("memory", "stream.block_memory.BlockMemory"): (2, 2014),
        ("arithmetic", "arith.float_multiply.FloatMultiply"): (4, 4 * 3100)}
    assert all(row["ffs"] == 2 * row["luts"] for row in rows)


def test_arithmetic_and_memory_of_the_engine_are_found():
    text, sources = engine_verilog({"lanes": 2, "max_points": 16, "resident_points": 16})
    children = instances(text)
    report = {"modules": modules(**{name: (1, {kind: found.count(kind) for kind in found})
                                    for name, found in children.items()})}
    rows = engine_by_module(report, sources)
    assert {row["part"] for row in rows} == {*PARTS.values(), OUTER}
    named = {row["module"].rsplit(".", 1)[-1]: row["copies"] for row in rows if row["part"] != "memory"}
    # Each unit has four multipliers, an adder for each pair of products, and two for each sum of complex numbers.
    assert {name: named[name] for name in ("ButterflyUnit", "FloatMultiply", "FloatAdd")} == {
        "ButterflyUnit": 2, "FloatMultiply": 8, "FloatAdd": 12}


def test_section_engine_adds_up_its_parts(monkeypatch):
    report = {"modules": CELLS, "latches": 0, "luts": 1, "ffs": 2, "dsps": 3, "brams": 4}
    monkeypatch.setattr("gen.bench.butterfly_area.engine_report", lambda: (report, SOURCES))
    section = measure_engine(lambda message: None)
    figures = section["figures"]
    assert figures["luts of the array, outside arithmetic and memory (FABNet: 4,350)"] == 7 + 20 + 2000
    assert figures["ffs of array, loader and bus, outside arithmetic and memory"] == 2 * (7 + 20 + 2000 + 1001)
    parts = {row["part"]: row for row in next(iter(section["tables"].values()))}
    assert parts["memory"]["luts"] == 2014 and parts["FABNet: array"]["ffs"] == 4000


def test_section_area_shows_the_largest_deviation(monkeypatch):
    def compare_area(preset, sets, name):
        assert name == "butterfly"
        return {"configuration": ", ".join((preset, *sets)), **dict.fromkeys(("luts", "ffs", "dsps", "brams"), 4),
                **{f"{kind}_deviation": -0.1 * len(sets) for kind in ("luts", "ffs", "dsps", "brams")}}

    monkeypatch.setattr("gen.bench.butterfly_area.compare_area", compare_area)
    section = measure_area(lambda message: None, (("tiny", ()), ("tiny", ("lanes=1",))), ())
    assert section["figures"]["luts: deviation of the estimate from synthesis, at most"] == pytest.approx(0.1)
    assert section["figures"]["luts (tiny, lanes=1, ecp5)"] == 4


@needs_icarus
@pytest.mark.parametrize("mode", ["bpmm", "fft"])
def test_a_run_for_power(mode, tmp_path):
    top, parameters = tops()["butterfly"], resolve("butterfly", "tiny", None, [])
    write_arrays(tmp_path / "x.npz", **vectors_of(VectorsCase("tiny", mode, 8, 3)))
    options = SimulationOptions(simulator="icarus", input=tmp_path / "x.npz", mode=mode)
    waves = tmp_path / "waves.fst"
    result = top.measure(parameters, options, emit_cached(top, parameters).verilog, waves)
    # A butterfly has four products of real numbers.
    assert result["macs"] == 3 * 4 * (8 // 2) * 3 and result["rows"] == 3
    assert result["bit_exact"] and result["utilisation"] == pytest.approx(
        result["macs"] / (parameters.multipliers * result["cycles"]))
    assert waves.stat().st_size > 0


def test_power_refuses_several_passes_and_other_bits(monkeypatch, tmp_path):
    top, parameters = tops()["butterfly"], resolve("butterfly", "tiny", None, ["max_points=512", "resident_points=64"])
    with pytest.raises(ThresherError, match="one pass, here of at most 64 points, not 512; give shorter ones"):
        top.measure(parameters, SimulationOptions(), "x.v", tmp_path / "w.fst")
    with pytest.raises(ThresherError, match="butterfly has no option --keep"):
        top.measure(dataclasses.replace(parameters, max_points=64), SimulationOptions(keep=0.5), "x.v", tmp_path / "w")
    monkeypatch.setattr("gen.tops.butterfly_power.simulate_vectors", lambda *arguments: {
        "bit_exact": False, "mismatches": [{"array": "y", "vector": 1}]})
    with pytest.raises(ThresherError, match="the netlist differs from the golden model: .*'vector': 1"):
        top.measure(dataclasses.replace(parameters, max_points=64), SimulationOptions(), "x.v", tmp_path / "w.fst")
    assert shipped("butterfly")["x"].shape[1] == 512
