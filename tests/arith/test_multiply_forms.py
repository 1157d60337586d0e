"""The forms of the multiplier for a vendor, next to the generic one: proved, and simulated with the vendor's block."""

import re
import shutil
import subprocess

import numpy as np
import pytest
from amaranth.back import verilog
from amaranth.hdl import signed, unsigned

from gen.errors import ThresherError
from gen.synth.simulated import ECP5_BLOCKS
from gen.synth.xilinx import dsp_registers, synth_commands
from gen.synth.yosys import Yosys, quoted
from hw.arith import Multiply
from sim.golden import arith as golden

SMALL = [(signed(4), signed(4)), (signed(5), unsigned(3)), (unsigned(3), signed(5)), (unsigned(4), unsigned(4))]
# Yosys takes a DSP48 for products of 9 bits and more.
SMALL_XILINX = [(signed(5), signed(5)), (signed(6), unsigned(4))]

PROOF = ("miter -equiv -make_outputs -flatten multiply_generic {other} miter", "hierarchy -top miter", "flatten",
         "opt_clean", "sat -verify -tempinduct -prove trigger 0 -set-def-inputs -set-init-def miter")

BENCH = """
module bench;
  reg clk = 0;
  reg [{a}-1:0] a;
  reg [{b}-1:0] b;
  wire [{p}-1:0] p;
  reg [{a}+{b}-1:0] pairs [0:{count}-1];
  integer n;
  multiply_{vendor} dut(.clk(clk), {reset}.a(a), .b(b), .p(p));
  initial begin
    $readmemh("pairs.hex", pairs);
    for (n = 0; n < {count} + 2; n = n + 1) begin
      {{a, b}} = pairs[n < {count} ? n : 0];
      #1 clk = 1;
      #1 clk = 0;
      if (n >= 2) $display("%h", p);
    end
  end
endmodule
"""


def emit(folder, shapes, vendor):
    """A form as Verilog, its module named after the vendor."""
    path = folder / f"{vendor}.v"
    path.write_text(verilog.convert(Multiply(*shapes, vendor), name=f"multiply_{vendor}", emit_src=False,
                                    strip_internal_attrs=True))
    return path


def prove(folder, commands, other):
    with Yosys(folder, [*commands, *(command.format(other=other) for command in PROOF)]) as yosys:
        log = yosys.finish()
    assert "Induction step proven: SUCCESS!" in log
    # The induction may not hold by itself: the first cycles have to be proved, too.
    assert "Base case for induction length 1 proven." in log


def prove_ecp5(folder, generic, ecp5):
    prove(folder, [f"read_verilog {quoted(path)}" for path in (generic, ecp5, ECP5_BLOCKS)]
          + ["hierarchy -check", "proc", "flatten"], "multiply_ecp5")


@pytest.mark.parametrize("shapes", SMALL)
def test_ecp5_is_proved_equal(shapes, tmp_path):
    """In every cycle from the first on, by induction over time."""
    prove_ecp5(tmp_path, emit(tmp_path, shapes, "generic"), emit(tmp_path, shapes, "ecp5"))


@pytest.mark.parametrize("right, wrong", [('REG_OUTPUT_CLK("CLK0")', 'REG_OUTPUT_CLK("NONE")'),
                                          (".A3(a[3])", ".A3(a[2])")])
def test_the_proof_finds_what_is_wrong(right, wrong, tmp_path):
    """A register less, or a wrong wire."""
    shapes = (unsigned(4), unsigned(4))
    generic, ecp5 = emit(tmp_path, shapes, "generic"), emit(tmp_path, shapes, "ecp5")
    text = ecp5.read_text()
    assert right in text
    ecp5.write_text(text.replace(right, wrong))
    with pytest.raises(ThresherError, match="Yosys failed: .*proof did fail"):
        prove_ecp5(tmp_path, generic, ecp5)


def synthesise_xilinx(shapes):
    """Commands that leave the netlist of the form for Xilinx, and what its DSP48s are in ``dsps.txt``."""
    return ["read_verilog xilinx.v", *synth_commands("multiply_xilinx", "xc7", flatten=True),
            "tee -q -o dsps.txt dump -n t:DSP48E*", "tee -q -o cells.json stat -json"]


@pytest.mark.parametrize("shapes", SMALL_XILINX)
def test_xilinx_is_proved_equal(shapes, tmp_path):
    """The netlist of a DSP48E1, with Yosys's model of that."""
    generic = emit(tmp_path, shapes, "generic")
    emit(tmp_path, shapes, "xilinx")
    prove(tmp_path, [
        *synthesise_xilinx(shapes), "select -module multiply_xilinx", "write_rtlil -selected netlist.il",
        "design -reset", "read_rtlil netlist.il", "read_verilog -overwrite +/xilinx/cells_sim.v",
        "hierarchy -top multiply_xilinx", "proc", "flatten", "opt -full", "wreduce", "opt -full", "design -stash gate",
        f"read_verilog {quoted(generic)}", "proc", "design -copy-from gate -as multiply_xilinx multiply_xilinx"],
        "multiply_xilinx")
    assert dsp_registers((tmp_path / "dsps.txt").read_text())["multipliers"] == 1


def test_xilinx_registers_are_those_of_the_block(tmp_path):
    shapes = (signed(16), signed(16))
    emit(tmp_path, shapes, "xilinx")
    with Yosys(tmp_path, synthesise_xilinx(shapes)) as yosys:
        yosys.finish()
        types = yosys.statistics("cells.json")["modules"]["\\multiply_xilinx"]["num_cells_by_type"]
        assert types.keys() <= {"DSP48E1", "$scopeinfo"} and types["DSP48E1"] == 1
        registers = dsp_registers(yosys.text("dsps.txt"))
    assert registers["AREG"] == registers["BREG"] == 2
    assert registers["MREG"] + registers["PREG"] == 1


def simulate(folder, shapes, vendor, sources, a, b):
    """Products of pairs by a Verilog module in Icarus."""
    widths = [shape.width for shape in shapes]
    masked = [(values & ((1 << width) - 1)).tolist() for values, width in zip((a, b), widths, strict=True)]
    (folder / "pairs.hex").write_text("\n".join(f"{x << widths[1] | y:x}" for x, y in zip(*masked, strict=True)))
    reset = ".rst(1'b0), " if re.search(r"^\s*input rst;", sources[0].read_text(), re.MULTILINE) else ""
    (folder / "bench.v").write_text(BENCH.format(a=widths[0], b=widths[1], p=sum(widths), count=len(a), vendor=vendor,
                                                 reset=reset))
    subprocess.run(["iverilog", "-g2005", "-s", "bench", "-o", "bench.vvp", "bench.v", *sources], cwd=folder,
                   check=True)
    done = subprocess.run(["vvp", "-n", "bench.vvp"], cwd=folder, check=True, capture_output=True, text=True)
    return [int(line, 16) for line in done.stdout.split()]


def every_pair(shapes):
    values = [np.arange(1 << shape.width) - (shape.signed << (shape.width - 1)) for shape in shapes]
    return [array.ravel() for array in np.meshgrid(*values)]


@pytest.mark.skipif(not shutil.which("iverilog"), reason="needs Icarus Verilog")
@pytest.mark.parametrize("shapes, exhaustive", [
    ((signed(8), signed(8)), True), ((signed(8), unsigned(7)), True), ((signed(16), signed(16)), False)])
def test_ecp5_simulates_as_the_model(shapes, exhaustive, tmp_path):
    """Every pair of operands of 8 bits, and many of 16, through the model of the block."""
    generator = np.random.default_rng(1)
    a, b = every_pair(shapes) if exhaustive else generator.integers(-(1 << 15), 1 << 15, (2, 20000))
    source = emit(tmp_path, shapes, "ecp5")
    expected = golden.multiply(a, b) & ((1 << sum(shape.width for shape in shapes)) - 1)
    assert simulate(tmp_path, shapes, "ecp5", [source, ECP5_BLOCKS], a, b) == expected.tolist()
