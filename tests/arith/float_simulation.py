"""Floating-point arithmetic as a compiled simulation: a million pairs a second."""

import ctypes
import subprocess

import numpy as np
from amaranth.back import verilog
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.arith import FloatAdd, FloatMultiply
from sim.runner import require, tool_environment, verilator_root

# One pair a cycle; the result of pair n is there after the edge that ends cycle n + latency - 1.
HARNESS = """
#include <cstddef>
#include <cstdint>
#include "verilated.h"
template <class Top>
static void drive(const uint32_t *a, const uint32_t *b, const uint8_t *subtract, uint32_t *o, uint32_t *p,
                  size_t count, size_t add_latency, size_t multiply_latency) {
    VerilatedContext context;
    Top top(&context);
    for (size_t n = 0; n < count + add_latency + multiply_latency; n++) {
        if (n < count) { top.a = a[n]; top.b = b[n]; top.subtract = subtract[n]; }
        top.clk = 0; top.eval();
        top.clk = 1; top.eval();
        if (n + 1 >= add_latency && n + 1 - add_latency < count) o[n + 1 - add_latency] = top.o;
        if (n + 1 >= multiply_latency && n + 1 - multiply_latency < count) p[n + 1 - multiply_latency] = top.p;
    }
}
"""

ENTRY = """
extern "C" void {name}(const uint32_t *a, const uint32_t *b, const uint8_t *subtract, uint32_t *o, uint32_t *p,
                       size_t count, size_t add_latency, size_t multiply_latency) {{
    drive<V{name}>(a, b, subtract, o, p, count, add_latency, multiply_latency);
}}
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


def compiled(formats, folder):
    """Compile the components for some formats with Verilator, in a folder.

    Returns
    -------
    dict
        A function for each format: from arrays of a, of b (bits) and of whether to subtract, to arrays of sums or
        differences and of products.

    Raises
    ------
    :class:`sim.runner.SimulatorMissing`
        If Verilator or a compiler is not installed.
    """
    require("verilator")
    environment = tool_environment()
    include = (verilator_root() or environment["VERILATOR_ROOT"]) / "include"
    source, latencies = [], {}
    for form in formats:
        name = f"arithmetic_{form.exponent}_{form.mantissa}"
        dut = Arithmetic(form)
        latencies[form] = name, dut.add.latency, dut.multiply.latency
        (folder / f"{name}.v").write_text(verilog.convert(dut, name=name, emit_src=False))
        subprocess.run(["verilator", "--cc", "-O3", "-Wno-lint", "--Mdir", ".", "--top-module", name, f"{name}.v"],
                       cwd=folder, env=environment, check=True, capture_output=True, text=True)
        source.append("#undef VL_PCH_INCLUDED\n")                # Verilator thinks of one design in a file
        source += [f'#include "{path.name}"\n' for path in sorted(folder.glob(f"V{name}*.cpp"))]
        source.append(ENTRY.format(name=name))
    # One file of all that was generated, whose headers take longest; the runtime is hardly used.
    (folder / "models.cpp").write_text("".join([HARNESS, *source]))
    options = ["c++", "-std=c++17", "-fPIC", "-pthread", f"-I{include}", f"-I{include}/vltstd", "-I."]
    runtime = [include / f"{name}.cpp" for name in ("verilated", "verilated_threads")]
    subprocess.run([*options, "-O1", "-c", "models.cpp"], cwd=folder, check=True)
    subprocess.run([*options, "-O0", "-shared", "models.o", *runtime, "-o", "models.so"], cwd=folder, check=True)
    library = ctypes.CDLL(str(folder / "models.so"))

    def driver(name, *latency):
        def drive(a, b, subtract):
            a, b = (np.ascontiguousarray(operand, dtype=np.uint32) for operand in (a, b))
            subtract = np.ascontiguousarray(subtract, dtype=np.uint8)
            assert a.shape == b.shape == subtract.shape == (len(a),)
            o, p = np.empty_like(a), np.empty_like(a)
            getattr(library, name)(*(ctypes.c_void_p(array.ctypes.data) for array in (a, b, subtract, o, p)),
                                   *map(ctypes.c_size_t, (len(a), *latency)))
            return o, p
        return drive

    return {form: driver(*rest) for form, rest in latencies.items()}
