"""The netlist that place and route takes, as Verilog that Icarus simulates."""

import dataclasses
import functools
import importlib.metadata
import importlib.util
import json
import re
import tempfile
from pathlib import Path

from gen.emit.cache import cache_place
from gen.emit.write import write_files
from gen.errors import ThresherError
from gen.synth.pnr import netlist
from gen.synth.synth import PREPARE_ECP5, PRIMITIVES, SYNTH_ECP5
from gen.synth.yosys import checked_source

__all__ = ["ECP5_BLOCKS", "SimulatedNetlist", "cell_models", "simulated_netlist"]

#: Behaviour of DP16KD and MULT18X18D, which Yosys does not have.
ECP5_BLOCKS = Path(__file__).with_name("ecp5_blocks.v")

_LOGIC = ("LUT2", "LUT4", "CCU2C", "PFUMX", "L6MUX21", "TRELLIS_DPR16X4")
_FLIP_FLOP = "TRELLIS_FF"
_NETLIST, _CELLS = "netlist.v", "cells.json"

# Icarus needs minutes for what is connected to a clock by a port of a cell, and for wide vectors whose bits are driven
# one by one. So Yosys's model of the flip-flop is put in its place, and vectors are split.
_PREPARE = (f"read_verilog -overwrite {_FLIP_FLOP}.v", "hierarchy -check -top {top}", "proc", "flatten",
            "opt_clean -purge", "splitnets", f"write_verilog -noattr {_NETLIST}")


@dataclasses.dataclass(frozen=True)
class SimulatedNetlist:
    """A Verilog file with netlist and models, and the number of cells of each type."""

    verilog: Path
    cells: dict


def simulated_netlist(verilog_path, top):
    """Synthesise a Verilog file for ECP5 as place and route does, or find it synthesised.

    What is written holds the cells of the netlist, Yosys's own models of those that it has (the flip-flops already put
    in their place), and :data:`ECP5_BLOCKS`. Results are kept in the cache, by the text of the source and the version
    of Yosys.

    Parameters
    ----------
    verilog_path : path-like
    top : str

    Returns
    -------
    SimulatedNetlist

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If Yosys fails, or the netlist has a cell without a model.
    """
    source = checked_source(verilog_path, top)
    version = importlib.metadata.version("pyosys")
    folder = cache_place("netlist", top, version, PREPARE_ECP5, SYNTH_ECP5, _PREPARE, _LOGIC, source.read_bytes(),
                         ECP5_BLOCKS.read_bytes())
    if not (folder / _CELLS).is_file():
        _synthesise(source, top, folder)
    return SimulatedNetlist(folder / f"{top}.v", json.loads((folder / _CELLS).read_text(encoding="utf-8")))


def _synthesise(source, top, folder):
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        (work / f"{_FLIP_FLOP}.v").write_text(cell_models((_FLIP_FLOP,)), encoding="utf-8")
        types = netlist(work, source, top, then=[
            f"select -module {top}", "write_rtlil -selected netlist.il", "design -reset", "read_rtlil netlist.il",
            PRIMITIVES["ecp5"], *(command.format(top=top) for command in _PREPARE)])
        cells = {kind: number for kind, number in sorted(types.items()) if not kind.startswith("$")}
        blocks = ECP5_BLOCKS.read_text(encoding="utf-8")
        known = {*_LOGIC, _FLIP_FLOP, *re.findall(r"^module (\w+)", blocks, re.MULTILINE)}
        if unknown := sorted(cells.keys() - known):
            raise ThresherError(f"The netlist of {top!r} has cells without a model: {', '.join(unknown)}.")
        if not (work / _NETLIST).is_file():
            raise ThresherError("Yosys stopped without a message: its netlist is missing.")
        text = "\n".join([(work / _NETLIST).read_text(encoding="utf-8"), cell_models(_LOGIC), blocks])
    write_files(folder, {f"{top}.v": text, _CELLS: json.dumps(cells)}, last=_CELLS)


@functools.cache
def cell_models(names):
    """Verilog of cells of the ECP5 as Yosys ships it.

    Parameters
    ----------
    names : tuple of str

    Returns
    -------
    str

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If Yosys is missing, or has no model of a cell.
    """
    spec = importlib.util.find_spec("pyosys")
    if spec is None:
        raise ThresherError("Synthesis needs the Python package pyosys: run `pip install pyosys`.")
    share = Path(spec.submodule_search_locations[0]) / "share" / "ecp5"
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(share.glob("*_sim.v*")))
    found = {name: re.search(rf"^module {name}\s*\(.*?^endmodule$", text, re.MULTILINE | re.DOTALL) for name in names}
    if missing := [name for name, match in found.items() if match is None]:
        raise ThresherError(f"Yosys has no model of {', '.join(missing)} in {str(share)!r}.")
    # Delays: no simulator here reads them, and not all know the syntax.
    return "\n\n".join(re.sub(r"^\s*specify$.*?^\s*endspecify$\n", "", match[0], flags=re.MULTILINE | re.DOTALL)
                       for match in found.values())
