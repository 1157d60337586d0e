"""The benchmark's sections on `flaash`."""

import shutil

import numpy as np
import pytest

from gen.bench.figures import figures_of
from gen.bench.flaash import CASES, ContractionCase, measure_flaash, run_case, tensors_of
from gen.bench.flaash_area import GAMMA, merge_report
from gen.bench.run import SECTIONS
from gen.tops.registry import resolve


def test_cases_are_legal_and_repeat():
    for case in CASES:
        resolve("flaash", case.preset, None, list(case.sets))
        (arrays, einsum), (again, _) = tensors_of(case), tensors_of(case)
        assert all(np.array_equal(arrays[name], again[name]) for name in arrays)
        assert tuple(arrays["a_shape"]) == case.a_shape and einsum.endswith("hi") == (len(case.b_shape) == 3)
    assert len(set(CASES)) == len(CASES) and {"flaash", "flaash_emission"} <= SECTIONS.keys()


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="needs Icarus")
@pytest.mark.parametrize("stall", [0, 0.4])
def test_a_case_is_simulated_and_predicted(stall, tmp_path):
    row = run_case(ContractionCase("tiny", (3, 3, 20), (5, 20), 0.4, stall=stall, simulator="icarus"), tmp_path)
    assert row["bit_exact"] and row["tasks"] == 1 and row["a"] == "3x3x20" and 0 < row["utilisation"] < 1
    if stall:
        assert row["predicted"] is None and row["deviation"] is None
    else:
        assert abs(row["predicted"] - row["cycles"]) <= max(60, 0.06 * row["cycles"])
        assert row["deviation"] == pytest.approx(row["predicted"] / row["cycles"] - 1)


def test_section_sums_up_its_rows(monkeypatch):
    def row_of(case, folder):
        return {"preset": case.preset, "a": "7x8", "b": "9x8", "density": case.density, "portions": case.portions,
                "stall": case.stall, "cycles": round(1000 * case.density), "working": 5,
                "deviation": None if case.stall else case.density - 0.4, "kcycles_per_second": 1 / case.density,
                "bit_exact": case.portions == 1}

    monkeypatch.setattr("gen.bench.flaash.run_case", row_of)
    told = []
    section = measure_flaash(told.append, [
        ContractionCase("tiny", (7, 8), (9, 8), density, portions, stall)
        for density, portions, stall in ((0.1, 1, 0), (0.5, 2, 0), (0.9, 1, 0.4))])
    figures = section["figures"]
    assert figures["cycles: deviation of the prediction from simulation, at most"] == pytest.approx(0.3)
    assert figures["runs that are bit-exact"] == "2 of 3" and len(told) == 3
    assert figures["thousand cycles a second, longest run (tiny)"] == 2
    assert figures["cycles of contracting (tiny, 7x8 by 9x8, 50.0%, 2 portions)"] == 5
    kept = figures_of({"sections": {"flaash": section}})
    assert kept["flaash / contractions / tiny, 7x8, 9x8, density 0.5, portions 2, stall 0 / cycles"] == 500


def test_merge_is_at_most_three_times_as_large_as_a_merger():
    report = merge_report()
    assert report["latches"] == 0 and report["cells_by_type"]["CARRY4"] > 0
    for kind in ("luts", "ffs"):
        assert 0 < report[kind] <= 3 * GAMMA[kind]
