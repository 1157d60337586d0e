"""Floating-point arithmetic of a format as a compiled simulation: millions of pairs a second."""

import ctypes
import subprocess

import numpy as np
from amaranth.back import verilog
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.arith import FloatAdd, FloatMultiply
from sim.runner import tool_environment, verilator_root

HARNESS = """
#include <cstddef>
#include <cstdint>
#include "Varithmetic.h"
extern "C" void run(const uint32_t *a, const uint32_t *b, const uint8_t *subtract, uint32_t *o, uint32_t *p,
                    size_t count, size_t add_latency, size_t multiply_latency) {
    VerilatedContext context;
    Varithmetic top(&context);
    size_t last = add_latency > multiply_latency ? add_latency : multiply_latency;
    for (size_t n = 0; n < count + last; n++) {
        if (n < count) { top.a = a[n]; top.b = b[n]; top.subtract = subtract[n]; }
        top.clk = 0; top.eval();
        top.clk = 1; top.eval();
        size_t edges = n + 1;
        if (edges >= add_latency && edges - add_latency < count) o[edges - add_latency] = top.o;
        if (edges >= multiply_latency && edges - multiply_latency < count) p[edges - multiply_latency] = top.p;
    }
}
"""


class Arithmetic(wiring.Component):
    """``o = a + b`` or ``a - b``, and ``p = a * b``, of operands as bits."""

    def __init__(self, form):
        self.add = FloatAdd(form)
        self.multiply = FloatMultiply(form)
        super().__init__({
            "a": In(form.width), "b": In(form.width), "subtract": In(1), "o": Out(form.width), "p": Out(form.width)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.add, m.submodules.multiply = self.add, self.multiply
        m.d.comb += [part.a.eq(self.a) for part in (self.add, self.multiply)]
        m.d.comb += [part.b.eq(self.b) for part in (self.add, self.multiply)]
        m.d.comb += [self.add.subtract.eq(self.subtract), self.o.eq(self.add.o), self.p.eq(self.multiply.p)]
        return m


class Compiled:
    """The components for a format, compiled by Verilator in a folder."""

    def __init__(self, form, folder):
        dut = Arithmetic(form)
        self._latencies = dut.add.latency, dut.multiply.latency
        (folder / "arithmetic.v").write_text(verilog.convert(dut, name="arithmetic", emit_src=False))
        (folder / "harness.cpp").write_text(HARNESS)
        environment = tool_environment()
        subprocess.run(["verilator", "--cc", "-O3", "-Wno-fatal", "-Wno-lint", "--output-split", "0", "--Mdir", ".",
                        "--top-module", "arithmetic", "arithmetic.v"], cwd=folder, env=environment, check=True,
                       capture_output=True, text=True)
        include = (verilator_root() or environment["VERILATOR_ROOT"]) / "include"
        sources = sorted(path.name for path in folder.glob("*.cpp"))
        runtime = [include / f"{name}.cpp" for name in ("verilated", "verilated_threads")]
        subprocess.run(["c++", "-std=c++17", "-O1", "-shared", "-fPIC", "-pthread", f"-I{include}", f"-I{include}/vltstd",
                        "-I.", *sources, *runtime, "-o", "arithmetic.so"], cwd=folder, check=True)
        self._run = ctypes.CDLL(str(folder / "arithmetic.so")).run

    def __call__(self, a, b, subtract):
        """Sums (or differences, by `subtract`) and products of arrays of bits, one pair a cycle."""
        a, b = (np.ascontiguousarray(operand, dtype=np.uint32) for operand in (a, b))
        subtract = np.ascontiguousarray(subtract, dtype=np.uint8)
        assert a.shape == b.shape == subtract.shape == (len(a),)
        o, p = np.empty_like(a), np.empty_like(a)
        self._run(*(ctypes.c_void_p(array.ctypes.data) for array in (a, b, subtract, o, p)),
                  *map(ctypes.c_size_t, (len(a), *self._latencies)))
        return o, p
