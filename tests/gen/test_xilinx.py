import pytest
from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from gen.emit import emit_verilog
from gen.synth import FAMILIES, synth
from gen.synth.cells import count_cells
from gen.synth.xilinx import dsp_registers
from hw.arith import Multiply

WIDTH, SUM_WIDTH, LANES = 16, 40, 2


class Accumulators(wiring.Component):
    """Multipliers of `hw.arith`, an accumulator behind each, beside a memory for an UltraRAM."""

    def __init__(self):
        super().__init__({
            "a": In(signed(WIDTH)), "clear": In(1), "address": In(12), "place": In(12), "write": In(1), "data": In(72),
            "read": Out(72),
            **{f"b{lane}": In(signed(WIDTH)) for lane in range(LANES)},
            **{f"o{lane}": Out(signed(SUM_WIDTH)) for lane in range(LANES)}})

    def elaborate(self, platform):
        m = Module()
        for lane in range(LANES):
            m.submodules[f"multiply{lane}"] = multiply = Multiply(signed(WIDTH), signed(WIDTH), "xilinx")
            total = Signal(signed(SUM_WIDTH), reset_less=True, name=f"total{lane}")
            m.d.comb += [multiply.a.eq(self.a), multiply.b.eq(getattr(self, f"b{lane}")),
                         getattr(self, f"o{lane}").eq(total)]
            m.d.sync += total.eq(Mux(self.clear, 0, total) + multiply.p)
        m.submodules.words = words = memory.Memory(shape=72, depth=4096, init=[])
        write, read = words.write_port(), words.read_port()
        m.d.comb += [write.addr.eq(self.place), write.data.eq(self.data), write.en.eq(self.write),
                     read.addr.eq(self.address), self.read.eq(read.data)]
        return m


# UltraScale goes the way of UltraScale+, but for the UltraRAMs.
@pytest.mark.parametrize("family", ["xc7", "xcup"])
def test_multiply_accumulate_is_in_the_dsp(family, tmp_path):
    path = tmp_path / "dut.v"
    path.write_text(emit_verilog(Accumulators(), "dut", target="xilinx")[0])
    report = synth(path, "dut", "xilinx", family=family)
    assert (report["family"], FAMILIES[family] in report["how"]) == (family, True)
    registers = report["dsp_registers"]
    assert report["dsps"] == registers["multipliers"] == registers["accumulators"] == LANES
    # All stages of the multiplier, and the accumulator, are registers of the block; nothing is left outside.
    assert registers["AREG"] == registers["BREG"]
    assert registers["AREG"] + registers["MREG"] + registers["PREG"] == LANES * (Multiply.latency + 1)
    assert report["luts"] <= 4 and report["ffs"] <= 4
    block = "DSP48E1" if family == "xc7" else "DSP48E2"
    assert report["cells_by_type"][block] == LANES
    assert (report["brams"], report["urams"]) == {"xc7": (8, 0), "xcup": (0, 1)}[family]


def test_cells_of_the_later_families():
    types = {"LUT6": 3, "RAM32M16": 2, "RAM64M8": 1, "RAM256X1D": 1, "FDRE": 5, "CARRY8": 4, "DSP48E2": 2,
             "RAMB36E2": 3, "RAMB18E2": 1, "URAM288": 6}
    cells = count_cells("xilinx", types)
    assert (cells.luts, cells.ffs, cells.dsps, cells.brams, cells.urams) == (3 + 8 * 4, 5, 2, 3.5, 6)


def test_registers_of_blocks():
    def block(kind, a, m, mode, multiply="MULTIPLY"):
        return (f"  cell \\{kind} $flatten\\x\n    parameter \\AREG {a}\n    parameter signed \\BREG {a}\n"
                f"    parameter \\MREG 1'{m}\n    parameter \\PREG 1'1\n    parameter \\USE_MULT \"{multiply}\"\n"
                f"    connect \\OPMODE {mode}\n  end\n")

    text = (block("DSP48E1", 2, 1, "{ 2'01 \\clear 4'0101 }") + block("DSP48E1", 1, 0, "7'0000101")
            + block("DSP48E2", 1, 1, "9'000100101") + block("DSP48E2", 0, 0, "9'000110011", "NONE"))
    assert dsp_registers(text) == {"AREG": 4, "BREG": 4, "MREG": 2, "PREG": 4, "multipliers": 3, "accumulators": 2}
    assert set(dsp_registers("").values()) == {0}
