import re
import sys

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from gen.emit import emit_verilog
from gen.errors import ThresherError
from gen.synth import pnr, synth
from gen.synth.liberty import CellLibrary
from gen.synth.yosys import Yosys
from hw.stream.block_memory import BlockMemory
from hw.stream.register_file import RegisterFile
from tests.gen.designs import Accelerator

LIBERTY = """
/* cell (NOT_A_CELL) { area : 99; } */
library (small) {
  cell (INV) { area : 2; pin (A) { direction : input; } pin (Y) { direction : output; function : "!A"; } }
  cell (BUF) { area : 4; pin (A) { direction : input; } pin (Y) { direction : output; function : "A"; } }
  cell (NAND2) { area : 3.5; pin (A) { direction : input; } pin (B) { direction : input; }
    pin (Y) { direction : output; function : "!(A B)"; } }
  cell (NOR2) { area : 3.25; pin (A) { direction : input; } pin (B) { direction : input; }
    pin (Y) { direction : output; function : "!(A+B)"; } }
  cell (AND2) { area : 5; pin (A) { direction : input; } pin (B) { direction : input; }
    pin (Y) { direction : output; function : "A B"; } }
  cell ("DFF") { area : 10; ff (IQ, IQN) { clocked_on : "C"; next_state : "D"; }
    pin (C) { direction : input; clock : true; } pin (D) { direction : input; }
    pin (Q) { direction : output; function : "IQ"; } }
}
"""


@pytest.fixture(scope="module")
def verilog(tmp_path_factory):
    # A blank in the name: users have them.
    path = tmp_path_factory.mktemp("a design") / "dut.v"
    path.write_text(emit_verilog(Accelerator(4), "dut")[0])
    return path


def check_modules(report):
    modules = report["modules"]
    assert list(modules)[0] == "dut"
    assert {name: module["instances"] for name, module in modules.items()} == {
        "dut": 1, "dut_table": 1, "dut_bitonic_sorter": 1, "dut_compare_exchange": 5,
        "dut_compare_exchange_2": 1, "dut_multiply_accumulate": 4}
    assert modules["dut"]["children"] == {"dut_table": 1, "dut_bitonic_sorter": 1, "dut_multiply_accumulate": 4}
    assert modules["dut_table"]["children"] == {}
    for key in ("cells", "luts", "ffs", "dsps", "brams"):
        children = {"dut_table": 1, "dut_bitonic_sorter": 1, "dut_multiply_accumulate": 4}
        assert modules["dut"][key] == modules["dut"]["own"][key] + sum(
            modules[name][key] * number for name, number in children.items())
        total = sum(module["own"][key] * module["instances"] for module in modules.values())
        assert total == modules["dut"][key]
    assert report["latches"] == 0 and report["memory_bits"] == 512 * 32
    assert report["tool"]["name"] == "yosys" and re.match(r"\d+\.\d+", report["tool"]["version"])


class TwoMemories(wiring.Component):
    """Two copies of a memory whose last block has words of nine bits that are used in part."""

    def __init__(self, vendor):
        self._vendor = vendor
        super().__init__({"address": In(9), "write": In(1), "data": In(40), "result": Out(40)})

    def elaborate(self, platform):
        m = Module()
        results = []
        for number in range(2):
            m.submodules[f"memory{number}"] = memory = BlockMemory(40, 400, latency=2, vendor=self._vendor)
            m.d.comb += [memory.write_enable.eq(self.write), memory.write_address.eq(self.address),
                         memory.write_data.eq(self.data ^ number), memory.read_enable.eq(1),
                         memory.read_address.eq(self.address)]
            results.append(memory.read_data)
        m.d.comb += self.result.eq(results[0] & results[1])
        return m


@pytest.mark.parametrize("vendor", ["generic", "ecp5"])
def test_bits_of_memories(tmp_path, vendor):
    path = tmp_path / "dut.v"
    path.write_text(emit_verilog(TwoMemories(vendor), "dut")[0])
    assert ("DP16KD" in path.read_text()) == (vendor == "ecp5")
    assert synth(path, "dut", "ecp5")["memory_bits"] == 2 * 400 * 40


def test_ecp5(verilog):
    report = synth(verilog, "dut", "ecp5")
    check_modules(report)
    assert (report["target"], report["dsps"], report["brams"]) == ("ecp5", 4, 1)
    assert report["area_um2"] is None and report["gate_equivalents"] is None
    assert 2 * 6 * 8 <= report["ffs"] <= 500 and 100 < report["luts"] < 500
    types = report["cells_by_type"]
    assert report["cells"] == sum(types.values()) and "$scopeinfo" not in types
    assert report["luts"] == types["LUT4"] + 2 * types["CCU2C"]
    assert report["modules"]["dut_multiply_accumulate"]["dsps"] == 1
    assert report["modules"]["dut_table"]["brams"] == 1
    # Keeping the hierarchy costs little on a design of registered parts.
    assert abs(report["modules"]["dut"]["luts"] - report["luts"]) < 0.1 * report["luts"]


def test_ice40(verilog):
    report = synth(verilog, "dut", "ice40")
    check_modules(report)
    assert (report["dsps"], report["brams"]) == (4, 4)


def test_ice40_has_no_memory_of_tables(tmp_path):
    path = tmp_path / "dut.v"
    path.write_text(emit_verilog(RegisterFile(8, 4), "dut")[0])
    report = synth(path, "dut", "ice40")
    assert report["brams"] == 0 and report["ffs"] == 8 * 4


def test_asic_with_library(verilog, tmp_path):
    library = tmp_path / "small.lib"
    library.write_text(LIBERTY)
    report = synth(verilog, "dut", "asic", liberty=library)
    check_modules(report)
    types = report["cells_by_type"]
    areas = {"INV": 2, "NAND2": 3.5, "NOR2": 3.25, "AND2": 5, "BUF": 4, "DFF": 10, "$mem_v2": 0}
    assert report["area_um2"] == sum(areas[kind] * number for kind, number in types.items())
    assert report["ffs"] == types["DFF"] and report["brams"] == 1 and report["luts"] == report["dsps"] == 0
    assert "small.lib" in report["how"]
    assert report["gate_equivalents"] == pytest.approx(report["area_um2"] / 3.5, abs=1e-3)
    macro, = report["macros"]
    assert [macro[key] for key in ("module", "memory", "words", "width", "read_ports", "write_ports", "copies")] == [
        "dut_table", "memory", 512, 32, 1, 1, 1]
    assert report["macro_area_um2"] == macro["area_um2"] > 512 * 32 * report["macro_model"]["node_nm"] / 1e3
    assert macro["read_pj"] > 0 and report["macro_model"]["source"]


def test_asic_without_library(verilog, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["gen.synth.synth"], "DEFAULT_LIBERTY", tmp_path / "none.lib")
    report = synth(verilog, "dut", "asic")
    check_modules(report)
    assert report["area_um2"] is None and report["ffs"] == report["cells_by_type"]["DFF"]
    assert report["gate_equivalents"] > 6 * report["ffs"]
    assert "gate equivalents" in report["how"]


def test_module_by_module(verilog):
    report = synth(verilog, "dut", "asic", liberty=False, flatten=False)
    check_modules(report)
    modules = report["modules"]
    assert report["gate_equivalents"] == modules["dut"]["gate_equivalents"]
    assert report["cells"] == sum(report["cells_by_type"].values()) == sum(
        module["own"]["cells"] * module["instances"] for module in modules.values())
    assert "sums of modules" in report["how"]


def test_memories_without_area(verilog):
    reports = [synth(verilog, "dut", "asic", liberty=False, flatten=False, macro_words=words)
               for words in (1, 1 << 20)]
    assert reports[0]["brams"] == 1 and reports[1]["brams"] == 0
    assert reports[1]["ffs"] - reports[0]["ffs"] >= reports[0]["memory_bits"] > 0


@pytest.mark.parametrize("kwargs, message", [
    ({"target": "asic", "macro_words": 0}, "Memories are macros from 1 word on at the least, not 0."),
    ({"sram": "x.toml"}, "A memory model is for the target 'asic' only, not 'ecp5'."),
    ({"target": "generic"}, "Synthesis target must be one of ecp5, xilinx, ice40, asic, not 'generic'."),
    ({"family": "xc7"}, "A family is for the target 'xilinx' only, not 'ecp5'."),
    ({"target": "xilinx", "family": "xc6s"}, "Family must be one of xc7, xcu, xcup, not 'xc6s'."),
    ({"liberty": "x.lib"}, "A Liberty file is for the target 'asic' only, not 'ecp5'."),
    ({"top": "a b"}, "Top must be the name of a Verilog module, not 'a b'."),
    ({"top": "nothing"}, "Yosys failed: Module `nothing' not found!."),
    ({"target": "asic", "liberty": "none.lib"},
     "Cannot read the Liberty file 'none.lib': No such file or directory."),
])
def test_bad_arguments(verilog, kwargs, message):
    with pytest.raises(ThresherError, match=f"^{re.escape(message)}$"):
        synth(verilog, **{"top": "dut", **kwargs})


@pytest.mark.parametrize("text, message", [
    ("", "it is empty\\.$"),
    (" /* nothing */ ", "it is empty\\.$"),
    ("MZ\0\1 garbage {{", "it has no library group\\.$"),
    (LIBERTY[:LIBERTY.index("cell (AND2)") + 30], "its braces do not match, as in a file that is cut short\\.$"),
    (LIBERTY + "}", "its braces do not match"),
    ("library (l) { }", "it has no cell with an area\\.$"),
    ("library (l) { cell (A) { area : 1; } }", "it has no flip-flop\\.$"),
    (re.sub(r"cell \(NAND2\).*\n.*\n", "", LIBERTY), "it has no two-input NAND gate with an area, the unit"),
    (LIBERTY.replace("3.5", "0"), "it has no two-input NAND gate with an area, the unit"),
    (LIBERTY.replace("3.5", "-3.5"), "Cell 'NAND2' of the Liberty file '.*' has the area '-3.5', which is not"),
    ("library (l) { cell (A) { area : 1e; } }", "Cell 'A' of the Liberty file '.*' has the area '1e', which"),
])
def test_bad_library(verilog, tmp_path, text, message):
    (tmp_path / "bad.lib").write_text(text)
    with pytest.raises(ThresherError, match=message):
        synth(verilog, "dut", "asic", liberty=tmp_path / "bad.lib")


@pytest.mark.parametrize("function, smallest", [
    ("!(A B)", 1.25), ("(A*B)'", 1.25), ("!A+!B", 1.25), ("(!A) | (!B)", 1.25), ("(A & B) ^ 1", 1.25), ("!(A+B)", 3.5),
    ("A B", 3.5), ("!(A B", 3.5), ("!(A C)", 3.5),
])
def test_nand_by_its_function(tmp_path, function, smallest):
    cell = f"""cell (G) {{ area : 1.25; pin (A) {{ direction : input; }} pin (B) {{ direction : input; }}
        pin (Y) {{ direction : output; function : "{function}"; }} }}"""
    (tmp_path / "l.lib").write_text(LIBERTY.replace("library (small) {", "library (small) {" + cell))
    library = CellLibrary(tmp_path / "l.lib")
    assert library.nand2 == smallest and library.inverter == "INV"
    assert not library.has_timing and not library.has_power and library.voltage is None


def test_unmapped_cells_are_refused(verilog, tmp_path, monkeypatch):
    """A mapping that stops halfway leaves gates of Yosys, which must not count as nothing."""
    module = sys.modules["gen.synth.synth"]
    commands = module._commands

    def without_abc(*arguments, **options):
        return [command for command in commands(*arguments, **options) if not command.startswith("abc")]

    monkeypatch.setattr(module, "_commands", without_abc)
    with pytest.raises(ThresherError, match=r"^Yosys left cells that generic.lib has no area for: \$_\w+_, "):
        synth(verilog, "dut", "asic", liberty=False)


def test_poor_library(verilog, tmp_path):
    text = re.sub(r"cell \((NOR2|AND2)\).*\n.*\n|cell \(BUF\).*\n", "", LIBERTY)
    (tmp_path / "poor.lib").write_text(text)
    message = "^Yosys failed: Library with only 2 cell classes cannot be used\\.$"
    with pytest.raises(ThresherError, match=message):
        synth(verilog, "dut", "asic", liberty=tmp_path / "poor.lib")


def test_missing_file(tmp_path):
    for function in (synth, pnr):
        with pytest.raises(ThresherError, match="^There is no Verilog file '.*none.v'\\.$"):
            function(tmp_path / "none.v", "dut")


def test_bad_verilog(tmp_path):
    (tmp_path / "bad.v").write_text("module dut(;\nendmodule\n")
    with pytest.raises(ThresherError, match=r"^Yosys failed: syntax error, .*\.$"):
        synth(tmp_path / "bad.v", "dut")


def test_latch(tmp_path):
    (tmp_path / "latch.v").write_text(
        "module dut(input e, input d, output reg q);\n  always @* if (e) q = d;\nendmodule\n")
    with pytest.raises(ThresherError, match="^'dut' infers 1 latch\\.$"):
        synth(tmp_path / "latch.v", "dut")


def test_missing_statistics(tmp_path):
    with Yosys(tmp_path, ["tee -q -o end.json stat -json"]) as yosys:
        yosys.finish()
        for name in ("end.json", "none.json"):
            with pytest.raises(ThresherError, match="^Yosys stopped without a message: its statistics are "):
                yosys.statistics(name)


def test_crash_is_an_error(tmp_path):
    with Yosys(tmp_path, ["exec -expect-return 0 -- kill -9 $PPID"]) as yosys:
        with pytest.raises(ThresherError, match=r"^Yosys (failed|ended with exit code)"):
            yosys.finish()


def test_pnr(tmp_path):
    path = tmp_path / "dut.v"
    path.write_text(emit_verilog(Accelerator(2, depth=16), "dut")[0])
    report = pnr(path, "dut", device="12k", seeds=2)
    low, high = sorted(report["fmax_all"])
    assert low <= report["fmax_mhz"] <= high
    assert 30 < report["fmax_mhz"] < 600 and (report["device"], report["speed"]) == ("12k", 6)
    assert report["utilisation"]["MULT18X18D"]["used"] == 2
    path = report["critical_path"]
    assert path["delay_ns"] == pytest.approx(path["logic_ns"] + path["routing_ns"], abs=2e-3)
    assert path["delay_ns"] == pytest.approx(1e3 / low, rel=0.1)
    assert path["from"] and path["to"] and path["stages"] >= 1
    instances = {"dut", "mac_0", "mac_1", "table", "table.memory", "sorter"}
    for component in (path["from_component"], path["to_component"]):
        assert component in instances or component.startswith("sorter.step_")
    assert [path["through"][0]["component"], path["through"][-1]["component"]] == [
        path["from_component"], path["to_component"]]
    assert sum(hop["delay_ns"] for hop in path["through"]) == pytest.approx(path["delay_ns"], abs=0.02)


@pytest.mark.parametrize("kwargs, message", [
    ({"device": "100k"}, "Device must be one of 12k, 25k, 45k, 85k, not '100k'."),
    ({"speed": 5}, "Speed grade must be one of 6, 7, 8, not 5."),
    ({"seeds": 0}, "Number of seeds must be a positive integer, not 0."),
    ({"seeds": True}, "Number of seeds must be a positive integer, not True."),
])
def test_bad_pnr_arguments(verilog, kwargs, message):
    with pytest.raises(ThresherError, match=f"^{re.escape(message)}$"):
        pnr(verilog, "dut", **kwargs)


def test_pnr_needs_a_clock(tmp_path):
    (tmp_path / "comb.v").write_text("module dut(input a, output o);\n  assign o = ~a;\nendmodule\n")
    with pytest.raises(ThresherError, match="^'dut' has no path from register to register, and so no clock"):
        pnr(tmp_path / "comb.v", "dut", device="12k", seeds=1)
