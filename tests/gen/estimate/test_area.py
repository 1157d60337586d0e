"""The estimate of the area next to Yosys, on parts of the machine and on memories and products of many sizes."""

import dataclasses
from types import SimpleNamespace

import pytest
from amaranth.hdl import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from gen.emit import emit_verilog
from gen.estimate import area, estimate_area, estimate_cached
from gen.estimate.fit import lut_costs
from gen.synth import synth
from gen.tops.registry import resolve
from hw.arith import FloatAdd, FloatMultiply, Multiply
from hw.arith.float_format import FP16
from hw.attention import GroupWalk, Normalise
from hw.shared import shared
from hw.sorter.select_lane import SelectLane
from hw.stream.block_memory import BlockMemory

TINY = dataclasses.replace(resolve("sofa", "tiny", None, []), vendor="ecp5")
SMALLER = dataclasses.replace(TINY, max_keys=64, max_head_dim=8, score_width=6, clipping=False, generator_rows=0)


class Several(wiring.Component):
    """Copies of memories, of a product, and of a counter; equal ones are shared."""

    def __init__(self, memories, width):
        self._memories, self._width = memories, width
        super().__init__({"address": In(16), "data": In(80), "write": In(1), "a": In(signed(width)),
                          "o": Out(80), "p": Out(signed(2 * width))})

    def elaborate(self, platform):
        m = Module()
        outputs = 0
        for number, (width, depth, distributed, latency) in enumerate(self._memories):
            m.submodules[f"memory{number}"] = memory = shared(BlockMemory, width, depth, distributed, latency)
            m.d.comb += [memory.write_enable.eq(self.write), memory.write_address.eq(self.address),
                         memory.write_data.eq(self.data >> number), memory.read_enable.eq(1),
                         memory.read_address.eq(~self.address)]
            outputs = outputs ^ memory.read_data
        m.submodules.multiply = multiply = shared(Multiply, signed(self._width), signed(self._width), "generic")
        m.d.comb += [multiply.a.eq(self.a), multiply.b.eq(self.data), self.p.eq(multiply.p)]
        m.d.sync += self.o.eq(outputs)
        return m


def synthesised(component, folder):
    verilog = folder / "dut.v"
    verilog.write_text(emit_verilog(component, "dut", target="ecp5")[0])
    return synth(verilog, "dut", "ecp5")


@pytest.mark.parametrize("memories, width", [
    ([(36, 512, False, 2), (36, 512, False, 2), (37, 512, False, 1), (18, 1000, False, 2)], 18),
    ([(9, 2048, False, 1), (5, 4096, False, 2), (1, 16, False, 1), (72, 20, True, 1), (16, 64, False, 2)], 7),
    ([(8, 17, True, 2), (3, 1, False, 1), (64, 130, False, 1)], 20),
])
def test_memories_and_products_are_exact(memories, width, tmp_path):
    estimated, found = (work(Several(memories, width)) for work in (
        lambda design: estimate_area(design, "dut"), lambda design: synthesised(design, tmp_path)))
    assert {kind: estimated[kind] for kind in ("dsps", "brams")} == {kind: found[kind] for kind in ("dsps", "brams")}
    assert found["dsps"] >= 1


@pytest.mark.parametrize("component, parameters", [
    (SelectLane, TINY), (SelectLane, SMALLER), (GroupWalk, TINY), (Normalise, SMALLER),
    (FloatAdd, FP16), (lambda form: FloatMultiply(form, vendor="ecp5"), FP16)])
def test_parts_of_the_machine(component, parameters, tmp_path):
    estimated = estimate_area(component(parameters), "dut")
    found = synthesised(component(parameters), tmp_path)
    assert (estimated["dsps"], estimated["brams"]) == (found["dsps"], found["brams"])
    assert estimated["ffs"] == pytest.approx(found["ffs"], rel=0.2)
    # Single parts scatter; what is wrong in one and another is evened out in a machine.
    assert estimated["luts"] == pytest.approx(found["luts"], rel=0.3)


def test_a_module_counts_by_its_copies():
    one, two = (estimate_area(Several([(36, 512, False, 2)] * copies, 18), "dut") for copies in (1, 2))
    assert (one["brams"], two["brams"]) == (1, 2) and one["dsps"] == two["dsps"]


def test_an_estimate_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("THRESHER_CACHE", str(tmp_path))
    built = []

    def build(parameters, target):
        built.append((parameters, target))
        return Several([(36, 512, False, 2)], parameters)

    top = SimpleNamespace(name="dut", build=build)
    first = estimate_cached(top, 18)
    assert estimate_cached(top, 18) == first and built == [(18, "ecp5")]
    assert estimate_cached(top, 8) != first and len(built) == 2
    # A file that was cut short is made anew.
    for path in tmp_path.rglob("*.json"):
        path.write_text("{")
    assert estimate_cached(top, 18) == first and len(built) == 3


def test_the_fit_finds_the_costs():
    costs = dict.fromkeys(area.LUT_COSTS, 0.0) | {"mux": 0.8, "add": 0.25, "shift": 0.5}
    modules = []
    for number in range(1, 8):
        work = {"mux": 10 * number, "add": 7 * number ** 2, "shift": 100 / number}
        luts = 5 + sum(costs[kind] * amount for kind, amount in work.items())
        modules.append((number, {"luts": 5, "work": work}, luts))
    assert lut_costs(modules) == pytest.approx(costs)
