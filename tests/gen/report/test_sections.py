"""What the sections of the page compute."""

import json
import subprocess

import pytest

from gen.bench.figures import figures_of
from gen.report.area import module_tree
from gen.report.history import FILE, committed, history
from gen.report.inputs import Inputs
from gen.report.stages import intervals, row
from tests.gen.report import reports


def test_tree_of_modules_adds_up():
    nodes = {node["path"]: node for node in module_tree(reports.synthesis()["modules"], "luts")}
    assert {path: (node["copies"], node["total"]) for path, node in nodes.items()} == {
        "sofa": (1, 225), "sofa/(own)": (1, 5), "sofa/sofa_engine": (1, 220), "sofa/sofa_engine/(own)": (1, 20),
        "sofa/sofa_engine/sofa_lane": (4, 200), "sofa/sofa_engine/sofa_lane/(own)": (1, 120),
        "sofa/sofa_engine/sofa_lane/sofa_fifo": (2, 80)}
    for path, node in nodes.items():
        inner = [child["total"] for child in nodes.values() if child["parent"] == path]
        assert not inner or sum(inner) == node["total"]


@pytest.mark.parametrize("most", [400, 7, 5, 1])
def test_intervals_keep_the_counts(most):
    stage = {"stage": "x", "counter": "x", "capacity": 2, "cycle": [3, 9, 12, 20, 21, 30, 44],
             "increment": [6, 0, 6, 0, 2, 5, 28]}
    spans = intervals(stage, most)
    assert len(spans) <= max(most, 1) and spans[0][0] == 0 and spans[-1][1] == 44
    assert all(spans[index][1] == spans[index + 1][0] for index in range(len(spans) - 1))
    assert sum(share * 2 * (end - begin) for begin, end, share in spans) == pytest.approx(47)
    assert all(0 <= share <= 1 for _, _, share in spans)
    assert row(stage)["mean_utilisation"] == pytest.approx(47 / 88)


def commit(root, figures):
    (root / FILE).parent.mkdir(exist_ok=True)
    (root / FILE).write_text(json.dumps({"figures": figures}))
    for command in (["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "results"]):
        subprocess.run(["git", "-C", str(root), *command], check=True)


def test_committed_results_are_read_from_git(tmp_path):
    assert committed(tmp_path) == []
    (tmp_path / "docs").mkdir()
    (tmp_path / FILE).write_text('{"figures": {"a": 1}}')
    assert committed(tmp_path) == [("committed", {"a": 1})]
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    commit(tmp_path, {"a": 2})
    commit(tmp_path, {"a": 3})
    (tmp_path / FILE).write_text("not committed, not JSON")
    assert [figures for _, figures in committed(tmp_path)] == [{"a": 2}, {"a": 3}]


def test_history_names_what_moved():
    before = figures_of(reports.bench())
    section = history(Inputs(bench=reports.bench(cycles=5280, luts=16900)), [("then", before)])
    assert list(section.figures) == ["Change since the last committed results"]
    rows = {row["figure"].split(" / ")[-1]: row for row in section.tables["Main figures"]}
    assert rows["cycles"]["change"] == "+10.0 %" and rows["luts"]["change"] == "-0.6 %"
    moved = section.tables["All figures that moved by more than 5 %"]
    assert [(row["committed"], row["now"], row["is"]) for row in moved] == [(4800, 5280, "worse")]
    assert not history(Inputs(), [("then", before)])
    assert not history(Inputs(bench=reports.bench()), [])
