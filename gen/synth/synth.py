"""Area of a design: cells by kind, in total and by module."""

import contextlib
import functools
import importlib.metadata
import re
import tempfile
from pathlib import Path

from gen.errors import ThresherError
from gen.synth.cells import COUNTED, GATE_EQUIVALENTS, Cells, count_cells
from gen.synth.liberty import CellLibrary
from gen.synth.xilinx import FAMILIES, dsp_registers, synth_commands
from gen.synth.yosys import Yosys, checked_source, quoted

__all__ = ["DEFAULT_LIBERTY", "MACRO_WORDS", "PRIMITIVES", "SYNTH_ECP5", "synth"]

#: Used for ``"asic"`` without a library, where it is installed: Debian's qflow-tech-osu018, 180 nm.
DEFAULT_LIBERTY = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")

#: Command that reads the primitives of a target, which the emitted Verilog may instance.
PRIMITIVES = {"ecp5": "read_verilog -lib +/ecp5/cells_sim.v +/ecp5/cells_bb.v"}

#: Yosys 0.70 spends up to twice the look-up tables on PFUMX and L6MUX21 trees (a 32-lane shift tree: 1,562 with
#: them, 826 without).
SYNTH_ECP5 = "synth_ecp5 -nowidelut"

#: Memories of an ASIC from this depth on are macros: counted, without area. Others are flip-flops.
MACRO_WORDS = 64

_HOW = {
    "ecp5": "luts are LUT4 + 2 CCU2C + 4 TRELLIS_DPR16X4",
    "xilinx": "luts are LUT1 to LUT6, shift registers and the look-up tables of distributed memory; brams "
              "are RAMB36 + RAMB18 / 2, urams URAM288; {family}",
    "ice40": "luts are SB_LUT4; UltraPlus, with SB_MAC16",
    "asic": "memories of {macro_words} words and more are macros, counted in brams and without area",
}


def synth(verilog_path, top, target="ecp5", liberty=None, *, flatten=True, macro_words=MACRO_WORDS,
          family=None):
    """Synthesise a Verilog file with Yosys and count what it takes.

    Two runs: the totals are those of the flattened design, where logic is optimised across modules as a real
    flow would; the modules are those of a run that keeps the hierarchy, so their sum is somewhat larger. Without
    `flatten` there is only the second, which takes as long as the distinct modules do, and the totals are its sums.

    Parameters
    ----------
    verilog_path : path-like
        Verilog file with the whole design.
    top : str
        Top module.
    target : str
        ``"ecp5"``, ``"xilinx"``, ``"ice40"`` (UltraPlus) or ``"asic"``.
    liberty : path-like, None or False
        Cell library, only for ``"asic"``. Without it :data:`DEFAULT_LIBERTY` is taken where it exists;
        otherwise, and with False, generic gates are counted in ``gate_equivalents`` and ``area_um2`` is None.
    flatten : bool
    macro_words : int
        Memories of an ASIC from this depth on have no area; with 1 none has.
    family : str or None
        One of :data:`gen.synth.xilinx.FAMILIES`, only for ``"xilinx"``; None is ``"xc7"``.

    Returns
    -------
    dict
        ``target``, ``family`` (None but for ``"xilinx"``), ``cells``, ``luts``, ``ffs``, ``dsps``, ``brams``,
        ``urams``, ``area_um2`` (None but for a library), ``gate_equivalents`` (None but for ``"asic"`` without a
        library), ``dsp_registers`` (see :func:`gen.synth.xilinx.dsp_registers`; None but for ``"xilinx"``),
        ``memory_bits``, ``latches``, ``cells_by_type``, ``modules``, ``how`` (what the numbers mean) and ``tool``.
        ``modules`` maps each module to the same counts for one copy with all that is in it, ``instances`` (copies in
        the design), ``own`` (counts without its submodules) and ``children`` (copies of each submodule in one copy).

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If an argument is not usable, Yosys fails, or the design infers latches.
    """
    if target not in COUNTED:
        raise ThresherError(f"Synthesis target must be one of {', '.join(COUNTED)}, not {target!r}.")
    if liberty and target != "asic":
        raise ThresherError(f"A Liberty file is for the target 'asic' only, not {target!r}.")
    if family is not None and target != "xilinx":
        raise ThresherError(f"A family is for the target 'xilinx' only, not {target!r}.")
    family = "xc7" if family is None and target == "xilinx" else family
    if family is not None and family not in FAMILIES:
        raise ThresherError(f"Family must be one of {', '.join(FAMILIES)}, not {family!r}.")
    verilog_path = checked_source(verilog_path, top)
    if target == "asic" and liberty is None and DEFAULT_LIBERTY.is_file():
        liberty = DEFAULT_LIBERTY
    library = CellLibrary(liberty) if liberty else None
    if macro_words < 1:
        raise ThresherError(f"Memories are macros from 1 word on at the least, not {macro_words}.")

    # Vendor primitives are known before the hierarchy is checked.
    primitives = [PRIMITIVES[target]] if target in PRIMITIVES else []
    read = [*primitives, f"read_verilog {quoted(verilog_path)}", f"hierarchy -check -top {top}"]
    commands = functools.partial(_commands, target, family, top, library, macro_words)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        # Both at once: each run has one thread.
        kept = stack.enter_context(Yosys(folder, [
            *read, "proc", _statistics("begin.json"), *commands(flatten=False), _statistics("end.json")]))
        flat = stack.enter_context(Yosys(stack.enter_context(tempfile.TemporaryDirectory()), [
            *read, *commands(flatten=True), _statistics("end.json")])) if flatten else None
        try:
            kept.finish()
            if flat:
                flat.finish()
        except ThresherError:
            # The flows of FPGAs end at a latch, with a message that does not say so.
            if (Path(folder) / "begin.json").is_file():
                _refuse_latches(top, kept.statistics("begin.json")["modules"])
            raise
        begin, modules = kept.statistics("begin.json")["modules"], kept.statistics("end.json")["modules"]
        flat_modules = flat.statistics("end.json")["modules"] if flat else None
        dsps = (flat if flat else kept).text("dsps.txt") if target == "xilinx" else None

    _refuse_latches(top, begin)
    areas, flip_flop = _asic_counting(target, library)
    hierarchy = _Hierarchy(_plain(modules), lambda types: count_cells(target, types, areas, flip_flop))
    types = _plain(flat_modules)[top] if flatten else hierarchy.types(top)
    total = count_cells(target, types, areas, flip_flop)
    copies = _Hierarchy(_plain(begin), lambda types: Cells()).instances(top)
    memory_bits = sum(begin[f"\\{name}"]["num_memory_bits"] * number for name, number in copies.items())
    unit = "gate_equivalents" if library is None else "area_um2"
    return {
        "target": target,
        "family": family,
        **_report(total, unit if target == "asic" else None),
        "dsp_registers": None if dsps is None else dsp_registers(dsps),
        "memory_bits": memory_bits,
        "latches": 0,
        "cells_by_type": {kind: number for kind, number in types.items() if kind != "$scopeinfo"},
        "modules": {
            name: {**_report(hierarchy.inclusive(name), unit if target == "asic" else None),
                   "instances": number,
                   "children": hierarchy.children(name),
                   "own": _report(hierarchy.own(name), unit if target == "asic" else None)}
            for name, number in hierarchy.instances(top).items()
        },
        "how": f"totals: {'flattened' if flatten else 'sums of modules'}; modules: hierarchy kept, one copy each "
               "with submodules; " + _HOW[target].format(macro_words=macro_words, family=FAMILIES.get(family))
               + ("" if target != "asic" else f"; cell library {library.path.name}" if library is not None
                  else "; no cell library: gate_equivalents, two-input NAND gates by the table of Thresher"),
        "tool": {"name": "yosys", "version": importlib.metadata.version("pyosys")},
    }


def _refuse_latches(top, modules):
    latches = sum(number for types in _plain(modules).values() for kind, number in types.items()
                  if re.fullmatch(r"\$(a?dlatch|dlatchsr|sr)", kind))
    if latches:
        raise ThresherError(f"{top!r} infers {latches} latch{'es' * (latches > 1)}.")


def _statistics(name):
    return f"tee -q -o {name} stat -json"


def _commands(target, family, top, library, macro_words, *, flatten):
    if target == "ecp5":
        return [f"{SYNTH_ECP5} -top {top}" + " -noflatten" * (not flatten)]
    if target == "xilinx":
        return [*synth_commands(top, family, flatten=flatten), "tee -q -o dsps.txt dump -n t:DSP48E*"]
    if target == "ice40":
        return [f"synth_ice40 -device u -dsp -top {top}" + " -noflatten" * (not flatten)]
    gates = [f"synth -run begin:fine -top {top}" + " -flatten" * flatten,
             f"select -set macros t:$mem_v2 r:SIZE>={macro_words} %i",
             "memory_map t:$mem_v2 @macros %d", "opt -undriven -fine", "techmap", "opt -fast"]
    if library is None:
        return [*gates, "dfflegalize -cell $_DFF_P_ 01", "techmap", "abc -g cmos4,XOR,XNOR,MUX", "opt_clean"]
    file = quoted(library.path)
    return [*gates, f"dfflibmap -liberty {file}", f"abc -liberty {file}", "opt_clean"]


def _asic_counting(target, library):
    """Area and kind of the cells of an ASIC, as functions of the type."""
    if target != "asic":
        return None, None
    if library is not None:
        return lambda kind: library.areas.get(kind, 0.0), library.flip_flops.__contains__

    def gates(kind):
        return next((area for pattern, area in GATE_EQUIVALENTS.items() if re.fullmatch(pattern, kind)), 0.0)

    return gates, lambda kind: kind.startswith("$_DFF")


def _plain(modules):
    """Types of cells by module, by names without the backslash of RTLIL."""
    return {name.removeprefix("\\"): module["num_cells_by_type"] for name, module in modules.items()}


def _report(cells, unit):
    area = round(cells.area, 3)
    return {"cells": cells.cells, "luts": cells.luts, "ffs": cells.ffs, "dsps": cells.dsps,
            "brams": cells.brams, "urams": cells.urams, "area_um2": area if unit == "area_um2" else None,
            "gate_equivalents": area if unit == "gate_equivalents" else None}


class _Hierarchy:
    """Sums over a tree of modules, each given by the number of cells and submodules by type."""

    def __init__(self, modules, count):
        self._modules, self._count, self._inclusive = modules, count, {}

    def types(self, top):
        """Number of cells by type, of all copies of all modules."""
        totals = {}
        for name, copies in self.instances(top).items():
            for kind, number in self._modules[name].items():
                if kind not in self._modules:
                    totals[kind] = totals.get(kind, 0) + copies * number
        return totals

    def children(self, name):
        """Copies of each module directly in one copy of a module."""
        return {kind: number for kind, number in self._modules[name].items() if kind in self._modules}

    def own(self, name):
        return self._count({kind: number for kind, number in self._modules[name].items()
                            if kind not in self._modules})

    def inclusive(self, name):
        if name not in self._inclusive:
            total = self.own(name)
            for kind, number in self._modules[name].items():
                if kind in self._modules:
                    total += self.inclusive(kind) * number
            self._inclusive[name] = total
        return self._inclusive[name]

    def instances(self, top):
        """Copies of each module below and including the top, the top first."""
        order = []

        def visit(name):
            if name not in order:
                for kind in self._modules[name]:
                    if kind in self._modules:
                        visit(kind)
                order.append(name)

        visit(top)
        copies = dict.fromkeys(reversed(order), 0)
        copies[top] = 1
        for name, number in copies.items():
            for kind, times in self._modules[name].items():
                if kind in copies:
                    copies[kind] += number * times
        return copies
