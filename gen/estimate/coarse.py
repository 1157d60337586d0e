"""Word-level cells of a design, from the first and quick part of its synthesis."""

import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from gen.emit.emission import Emission
from gen.synth.synth import PRIMITIVES, SYNTH_ECP5
from gen.synth.yosys import Yosys

__all__ = ["Cell", "Module", "coarse_modules"]

TARGET = "ecp5"

# Products of this size become multiplier blocks, as in the synthesis of the whole.
_MULTIPLIERS = ("techmap -map +/mul2dsp.v -D DSP_A_MAXWIDTH=18 -D DSP_B_MAXWIDTH=18 -D DSP_A_MINWIDTH=2 "
                "-D DSP_B_MINWIDTH=2 -D DSP_NAME=$__MUL18X18 t:$mul",
                "techmap -map +/lattice/dsp_map_18x18.v t:$__MUL18X18")

_MODULE = re.compile(r"^module \\(\S+)\n(.*?)^end$", re.MULTILINE | re.DOTALL)
_CELL = re.compile(r"^  cell \\?(\S+) \S+\n(.*?)^  end$", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"^    parameter (?:signed )?\\(\w+) (\d+)$", re.MULTILINE)
_CONSTANT = re.compile(r"^    connect \\([A-Z]+) \d+'[01x-]+$", re.MULTILINE)

_FREE_MEMORY = re.compile(r"attribute \\no_rw_check 1\n(?:  attribute .*\n)*  memory .*\\(\S+)$", re.MULTILINE)
_READ_PORT = re.compile(r'^  cell \$memrd_v2 .*?\\MEMID "\\\\(\S+)".*?^  end$', re.MULTILINE | re.DOTALL)
_COLLISION = re.compile(r"(COLLISION_X_MASK )(\d+)'0+$", re.MULTILINE)


@dataclass(frozen=True)
class Cell:
    """A cell of a module: its type, its parameters that are plain numbers, and its inputs that are constants."""

    kind: str
    numbers: dict
    constants: frozenset


@dataclass
class Module:
    """A distinct module: its own cells, and how many copies of it the design holds."""

    cells: list = field(default_factory=list)
    copies: int = 0


def coarse_modules(component, name):
    """Elaborate a design and run what synthesis does on words, on each distinct module once.

    Constants are propagated and what is not used is removed, also from module to module; words get as narrow as they
    may be, memories and products become blocks of ECP5, and sums adders of two operands. What takes most of the time
    of a synthesis is not done: the mapping of bits to look-up tables.

    Parameters
    ----------
    component : :class:`amaranth.lib.wiring.Component`
        The top, built for :data:`TARGET`.
    name : str

    Returns
    -------
    dict of str to :class:`Module`
        By name.

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If Yosys is missing or fails.
    """
    netlist, _sources = Emission(name, target=TARGET).netlist(component)
    for module, body in netlist.modules.items():
        netlist.modules[module] = _free_collisions(body)
    stage = f"{SYNTH_ECP5} -noflatten -top {name} -run"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "design.il").write_text(str(netlist), encoding="utf-8")
        with Yosys(folder, [
                PRIMITIVES[TARGET], "read_rtlil design.il", f"hierarchy -check -top {name}",
                "proc", "opt_expr", "opt_clean", "opt_hier", "opt", "wreduce", "peepopt", "opt_clean",
                *_MULTIPLIERS, "alumacc", "opt_merge", "memory -nomap",
                # Initial values of wires that become constants by what follows would contradict each other.
                "setattr -unset init w:*", "opt_hier", "opt_expr", "opt_dff", "opt_hier", "opt_clean", "opt_merge",
                f"{stage} map_ram:map_ffram", "opt_expr", "opt_clean", "maccmap",
                "memory_map t:$mem_v2 r:WR_PORTS>0 %i", "opt_clean", "write_rtlil coarse.il"]) as yosys:
            yosys.finish()
            text = yosys.text("coarse.il")
    return _count_copies({module: _cells(body) for module, body in _MODULE.findall(text)}, name)


def _free_collisions(body):
    """Say of each memory that need not define a read of what is being written that it does not.

    Verilog says it with an attribute of the memory, which is not looked at in read ports that come as such.
    """
    memories = set(_FREE_MEMORY.findall(body))
    return _READ_PORT.sub(
        lambda port: _COLLISION.sub(lambda mask: f"{mask[1]}{mask[2]}'{'1' * int(mask[2])}", port[0])
        if port[1] in memories else port[0], body)


def _cells(body):
    return [Cell(kind, {key: int(value) for key, value in _NUMBER.findall(cell)},
                 frozenset(_CONSTANT.findall(cell))) for kind, cell in _CELL.findall(body)]


def _count_copies(cells, top):
    modules = {name: Module(found) for name, found in cells.items()}

    def visit(name):
        modules[name].copies += 1
        for cell in modules[name].cells:
            if cell.kind in modules:
                visit(cell.kind)

    visit(top)
    return {name: module for name, module in modules.items() if module.copies}
