# amaranth: UnusedElaboratable=no
"""Netlists in Icarus in place of the emitted Verilog."""

import random
import shutil
import subprocess

import pytest

from gen.emit.emission import emit_verilog
from gen.errors import ThresherError
from gen.simulation import SimulationOptions
from gen.synth.simulated import ECP5_BLOCKS, cell_models, simulated_netlist
from hw.shell import Shell
from sim.runner import simulate
from tests.shell.row_sum import RowSum, model, random_rows, to_bytes

pytestmark = pytest.mark.usefixtures("own_cache")

needs_icarus = pytest.mark.skipif(not shutil.which("iverilog"), reason="needs Icarus Verilog")


@needs_icarus
def test_a_netlist_takes_the_cycles_of_its_verilog(tmp_path):
    """An engine in its shell, under all buses of the bench, with stalls."""
    path = tmp_path / "row_sum.v"
    path.write_text(emit_verilog(Shell(RowSum(), "row_sum"), "row_sum", target="ecp5")[0])
    netlist = simulated_netlist(path, "row_sum")
    assert netlist.cells["TRELLIS_FF"] > 100 and netlist.cells["LUT4"] > 100
    rng = random.Random(3)
    rows = random_rows(rng)
    requests = [rng.choice(list(rows)) for _request in range(20)]
    results = [simulate(verilog, "row_sum", [to_bytes(requests)], bus_width=32, simulator="icarus", stall=0.3, seed=5,
                        fetch={number: to_bytes(words) for number, words in rows.items()})
               for verilog in (path, netlist.verilog)]
    assert results[0].packets == results[1].packets == [to_bytes(model(requests, rows))]
    assert results[0].output_word_cycles == results[1].output_word_cycles
    # The second time it is found.
    before = netlist.verilog.stat().st_mtime_ns
    assert simulated_netlist(path, "row_sum") == netlist and netlist.verilog.stat().st_mtime_ns == before


@needs_icarus
@pytest.mark.parametrize("cell, message", [
    ('DP16KD #(.DATA_WIDTH_A(3)) x();', "DATA_WIDTHs"), ('DP16KD #(.DATA_WIDTH_B(36)) x();', "DATA_WIDTHs"),
    ('DP16KD #(.REGMODE_A("REG")) x();', "REGMODE"), ('DP16KD #(.CSDECODE_B("0b001")) x();', "CSDECODE"),
    ('DP16KD #(.CLKAMUX("INV")) x();', "inverted_clock"), ('DP16KD #(.WRITEMODE_B("NONE")) x();', "WRITEMODE"),
    ('MULT18X18D #(.SOURCEB_MODE("C_SHIFT")) x();', "SOURCEB_MODE"),
    ('MULT18X18D #(.REG_OUTPUT_CLK("CLK4")) x();', "this_CLK_CE_RST"),
    ('MULT18X18D #(.REG_OUTPUT_CLK("CLK0"), .RESETMODE("ASYNC")) x();', "RESETMODE"),
    ('MULT18X18D x(.SRIA0(1\'b0));', "SRIA0"),
])
def test_modes_without_a_model_do_not_compile(cell, message, tmp_path):
    (tmp_path / "top.v").write_text(f"module top; {cell} endmodule\n")
    done = subprocess.run(["iverilog", "-g2005", "-s", "top", "-o", "top.vvp", "top.v", ECP5_BLOCKS], cwd=tmp_path,
                          capture_output=True, text=True, check=False)
    assert done.returncode and message in done.stderr


@needs_icarus
@pytest.mark.parametrize("cell, message", [
    ("DP16KD x(.CLKA(clk), .CEA(1'b1), .CSA2(1'b0), .CSA1(1'b0), .CSA0(1'b0), .RSTA(1'b0), .WEA(1'bx));",
     "writes unknown words"),
    ("DP16KD #(.RESETMODE(\"ASYNC\")) x(.CLKA(clk), .RSTA(1'b1));", "asynchronous reset"),
    ("MULT18X18D x(.SIGNEDA(clk));", "signs that change"),
])
def test_what_has_no_model_ends_the_simulation(cell, message, tmp_path):
    (tmp_path / "top.v").write_text(
        f"module top; reg clk = 0; {cell} initial begin #1 clk = 1; #1 $display(\"went on\"); end endmodule\n")
    subprocess.run(["iverilog", "-g2005", "-s", "top", "-o", tmp_path / "top.vvp", tmp_path / "top.v", ECP5_BLOCKS],
                   check=True)
    done = subprocess.run(["vvp", "-n", tmp_path / "top.vvp"], capture_output=True, text=True, check=True)
    assert message in done.stdout and "went on" not in done.stdout


def test_unknown_cells_are_refused(tmp_path):
    (tmp_path / "top.v").write_text("module top(input a, output o);\n  (* keep *) DCCA buffer(.CLKI(a), .CE(1'b1), "
                                    ".CLKO(o));\nendmodule\n")
    with pytest.raises(ThresherError, match=r"^The netlist of 'top' has cells without a model: DCCA\.$"):
        simulated_netlist(tmp_path / "top.v", "top")
    assert not list((tmp_path / "cache").rglob("*.v"))
    with pytest.raises(ThresherError, match="^Yosys has no model of NO_CELL in "):
        cell_models(("NO_CELL",))


def test_options():
    assert SimulationOptions(simulator="icarus", netlist="ecp5").netlist == "ecp5"
    message = "^--netlist runs in icarus only, not in 'verilator'; leave --simulator out$"
    with pytest.raises(ThresherError, match=message):
        SimulationOptions(netlist="ecp5")
    with pytest.raises(ThresherError, match="^--netlist must be one of ecp5, not 'ice40'$"):
        SimulationOptions(simulator="icarus", netlist="ice40")
