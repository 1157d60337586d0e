"""Gates of a design, and the registers that they stand between, from one run of Yosys."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gen.errors import ThresherError
from gen.power import macros as macro_cells
from gen.synth.memories import dump_memories, read_memories, select_macros
from gen.synth.yosys import Yosys, checked_source, quoted

__all__ = ["Gate", "Netlist", "map_to_gates"]


# What ABC sizes gates for: a delay that they do not reach, and a load of some inputs.
_DELAY_PS = 1000
_LOAD_FF = 50


@dataclass(frozen=True)
class Gate:
    """A cell of the flat netlist: its type, and the net at each pin, a list of nets at pins of several bits."""

    kind: str
    pins: dict

    @property
    def nets(self):
        """Nets at all pins, without constants."""
        return [net for pins in self.pins.values() for net in (pins if isinstance(pins, list) else [pins])
                if isinstance(net, int)]


@dataclass(frozen=True)
class Netlist:
    """A design as gates.

    Attributes
    ----------
    top : str
    gates : dict of str to :class:`Gate`
        By name; the parts of a path are joined by dots.
    names : dict of int to list of (str, int)
        Names of each net: signal and bit.
    ports : dict of str to tuple
        Direction and nets of each port of the top.
    macros : dict of str to :class:`gen.synth.sram.Macro`
        By type of cell.
    registers : pathlib.Path
        Verilog of the same design before it became gates, for simulation.
    """

    top: str
    gates: dict
    names: dict
    ports: dict
    macros: dict
    registers: Path


def map_to_gates(verilog, top, library, folder, macro_words, update=lambda message: None):
    """Map a design to the cells of a library, module by module, and flatten it.

    Memories of `macro_words` words and more with registered reads become cells of :mod:`gen.power.macros`; other
    memories become flip-flops.

    Parameters
    ----------
    verilog : path-like
    top : str
    library : :class:`gen.synth.liberty.CellLibrary`
    folder : path-like
        Where the files go.
    macro_words : int
    update : callable
        Called with what is being done.

    Returns
    -------
    :class:`Netlist`

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If Yosys fails, or leaves something that is not a cell of the library.
    """
    verilog, folder, file = checked_source(verilog, top), Path(folder), quoted(library.path)
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        _run(scratch, [f"read_verilog {quoted(verilog)}", f"hierarchy -check -top {top}",
                       f"synth -run begin:fine -top {top}", select_macros(macro_words), dump_memories("memories.il"),
                       "write_rtlil coarse.il"])
        memories = read_memories(scratch / "memories.il")
        shapes = sorted({macro for cells in memories.values() for macro in cells.values() if macro.clocked},
                        key=lambda macro: macro.name)
        # With a driver and a load ABC also puts in buffers and chooses sizes.
        sizing = ""
        if library.inverter is not None:
            sizing = f" -constr drive.txt -D {_DELAY_PS}"
            (scratch / "drive.txt").write_text(
                f"set_driving_cell {library.inverter}\nset_load {_LOAD_FF} [all_outputs]\n", encoding="utf-8")
        (scratch / "macros.v").write_text(macro_cells.mapping(shapes), encoding="utf-8")
        update("mapping to gates")
        # Names without a leading underscore, which simulators hide; the same before and after the mapping.
        _run(scratch, ["read_rtlil coarse.il", "read_verilog -lib macros.v",
                       *(["techmap -map macros.v t:$mem_v2"] if shapes else []),
                       "memory_map", "opt -undriven -fine", "clean", "rename -enumerate -pattern n%",
                       # Verilog has no adders with all carries, nor sums of products.
                       "design -save mapped", "maccmap -unmap", "techmap t:$alu", "techmap t:$lcu",
                       "write_verilog -noattr registers.v", "design -load mapped", "techmap", "opt -fast",
                       f"dfflibmap -liberty {file}", f"abc -liberty {file}{sizing}", "opt_clean",
                       # Names within their module, so that the flat names are paths.
                       "rename -enumerate -pattern g%", "flatten", "opt_clean", "delete t:$scopeinfo",
                       "write_json gates.json"])
        try:
            module = json.loads((scratch / "gates.json").read_text(encoding="utf-8"))["modules"][top]
        except (OSError, ValueError, KeyError) as error:
            raise ThresherError("Yosys stopped without a message: its netlist is missing.") from error
        registers = folder / f"{top}.registers.v"
        registers.write_text((scratch / "registers.v").read_text(encoding="utf-8")
                             + "\n".join(map(macro_cells.model, shapes)), encoding="utf-8")
    cells = {name: Gate(cell["type"], {pin: bits if cell["type"].startswith("sram_") else bits[0]
                                       for pin, bits in cell["connections"].items()})
             for name, cell in module["cells"].items()}
    shapes = {macro.name: macro for macro in shapes}
    unknown = sorted({gate.kind for gate in cells.values()} - library.areas.keys() - shapes.keys())
    if unknown or not cells:
        raise ThresherError(f"Yosys left cells that are not of {library.path.name}: {', '.join(unknown[:5])}."
                            if unknown else "Yosys stopped without a message: its netlist has no cell.")
    names = {}
    for name, entry in module["netnames"].items():
        for place, bit in enumerate(entry["bits"]):
            if isinstance(bit, int):
                names.setdefault(bit, []).append((name, place))
    ports = {name: (port["direction"], port["bits"]) for name, port in module["ports"].items()}
    return Netlist(top, cells, names, ports, shapes, registers)


def _run(folder, commands):
    with Yosys(folder, commands) as yosys:
        return yosys.finish()
