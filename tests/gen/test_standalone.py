import re

import pytest

from gen.emit import emit
from gen.lint import lint
from gen.synth.cells import count_cells
from gen.synth.synth import SYNTH_ECP5
from gen.synth.yosys import Yosys, quoted
from hw.shell import Shell
from tests.shell.row_sum import RowSum


@pytest.fixture(scope="module")
def emitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("standalone")
    return folder, emit(Shell(RowSum(), "row_sum", "1.2.3"), "row_sum", folder, target="ecp5")


def test_every_port_is_connected_once(emitted):
    folder, manifest = emitted
    text = (folder / "row_sum_standalone.v").read_text()
    for direction in ("input", "output"):
        wanted = [(port["name"], port["width"]) for port in manifest.ports
                  if port["direction"] == direction and port["name"] not in ("clk", "rst")]
        made = re.findall(rf"\.(\w+)\({direction}s\[(\d+):(\d+)\]\)", text)
        assert [(name, int(high) - int(low) + 1) for name, high, low in made] == wanted
        bits = [bit for _name, high, low in made for bit in range(int(low), int(high) + 1)]
        assert bits == list(range(sum(width for _name, width in wanted)))
    assert re.search(r"module row_sum_standalone \(\s*(.*)\s*\);", text)[1] == (
        "input wire clk, input wire rst, input wire serial_i, output wire serial_o")


def test_it_is_clean(emitted):
    folder, _manifest = emitted
    assert lint(folder / "row_sum_standalone.v", "row_sum_standalone", folder / "row_sum.v") == []


def flat_cells(folder, top, *files):
    read = [f"read_verilog {quoted(file)}" for file in files]
    with Yosys(folder, [*read, f"{SYNTH_ECP5} -top {top}", "tee -q -o end.json stat -json"]) as yosys:
        yosys.finish()
        return count_cells("ecp5", yosys.statistics("end.json")["modules"][f"\\{top}"]["num_cells_by_type"])


def test_nothing_is_optimised_away(emitted, tmp_path):
    folder, manifest = emitted
    core = flat_cells(tmp_path, "row_sum", folder / "row_sum.v")
    whole = flat_cells(tmp_path, "row_sum_standalone", folder / "row_sum.v", folder / "row_sum_standalone.v")
    widths = {direction: sum(port["width"] for port in manifest.ports if port["direction"] == direction)
              for direction in ("input", "output")}
    # All bytes of m_axis and the upper bits of responses are constant, so that some of the first fold's are, too.
    levels, width = [], widths["output"]
    while width > 1:
        width = -(-width // 4)
        levels.append(width)
    wrapper = 2 + widths["input"] - 2 + widths["output"] + sum(levels)
    constant = 32 // 8 + 2
    assert core.ffs + wrapper - 2 * constant <= whole.ffs <= core.ffs + wrapper
    assert core.luts * 0.97 <= whole.luts <= core.luts * 1.03 + sum(levels)
    assert (whole.dsps, whole.brams) == (core.dsps, core.brams)
