# amaranth: UnusedElaboratable=no
"""The Verilog of a shell: ports, lint, and behaviour under third-party bus models."""

import re
import shutil
from pathlib import Path

import pytest
from amaranth.back import verilog

from gen.emit.emission import emit_verilog
from gen.lint import lint
from hw.shared import shared
from hw.shell import Shell
from tests.shell.loopback import Loopback, LoopbackParameters
from tests.shell.row_sum import RowSum, RowSumParameters
from tests.streams import generator

# The names that Vivado, LiteX and cocotbext-axi recognise as buses.
PORTS = {
    "input": {
        "clk": 1, "rst": 1,
        "s_axi_awaddr": 12, "s_axi_awprot": 3, "s_axi_awvalid": 1,
        "s_axi_wdata": 32, "s_axi_wstrb": 4, "s_axi_wvalid": 1, "s_axi_bready": 1,
        "s_axi_araddr": 12, "s_axi_arprot": 3, "s_axi_arvalid": 1, "s_axi_rready": 1,
        "s_axis_tdata": 64, "s_axis_tvalid": 1, "s_axis_tlast": 1, "m_axis_tready": 1,
    },
    "output": {
        "s_axi_awready": 1, "s_axi_wready": 1, "s_axi_bresp": 2, "s_axi_bvalid": 1,
        "s_axi_arready": 1, "s_axi_rdata": 32, "s_axi_rresp": 2, "s_axi_rvalid": 1,
        "s_axis_tready": 1, "m_axis_tdata": 64, "m_axis_tkeep": 8, "m_axis_tvalid": 1, "m_axis_tlast": 1,
        "interrupt": 1,
    },
}


def convert(shell):
    return verilog.convert(shell, name=shell.name, ports=shell.verilog_ports(), emit_src=False,
                           strip_internal_attrs=True)


def module_ports(text, name):
    """Directions, names and widths of a module's ports."""
    body = re.search(rf"^module {name}\b.*?^endmodule", text, re.DOTALL | re.MULTILINE).group()
    found = {"input": {}, "output": {}}
    declaration = re.compile(r"^\s*(input|output) (?:\[(\d+):0\] )?(\w+);", re.MULTILINE)
    for direction, high, port in declaration.findall(body):
        found[direction][port] = int(high or 0) + 1
    return found


# What an engine that fetches rows adds.
FETCH_PORTS = {
    "input": {
        "m_axis_fetch_tready": 1, "s_axis_fetch_tdata": 64, "s_axis_fetch_tvalid": 1, "s_axis_fetch_tlast": 1,
    },
    "output": {"m_axis_fetch_tdata": 32, "m_axis_fetch_tvalid": 1, "s_axis_fetch_tready": 1},
}


def described_ports(shell):
    """The same, of a shell's description."""
    described = {"input": {}, "output": {}}
    for port in shell.to_dict()["ports"]:
        described[port["direction"]][port["name"]] = port["width"]
    return described


@pytest.mark.parametrize("counters", [True, False])
def test_ports(counters):
    shell = Shell(Loopback(LoopbackParameters(bus_width=64)), "loopback", counters=counters)
    assert module_ports(convert(shell), "loopback") == described_ports(shell) == PORTS


def test_ports_of_an_engine_that_fetches():
    shell = Shell(RowSum(RowSumParameters(bus_width=64)), "row_sum")
    ports = {direction: PORTS[direction] | FETCH_PORTS[direction] for direction in PORTS}
    assert module_ports(convert(shell), "row_sum") == described_ports(shell) == ports


def test_counters_off_leave_nothing():
    text = convert(Shell(Loopback(), "loopback", counters=False))
    assert not re.findall(r"\bcounter\w*", text)
    assert "timer" not in text


@pytest.mark.parametrize("counters", [True, False])
@pytest.mark.parametrize("engine", [Loopback, RowSum])
def test_lint(engine, counters, tmp_path):
    path = tmp_path / "loopback.v"
    text, _modules = emit_verilog(Shell(engine(), "loopback", counters=counters), "loopback")
    path.write_text(text)
    findings = "\n".join(lint(path, "loopback"))
    rule = re.compile(r"^%(?:Warning-|Error(?!: Exiting due to \d+ warning))(\w*)", re.MULTILINE)
    rules = set(rule.findall(findings))
    # Every register of ours has an initial value in its declaration, and `interrupt` is a word of some C++.
    assert rules <= {"PROCASSINIT", "SYMRSVDWORD"}, findings


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus Verilog is not installed")
@pytest.mark.parametrize("engine", [lambda: Loopback(), lambda: shared(Loopback, LoopbackParameters())],
                         ids=["plain", "shared"])
def test_under_bus_models(engine, tmp_path, monkeypatch):
    from cocotb_tools.runner import get_runner
    text, _modules = emit_verilog(Shell(engine(), "loopback"), "loopback")
    path = tmp_path / "loopback.v"
    path.write_text(text)
    root = str(Path(__file__).parents[2])
    monkeypatch.setenv("THRESHER_SEED", str(generator().getrandbits(32)))
    monkeypatch.syspath_prepend(root)
    runner = get_runner("icarus")
    runner.build(sources=[path], hdl_toplevel="loopback", build_dir=tmp_path / "build", build_args=["-g2005"],
                 timescale=("1ns", "1ps"))
    results = runner.test(test_module="tests.shell.cocotb_shell", hdl_toplevel="loopback", test_dir=tmp_path,
                          build_dir=tmp_path / "build", log_file=tmp_path / "log", timescale=("1ns", "1ps"))
    from cocotb_tools.check_results import get_results
    ran, failed = get_results(results)
    assert (ran, failed) == (2, 0), (tmp_path / "log").read_text()[-6000:]
