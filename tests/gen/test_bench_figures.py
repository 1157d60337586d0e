"""Figures of the benchmark that are the same everywhere: how they are written, and how two sets are compared."""

import json

import numpy as np
import pytest

from gen.bench import __main__ as command
from gen.bench import run as bench_run
from gen.bench.figures import changes, figures_of, load_figures, write_figures
from gen.errors import ThresherError

CYCLES = "cycles / on heads / tiny, local, keep 0.25 / cycles"
SHARE = "cycles / on heads / tiny, local, keep 0.25 / utilisation"


def results(cycles=1000, utilisation=0.5, mhz=(60.0, 62.0, 64.0), **sections):
    machine = {"cores": 2, "architecture": "x", "system": "y"}
    return {"versions": {"b": "2", "a": "1"}, "machine": machine, "revision": "abc", "sections": {
        "cycles": {"revision": "abc", "seconds": 3.0, "figures": {"seconds of it": 9.0}, "tables": {"on heads": [
            {"preset": "tiny", "head": "local", "keep": 0.25, "cycles": cycles, "utilisation": utilisation,
             "bit_exact": True, "seconds": 1.25, "kcycles_per_second": 60.1, "layer 0": 0.5, "dense_cycles": None}]}},
        "pnr": {"revision": "abc", "figures": {}, "tables": {
            "place and route": [{"preset": "tiny", "fmax_mhz": sorted(mhz)[1]}],
            "clock by seed": [{"preset": "tiny", "seed": seed, "mhz": each} for seed, each in enumerate(mhz, 1)]}},
        **sections}}


def test_figures_leave_out_what_varies():
    assert figures_of(results(utilisation=0.123456789)) == {
        "cycles / on heads / tiny, local, keep 0.25 / bit_exact": True, CYCLES: 1000, SHARE: 0.12346,
        "pnr / clock by seed / tiny, seed 1 / mhz": 60.0, "pnr / clock by seed / tiny, seed 2 / mhz": 62.0,
        "pnr / clock by seed / tiny, seed 3 / mhz": 64.0, "pnr / place and route / tiny / fmax_mhz": 62.0}


def test_file_has_a_sorted_figure_a_line(tmp_path):
    path = tmp_path / "results.json"
    write_figures(path, results())
    lines = path.read_text().splitlines()
    assert f'    "{CYCLES}": 1000,' in lines
    keys = [line.split('"')[1] for line in lines if " / " in line]
    assert keys == sorted(keys) and len(keys) == 7
    assert load_figures(path) == figures_of(results())
    whole = tmp_path / "bench.json"
    whole.write_text(json.dumps(results()))
    assert load_figures(whole) == figures_of(results())


@pytest.mark.parametrize("content", ["", "[]", '"figures"', '{"figures": {"a": "b"}}', '{"figures": 1}', "{}",
                                     '{"sections": {"a": 1}}'])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(ThresherError, match="x.json holds neither results of the benchmark nor figures of it"):
        load_figures(path)
    with pytest.raises(ThresherError, match="The file of results .*none.json does not exist"):
        load_figures(tmp_path / "none.json")


@pytest.mark.parametrize("new, verdicts", [
    ({}, {}),
    ({"cycles": 1050, "utilisation": 0.476}, {}),
    ({"cycles": 1051}, {CYCLES: "worse"}),
    ({"cycles": 949, "utilisation": 0.55}, {CYCLES: "better", SHARE: "better"}),
    ({"utilisation": 0.47}, {SHARE: "worse"}),
    # A seed is a draw: only the median is better or worse.
    ({"mhz": (50.0, 62.0, 64.0)}, {"pnr / clock by seed / tiny, seed 1 / mhz": "moved"}),
])
def test_verdicts(new, verdicts):
    found = changes(figures_of(results()), figures_of(results(**new)))
    assert {change.figure: change.verdict for change in found} == verdicts
    assert all(change.is_worse == (change.verdict == "worse") for change in found)


def test_from_zero_and_to_wrong_bits():
    old = {"area / t / r / latches": 0, "a / t / r / bit_exact": True, "a / t / r / loads": 5}
    new = {"area / t / r / latches": 2, "a / t / r / bit_exact": False, "a / t / r / loads": 5}
    found = changes(old, new)
    assert [(change.figure, change.share, change.verdict) for change in found] == [
        ("area / t / r / latches", np.inf, "worse"), ("a / t / r / bit_exact", -1, "worse")]
    assert changes(new, old)[0].verdict == "better"


def test_a_figure_is_gone_only_from_a_section_that_was_measured():
    old = figures_of(results())
    kept = {name: value for name, value in old.items() if name.startswith("cycles") and name != SHARE}
    gone, = changes(old, kept)
    assert (gone.figure, gone.new, gone.verdict, gone.is_worse) == (SHARE, None, "gone", True)
    assert changes(kept, old) == []


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.json").write_text(json.dumps(results()))
    (tmp_path / "worse.json").write_text(json.dumps(results(cycles=1100)))
    write_figures(tmp_path / "better.json", results(cycles=900))


def call(*arguments):
    with pytest.raises(SystemExit) as ended:
        command.main(list(arguments))
    return ended.value.code


@pytest.mark.parametrize("new, code, words", [
    ("old.json", 0, "7 figures compared; 0 moved by more than 5 %, 0 of them for the worse or gone."),
    ("better.json", 0, "│ better │"), ("worse.json", 1, "+10.0 %"), ("none.json", 2, "none.json does not exist")])
def test_compare(files, capsys, new, code, words):
    assert call("compare", "old.json", new) == code
    captured = capsys.readouterr()
    assert words in captured.out + captured.err


def test_check_against_earlier_results(files, monkeypatch, capsys):
    def measured(names, path, update):
        now = results(cycles=1100)
        path.write_text(json.dumps(now))
        return now

    monkeypatch.setattr(command, "run_sections", measured)
    assert call("cycles", "-o", "now.json") == 0
    assert call("cycles", "-o", "now.json", "--check", "old.json") == 1
    assert "+10.0 %" in capsys.readouterr().out
    assert call("cycles", "-o", "now.json", "--check", "none.json") == 2
    # Both files of the documentation are from the same results.
    assert call("cycles", "-o", "now.json", "--check", "worse.json", "--write-docs") == 0
    assert load_figures("docs/results.json")[CYCLES] == 1100
    with open("docs/results.md") as page:
        assert "| tiny | local | 0.25 | 1100 |" in page.read()


def test_sections_that_run_by_default():
    assert set(bench_run.SECTIONS) - set(bench_run.DEFAULT_SECTIONS) == {"paper", "pnr", "maia"}
