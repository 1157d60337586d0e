# amaranth: UnusedElaboratable=no
import hashlib
import os
import re
import subprocess
import sys

import pytest
from amaranth.hdl import Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from gen.emit import emit_verilog
from gen.errors import ThresherError
from hw.shared import shared
from tests.gen.designs import Accelerator, Adder, Controlled, Counter, SorterChain, Table
from tests.gen.icarus import both_simulations


def modules_of(verilog):
    return re.findall(r"^module (\S+?)\s*\(", verilog, re.MULTILINE)


def test_many_instances_are_one_module():
    verilog, modules = emit_verilog(SorterChain(128), "chain")
    assert modules_of(verilog) == [module.name for module in modules] == [
        "chain", "chain_bitonic_sorter", "chain_compare_exchange", "chain_compare_exchange_2"]
    assert [module.instances for module in modules] == [1, 128, 128 * 5, 128]
    assert [module.latency for module in modules] == [None, None, 1, 1]
    assert modules[1].source == "tests.gen.designs.BitonicSorter"
    assert len(verilog) < 40_000


class Registers(wiring.Component):
    """A register with a reset and one without; and copies of another component."""

    def __init__(self, bits, copies=0, of=None):
        self._bits, self._copies, self._of = bits, copies, of
        super().__init__({"i": In(bits), "o": Out(bits)})

    def elaborate(self, platform):
        m = Module()
        free = Signal(self._bits, reset_less=True)
        m.d.sync += [self.o.eq(self.i), free.eq(self.i)]
        for copy in range(self._copies):
            m.submodules[f"copy{copy}"] = inner = shared(Registers, self._of)
            m.d.comb += inner.i.eq(self.i)
        return m


@pytest.mark.parametrize(("dut", "registers"), [
    (Registers(8, 2, 127), 0), (Registers(8, 2, 128), 2), (Registers(500), 0)])
def test_resets_of_large_instances_pass_a_register(dut, registers):
    verilog, _ = emit_verilog(dut, "dut")
    declared = re.findall(r"\(\* keep = 32'd1 \*\)\s+reg \\?reset_register\S* ", verilog)
    assert len(declared) == len(re.findall(r"\.rst\(\\?reset_register", verilog)) == registers


def test_parts_of_an_instance_share_its_reset_register():
    m = Module()
    m.submodules.inner = shared(Registers, 28, 2, 50)                 # 128 bits, of no part more than 50
    top = Registers(8)
    top.elaborate = lambda platform: m
    m.d.sync += top.o.eq(top.i)
    verilog, _ = emit_verilog(top, "dut")
    assert len(re.findall(r"\.rst\(\\?reset_register", verilog)) == 1


_SCRIPT = """
import hashlib
from gen.emit import emit_verilog
from tests.gen.designs import Accelerator, Controlled
for make in (Controlled, lambda: Accelerator(3)):
    print(hashlib.sha256(emit_verilog(make(), "dut")[0].encode()).hexdigest())
"""


def test_bytes_do_not_depend_on_the_run():
    environments = [{**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.getcwd()} for seed in "12"]
    runs = [subprocess.run([sys.executable, "-c", _SCRIPT], check=True, capture_output=True, text=True,
                           env=environment).stdout.split() for environment in environments]
    here = [hashlib.sha256(emit_verilog(make(), "dut")[0].encode()).hexdigest()
            for make in (Controlled, lambda: Accelerator(3))]
    assert runs == [here, here]


@pytest.mark.parametrize("make, cycles", [
    (lambda: SorterChain(3, width=5), 60),
    (lambda: Accelerator(3, depth=16), 300),
    (lambda: Controlled(tables=False), 500),
    (lambda: Table(9, 8, init=(5, 400, 3)), 100),
    (Adder, 20),
])
def test_verilog_simulates_like_the_design(make, cycles, tmp_path):
    if make is Adder:
        # No clock: a wrapper keeps the bench simple.
        class Registered(wiring.Component):
            i: In(8)
            o: Out(8)

            def elaborate(self, platform):
                m = Module()
                m.submodules.adder = adder = shared(Adder)
                m.d.comb += [adder.a.eq(self.i), adder.b.eq(self.o)]
                m.d.sync += self.o.eq(adder.o)
                return m

        make = Registered
    expected, actual = both_simulations(make, tmp_path, cycles=cycles, seed=cycles)
    width = len(actual[0])
    assert actual == [f"{word:0{width}x}" for word in expected]
    assert len(set(actual)) > cycles // 5


def test_controls_reach_memories(tmp_path):
    # Without a reset of the domain: it clears the output of a memory in Amaranth's simulator, but not in its
    # Verilog.
    expected, actual = both_simulations(Controlled, tmp_path, cycles=500, seed=1, resets=0)
    assert actual == [f"{word:042x}" for word in expected]


def test_controls_make_few_modules():
    verilog, modules = emit_verilog(Controlled(), "dut")
    instances = {module.name: module.instances for module in modules}
    assert instances == {"dut": 1, "dut_counter": 2, "dut_table": 2, "dut_adder": 7,
                         "dut_counter_with_enable": 5, "dut_table_with_enable": 5}
    assert "clk" not in verilog[verilog.index("module dut_adder("):].split("endmodule")[0]


def test_shared_module_keeps_unused_ports():
    class Top(wiring.Component):
        i: In(8)
        o: Out(8)

        def elaborate(self, platform):
            m = Module()
            for index in range(2):
                m.submodules[f"counter_{index}"] = counter = shared(Counter)
                m.d.comb += counter.i.eq(self.i if index else 0)
            m.d.comb += self.o.eq(counter.count)
            return m

    assert modules_of(emit_verilog(Top(), "dut")[0]) == ["dut", "dut_counter", "dut_adder", "dut_table"]


def test_equal_modules_are_merged_without_sharing():
    class Top(wiring.Component):
        i: In(8)
        j: In(8)
        o: Out(8)

        def elaborate(self, platform):
            m = Module()
            value = self.j  # not `self.i`: Amaranth leaves out a port that is always equal to another
            for index in range(9):
                m.submodules[f"adder_{index}"] = adder = Adder()
                m.d.comb += [adder.a.eq(value), adder.b.eq(self.i)]
                value = adder.o
            m.d.comb += self.o.eq(value)
            return m

    verilog, modules = emit_verilog(Top(), "dut")
    assert modules_of(verilog) == ["dut", "dut_adder"]
    assert [module.instances for module in modules] == [1, 9]


def test_memories():
    zero, _modules = emit_verilog(Table(8, 4096), "zero")
    assert "for (word = 0; word <= 4095; word = word + 1) memory[word] = 0;" in zero
    assert len(zero.splitlines()) < 60
    full, _modules = emit_verilog(Table(8, 4, init=(1, 0, 3)), "full")
    assert re.findall(r"memory\[\d\] = .*;", full) == [
        "memory[0] = 8'h01;", "memory[1] = 8'h00;", "memory[2] = 8'h03;", "memory[3] = 8'h00;"]
    # Synthesis must not see an initial value of an output register: no block memory has one.
    assert zero.index("`ifndef SYNTHESIS") < zero.index("_0_ = 0;") < zero.index("`endif")


def test_names_of_foreign_modules_are_kept():
    class Top(wiring.Component):
        i: In(8)
        o: Out(8)

        def elaborate(self, platform):
            m = Module()
            middle = Signal(8)
            m.submodules.foreign = Instance("dut_adder", i_i=self.i, o_o=middle)
            m.submodules.adder = adder = shared(Adder)
            m.d.comb += [adder.a.eq(middle), self.o.eq(adder.o)]
            return m

    assert modules_of(emit_verilog(Top(), "dut")[0]) == ["dut", "dut_adder_2"]


def test_names_of_ports():
    component = Adder()
    verilog, _modules = emit_verilog(component, "dut", ports={
        "s_axis_tdata": (component.a, True), "b": (component.b, True), "m_axis_tdata": (component.o, False)})
    assert verilog.splitlines()[2] == "module dut(s_axis_tdata, b, m_axis_tdata);"


def test_foreign_domain():
    class Other(wiring.Component):
        o: Out(8)

        def elaborate(self, platform):
            m = Module()
            m.d.pixel += self.o.eq(self.o + 1)
            return m

    with pytest.raises(ThresherError, match="^Other uses clock domain 'pixel', but a top and its shared "
                                            "components have only the domain 'sync'\\.$"):
        emit_verilog(Other(), "dut")


def test_shared_top():
    with pytest.raises(TypeError, match="^Top must be a component that is not shared, not shared"):
        emit_verilog(shared(Adder), "dut")
