"""A design with memories and multipliers as gates of a real library, on random data in Icarus."""

import dataclasses
import random
import re
import shutil
import subprocess
import sys

import pytest

from gen.emit import emit_verilog
from gen.errors import ThresherError
from gen.power import power
from gen.power.activity import evaluate
from gen.power.cells import read_cells, read_units
from gen.power.energy import cell_energies
from gen.power.macros import liberty
from gen.power.netlist import map_to_gates
from gen.power.sta import write_netlist
from gen.power.trace import read_trace
from gen.synth.liberty import CellLibrary
from gen.synth.sram import load_sram_model
from gen.synth.synth import DEFAULT_LIBERTY
from tests.gen.designs import Accelerator

pytestmark = [
    pytest.mark.skipif(not DEFAULT_LIBERTY.is_file(), reason="needs Debian's qflow-tech-osu018"),
    pytest.mark.skipif(shutil.which("iverilog") is None, reason="needs Icarus"),
]
needs_sta = pytest.mark.skipif(shutil.which("sta") is None, reason="needs OpenSTA")

CYCLES = 200
BENCH = """
module bench;
  reg clk = 0, rst = 1, write, clear;
  reg [5:0] write_address, read_address;
  reg [15:0] write_data;
  reg [7:0] b;
  reg [31:0] unsorted;
  wire [47:0] o;
  wire [31:0] sorted;
  dut dut(.clk(clk), .rst(rst), .write(write), .clear(clear), .write_address(write_address),
          .read_address(read_address), .write_data(write_data), .b(b), .unsorted(unsorted), .o(o), .sorted(sorted));
  integer cycle, file;
  initial begin
    $dumpfile("waves.vcd");
    $dumpvars(0, dut);
    for (cycle = 0; cycle < %d; cycle = cycle + 1) begin
      rst = cycle < 2;
      write = cycle < 64 && cycle >= 2;
      write_address = cycle;
      write_data = %s;
      read_address = $random;
      b = %s;
      clear = cycle %% 16 == 0;
      unsorted = %s;
      #5 clk = 1;
      #5 clk = 0;
    end
  end
endmodule
"""


def run(verilog, folder, busy):
    """The waveform of a run on random data, or on zeros."""
    (folder / "bench.v").write_text(BENCH % (CYCLES, *(["$random"] * 3 if busy else ["0"] * 3)))
    subprocess.run(["iverilog", "-g2005", "-o", "bench.vvp", "bench.v", str(verilog)], cwd=folder, check=True)
    subprocess.run(["vvp", "-n", "bench.vvp"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder / "waves.vcd"


@pytest.fixture(scope="module")
def library():
    return CellLibrary(DEFAULT_LIBERTY)


@pytest.fixture(scope="module")
def verilog(tmp_path_factory):
    path = tmp_path_factory.mktemp("design") / "dut.v"
    path.write_text(emit_verilog(Accelerator(2, depth=64), "dut")[0])
    return path


@pytest.fixture(scope="module")
def netlist(verilog, library):
    return map_to_gates(verilog, "dut", library, verilog.parent, 64)


@pytest.fixture(scope="module")
def cells(netlist, library):
    return read_cells(library, {gate.kind for gate in netlist.gates.values()} - netlist.macros.keys(),
                      read_units(library))


def workload(folder, busy):
    def simulate(registers, waves):
        shutil.copyfile(run(registers, folder, busy), waves)
        return {"macs": 2 * CYCLES, "rows": 10, "cycles": CYCLES - 2, "bit_exact": True}
    return simulate


def test_gates_agree_with_registers(netlist, cells, tmp_path):
    trace = read_trace(run(netlist.registers, tmp_path, True), "dut")
    activity = evaluate(netlist, cells, trace)
    assert activity.cycles == CYCLES and activity.known == 1
    assert activity.traced == activity.flip_flops == activity.checked > 90 and activity.wrong == 0
    assert list(activity.accesses.values()) == [(CYCLES, 62)]
    # Counted by hand: a net that the waveform has too.
    net = netlist.ports["b"][1][3]
    values = [trace.word("b", 3) >> cycle & 1 for cycle in range(CYCLES)]
    changes = sum(a != b for a, b in zip(values, values[1:], strict=False))
    assert activity.toggles[net] == pytest.approx((changes / (CYCLES - 1), sum(values) / CYCLES))


def test_a_wrong_gate_is_found(netlist, cells, tmp_path):
    trace = read_trace(run(netlist.registers, tmp_path, True), "dut")
    generator = random.Random(1)
    names = [name for name, gate in netlist.gates.items() if gate.kind == "NAND2X1"]
    found = 0
    for name in generator.sample(names, 8):
        gates = netlist.gates | {name: type(netlist.gates[name])("NOR2X1", netlist.gates[name].pins)}
        cells = cells | read_cells(CellLibrary(DEFAULT_LIBERTY), ["NOR2X1"], read_units(CellLibrary(DEFAULT_LIBERTY)))
        found += evaluate(type(netlist)(**{**vars(netlist), "gates": gates}), cells, trace).wrong > 0
    assert found >= 6


def energies(netlist, cells, library, folder, busy):
    activity = evaluate(netlist, cells, read_trace(run(netlist.registers, folder, busy), "dut"))
    return activity, cell_energies(netlist, cells, read_units(library), library.voltage, activity)


def test_energy_follows_the_data(netlist, cells, library, tmp_path):
    _activity, busy = energies(netlist, cells, library, tmp_path, True)
    _activity, idle = energies(netlist, cells, library, tmp_path, False)
    assert (busy.leakage == idle.leakage).all() and (busy.clock == idle.clock).all()
    assert busy.switching.sum() > 5 * idle.switching.sum() and busy.internal.sum() > 5 * idle.internal.sum()
    # Two 8-bit multipliers with accumulators at 180 nm take picojoules a cycle, not femtojoules or nanojoules.
    assert 2e-12 < busy.switching.sum() + busy.internal.sum() < 200e-12
    # A flip-flop's clock input: 28 fF at 1.8 V, and what is inside.
    clocked = busy.clock[busy.clock > 0]
    assert len(clocked) == sum(gate.kind == "DFFPOSX1" for gate in netlist.gates.values())
    assert (clocked > 0.0279e-12 * 1.8**2).all() and (clocked < 1e-12).all()


@needs_sta
def test_switching_is_that_of_opensta(netlist, cells, library, tmp_path):
    """With the same activity at every net, both count the same loads."""
    activity = evaluate(netlist, cells, read_trace(run(netlist.registers, tmp_path, True), "dut"))
    even = dataclasses.replace(activity, toggles=dict.fromkeys(activity.toggles, (1.0, 0.5)))
    units, model = read_units(library), load_sram_model()
    node = model.node(library)
    ours = cell_energies(netlist, cells, units, library.voltage, even, model.input_farads(node))
    (tmp_path / "memories.lib").write_text(liberty(netlist.macros.values(), model, node, units))
    write_netlist(netlist, tmp_path / "gates.v")
    (tmp_path / "power.tcl").write_text("\n".join([
        f"read_liberty {DEFAULT_LIBERTY}", f"read_liberty {tmp_path / 'memories.lib'}",
        f"read_verilog {tmp_path / 'gates.v'}", "link_design dut",
        "create_clock -name clk -period 10 [get_ports clk]",
        # What no clock reaches has no activity there.
        "set_input_delay 0 -clock clk [all_inputs]", "set_power_activity -global -activity 1.0 -duty 0.5",
        "report_power -digits 6"]))
    log = subprocess.run(["sta", "-no_splash", "-exit", str(tmp_path / "power.tcl")], capture_output=True, text=True,
                         check=True).stdout
    internal, switching, leakage = map(float, re.search(r"^Total\s+(\S+)\s+(\S+)\s+(\S+)", log, re.MULTILINE).groups())
    assert ours.switching.sum() * 1e8 == pytest.approx(switching, rel=0.02)
    assert ours.leakage.sum() == pytest.approx(leakage, rel=0.01)
    # OpenSTA 2.0 counts both edges at each transition, and weighs inputs otherwise.
    assert 0.3 < ours.internal.sum() * 1e8 / internal < 1.2


@needs_sta
def test_power(verilog, tmp_path):
    report = power(verilog, "dut", workload(tmp_path, True))
    parts = report["power_mw"]
    assert report["clock_mhz"] == report["fmax_mhz"] and 50 < report["fmax_mhz"] < 1000 and report["meets_clock"]
    assert parts["total"] == pytest.approx(sum(value for key, value in parts.items() if key != "total"), rel=1e-3)
    # A path ends at registers, ports or memories, and the rows are instances.
    assert not any(re.search(r"(^|\.)g\d+$", report["slowest_path"][end]) for end in ("from", "to"))
    assert {"mac_0", "mac_1", "sorter", "table"} <= {row["instance"].split(".")[0] for row in report["modules"]}
    # The sum over instances is the same energy, without leakage.
    assert sum(row["total_mw"] for row in report["modules"]) == pytest.approx(
        parts["total"] - parts["leakage"], rel=1e-2)
    assert report["energy_per_mac_pj"] * report["macs"] == pytest.approx(report["energy_nj"] * 1e3, rel=1e-2)
    assert report["energy_per_row_nj"] * 10 == pytest.approx(report["energy_nj"], rel=1e-2)
    assert report["energy_nj"] == pytest.approx(report["energy_per_cycle_pj"] * report["cycles"] / 1e3, rel=1e-2)
    assert [(macro["words"], macro["width"], macro["writes"]) for macro in report["macros"]] == [(64, 16, 62)]


@needs_sta
def test_doubt_is_refused(verilog, netlist, cells, tmp_path, monkeypatch):
    module = sys.modules["gen.power.power"]
    monkeypatch.setattr(module, "map_to_gates", lambda *arguments: netlist)
    activity = evaluate(netlist, cells, read_trace(run(netlist.registers, tmp_path, True), "dut"))
    for change, message in ((dict(known=0.5), "The switching of only 50.0% of the nets is known, and at least 98% "),
                            (dict(wrong=3), f"The gates disagree .*: 3 of {activity.checked} flip-flops")):
        doubtful = dataclasses.replace(activity, **change)
        monkeypatch.setattr(module, "evaluate", lambda *arguments, doubtful=doubtful: doubtful)
        with pytest.raises(ThresherError, match=message):
            power(verilog, "dut", workload(tmp_path, True))


def test_registers_without_waveform_follow_from_their_inputs(netlist, cells, tmp_path):
    trace = read_trace(run(netlist.registers, tmp_path, True), "dut")
    whole = evaluate(netlist, cells, trace)
    # Sorted values pass through registers only.
    trace.signals = {name: entry for name, entry in trace.signals.items() if "sorter." not in name}
    part = evaluate(netlist, cells, trace)
    assert part.traced < whole.traced and part.known > 0.95
    assert all(part.toggles[net][0] == pytest.approx(whole.toggles[net][0], abs=2 / CYCLES) for net in part.toggles)


def test_no_opensta(verilog, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ThresherError, match=re.escape("run `apt-get install opensta`.")):
        power(verilog, "dut", None)


def test_a_library_without_energies(verilog, tmp_path):
    from gen.synth.liberty import GATE_LIBRARY

    with pytest.raises(ThresherError, match="^generic.lib cannot tell power: it has no delays and no energies"):
        power(verilog, "dut", None, liberty=GATE_LIBRARY)


@pytest.mark.parametrize("clock", [0, -1, float("nan"), float("inf")])
def test_bad_clock(verilog, clock):
    with pytest.raises(ThresherError, match="^Clock must be a positive number of megahertz, not "):
        power(verilog, "dut", None, clock_mhz=clock)
