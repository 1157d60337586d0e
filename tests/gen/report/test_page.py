"""The report page in a browser, and what its makers refuse."""

import json

import pytest

from gen.cli import main
from gen.errors import ThresherError
from gen.report import Inputs, Section, read_inputs, render
from gen.report import history as report_history
from tests.gen.report import reports
from tests.gen.report.browser import needs_chromium, opened


def write(folder, **contents):
    paths = []
    for name, content in contents.items():
        paths.append(folder / f"{name}.json")
        paths[-1].write_text(json.dumps(content))
    return paths


@pytest.fixture
def earlier(monkeypatch):
    """Two committed revisions of results, in both of which `tiny` took fewer cycles."""
    figures = [{"cycles / the same head on each preset / tiny, local, keep 0.25 / cycles": cycles,
                "area / totals, flattened, ecp5 / tiny / luts": 17000} for cycles in (4000, 4400)]
    monkeypatch.setattr(report_history, "committed", lambda: [("2026-01-01 aaa", figures[0]),
                                                              ("2026-01-02 bbb", figures[1])])


@needs_chromium
@pytest.mark.parametrize("width", [1200, 500])
def test_every_plot_is_drawn_with_its_data(tmp_path, earlier, width):
    paths = write(tmp_path, run=reports.run(), synth=reports.synthesis(), pnr=reports.clock(), bench=reports.bench())
    assert main(["report", *map(str, paths), "-o", str(tmp_path / "page.html")]) == 0
    text = (tmp_path / "page.html").read_text()
    assert len(text.encode()) < 5e6
    shown = opened(text, tmp_path, width)
    assert shown["wrong"] == [] and shown["requests"] == []
    # No figure and no table makes the page itself wider than the window.
    assert shown["width"] <= width
    assert all(0 < figure["width"] <= width for figure in shown["figures"].values())

    figures = shown["figures"]
    assert figures["Look-up tables by stage, benchmark"]["types"] == ["bar", "bar"]
    boxes = figures["Look-up tables by module, synth.json: sofa, tiny, ecp5"]
    assert boxes["types"] == ["treemap"]
    # Name and number of a box are two lines of one text.
    assert all(any(text.startswith(name) for text in boxes["texts"]) for name in ("lane × 4", "fifo × 280"))
    clocks = figures["Clock by seed"]
    assert clocks["types"] == ["bar", "scatter"] and clocks["points"] >= 3 + 1
    for name in ("run.json: sofa, tiny, verilator", "benchmark, cycles: tiny, local"):
        strips = figures[f"Utilisation over time, {name}"]
        assert strips["types"] == ["scatter"] * 3 and strips["points"] >= 3
        assert {"loading", "attention", "attention waits for keys"} <= set(strips["texts"])
        # One bar a stage, as each is as busy all the time that it works.
        assert figures[f"Stage overlap, {name}"]["points"] >= 3
    change = figures["Change since the last committed results"]
    assert change["points"] >= 1 and "+9.1%" in change["texts"]
    assert figures["Course over revisions"]["types"] == ["scatter"] * 2
    assert len(figures) == 9
    assert "the model is missing" in text and "not installed" in text


@needs_chromium
def test_names_are_shown_and_not_run(tmp_path):
    name = "</script><script>throw 'run'</script><img src=http://example.org/x>"
    run = reports.run(preset=name)
    run["timeline"]["stages"][0]["stage"] = name
    inputs = Inputs(runs={name: run}, areas={name: reports.synthesis()}, clocks={name: reports.clock()})
    shown = opened(render(inputs, title=name), tmp_path)
    assert shown["wrong"] == [] and shown["requests"] == []
    assert f"Stage overlap, {name}" in shown["figures"]


def test_sections_may_be_added(tmp_path):
    def power(inputs):
        return Section("Power", tables={"Rails": [{"rail": "core", "milliwatts": 12.5}]})

    def nothing(inputs):
        return Section("Nothing")

    text = render(Inputs(), sections=(power, nothing))
    assert "<h2>Power</h2>" in text and "12.5" in text and "Nothing" not in text


def test_inputs_are_sorted_by_kind(tmp_path):
    paths = write(tmp_path, a=reports.run(), b=reports.synthesis(), c=reports.clock(), d=reports.bench())
    inputs = read_inputs([*paths, paths[0]])
    assert list(inputs.runs) == ["a.json: sofa, tiny, verilator", "benchmark, cycles: tiny, local"]
    assert list(inputs.areas) == ["b.json: sofa, tiny, ecp5"]
    assert list(inputs.clocks) == ["c.json: sofa, tiny, 85k"]
    assert inputs.bench["revision"] == "abc"


@pytest.mark.parametrize("content, sentence", [
    ("{}", r"bad.json is not a report of `thresher sim`, `synth` or `pnr`"),
    ("[1]", r"bad.json is not a report of"),
    ('{"sections": []}', r"bad.json is not a report of"),
    ("{", r"The report .*bad.json is not JSON"),
    (None, r"The report .*bad.json cannot be read: No such file or directory"),
])
def test_bad_files_are_refused(tmp_path, content, sentence, capsys):
    path = tmp_path / "bad.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ThresherError, match=sentence):
        read_inputs([path])
    assert main(["report", str(path), "-o", str(tmp_path / "page.html")]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("thresher: error: ") and "bad.json" in error
    assert not (tmp_path / "page.html").exists()


def test_two_benchmarks_are_refused(tmp_path):
    with pytest.raises(ThresherError, match="b.json is the second file with results of the benchmark"):
        read_inputs(write(tmp_path, a=reports.bench(), b=reports.bench()))


def test_report_of_another_version_is_refused(tmp_path, capsys):
    run = reports.run()
    del run["timeline"]["stages"][1]["capacity"]
    path, = write(tmp_path, run=run)
    assert main(["report", str(path), "-o", str(tmp_path / "page.html")]) == 2
    assert "The part stages of the page cannot be made" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [path]


def test_unwritable_output_is_refused_before_reading(tmp_path, capsys):
    assert main(["report", str(tmp_path / "none.json"), "-o", str(tmp_path)]) == 2
    assert f"The report {tmp_path} is a directory" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert main(["report", str(tmp_path / "none.json"), "-o", str(tmp_path / "file" / "page.html")]) == 2
    assert "cannot be made: " in capsys.readouterr().err


def test_results_of_the_benchmark_are_the_default(tmp_path, monkeypatch, capsys, earlier):
    monkeypatch.chdir(tmp_path)
    assert main(["report"]) == 2
    assert "The report build/bench.json cannot be read" in capsys.readouterr().err
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "bench.json").write_text(json.dumps(reports.bench()))
    assert main(["report"]) == 0
    assert "Sections of the benchmark" in (tmp_path / "report.html").read_text()
