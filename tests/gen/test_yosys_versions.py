"""The comparison of Yosys releases, without installing any."""

import importlib.metadata
import sys

import pytest
from typer.testing import CliRunner

from gen.bench import yosys_versions

VERILOG = "module sofa(input clk, input [7:0] a, output reg [7:0] o);\n  always @(posedge clk) o <= o + a;\nendmodule\n"


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "sofa.v"
    path.write_text(VERILOG)
    return path


@pytest.mark.parametrize("target", yosys_versions.FLOWS)
def test_a_version_is_measured(source, target, monkeypatch):
    monkeypatch.setattr(yosys_versions, "install", lambda version, folder: sys.executable)
    row = yosys_versions.measure_version("0.1", target, source)
    assert (row["version"], row["target"], row["ffs"]) == ("0.1", target, 8)
    assert 8 <= row["luts"] <= 16 and row["dsps"] == row["brams"] == 0


def test_a_failure_is_a_row(source, monkeypatch):
    monkeypatch.setattr(yosys_versions, "install", lambda version, folder: sys.executable)
    source.write_text("module sofa(;")
    row = yosys_versions.measure_version("0.1", "ecp5", source)
    assert row.keys() == {"version", "target", "failed"} and row["failed"].startswith("Yosys failed: syntax error")


def test_page_names_the_best():
    pinned = importlib.metadata.version("pyosys")
    rows = [{"version": "0.1", "target": "ecp5", "luts": 90}, {"version": pinned, "target": "ecp5", "luts": 100},
            {"version": "0.2", "target": "ecp5", "failed": "no netlist"}]
    page = yosys_versions.page("tiny", rows)
    assert f"Fewest look-up tables on ecp5: 0.1, 10.0% below {pinned}." in page
    assert "| 0.2 | ecp5 |  | no netlist |" in page
    assert "`synth_ecp5 -top sofa`" in page


def test_unknown_target_is_refused():
    app = yosys_versions.typer.Typer()
    app.command()(yosys_versions.command)
    result = CliRunner().invoke(app, ["--target", "asic"])
    assert result.exit_code == 2 and "--target must be one of ecp5, xilinx, not 'asic'" in result.output
