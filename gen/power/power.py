"""Clock, power and energy of a design as gates, under a real workload."""

import importlib.metadata
import tempfile
from pathlib import Path

import numpy as np

from gen.errors import ThresherError
from gen.power import macros as macro_cells
from gen.power.activity import evaluate
from gen.power.cells import read_cells, read_units
from gen.power.energy import cell_energies
from gen.power.netlist import map_to_gates
from gen.power.sta import find_sta, slowest_path, write_netlist
from gen.power.trace import read_trace
from gen.synth.liberty import CellLibrary
from gen.synth.sram import load_sram_model
from gen.synth.synth import DEFAULT_LIBERTY, MACRO_WORDS

__all__ = ["LEAST_KNOWN", "power"]

#: Share of the nets whose switching must be known for an answer.
LEAST_KNOWN = 0.98

# Levels of the hierarchy that the table of powers shows.
_LEVELS = 2


def checked_library(liberty):
    """The library, which must have timing and power; None is :data:`DEFAULT_LIBERTY`.

    Raises
    ------
    :class:`gen.errors.ThresherError`
        There is none, or it has no timing, power or supply voltage.
    """
    if liberty is None:
        if not DEFAULT_LIBERTY.is_file():
            raise ThresherError("Power needs a cell library: give one with --liberty FILE.lib, or on Debian and Ubuntu "
                                "run `apt-get install qflow-tech-osu018`.")
        liberty = DEFAULT_LIBERTY
    library = CellLibrary(liberty)
    missing = [what for what, found in (("delays", library.has_timing), ("energies", library.has_power),
                                        ("nominal voltage", library.voltage)) if not found]
    if missing:
        raise ThresherError(f"{library.path.name} cannot tell power: it has no {' and no '.join(missing)}.")
    return library


def power(verilog, top, simulate, *, liberty=None, clock_mhz=None, macro_words=MACRO_WORDS, sram=None,
          update=lambda message: None):
    """Map a design to gates, run a workload, and add up the energy of what switches.

    Parameters
    ----------
    verilog : path-like
    top : str
    simulate : callable
        Of a Verilog file and the path of a waveform to write: runs the workload, and returns a dict with ``macs``
        (useful multiply-accumulates), ``rows``, ``cycles`` and ``bit_exact``, and what else belongs in the report.
    liberty : path-like or None
    clock_mhz : float or None
        Clock that the power is given at; None is what the slowest path allows.
    macro_words : int
        Memories from this depth on are macros.
    sram : path-like or None
        TOML file over the shipped model of memories.
    update : callable
        Called with what is being done.

    Returns
    -------
    dict
        ``clock_mhz``, ``fmax_mhz``, ``meets_clock``, ``slowest_path``, ``power_mw`` (``clock``, ``internal``,
        ``switching``, ``leakage``, ``sram``, ``total``), ``energy_per_cycle_pj``, ``energy_nj``, ``energy_per_mac_pj``,
        ``energy_per_row_nj``, ``macs``, ``rows``, ``cycles``, ``activity``, ``modules``, ``macros``, ``macro_model``,
        ``how`` and ``tool``.

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If a tool or the library is missing or not usable, the hardware fails, the gates disagree with the registers
        that they were made from, or too few nets are known.
    """
    if clock_mhz is not None and not 0 < clock_mhz < 1e5:
        raise ThresherError(f"Clock must be a positive number of megahertz, not {clock_mhz!r}.")
    library, model = checked_library(liberty), load_sram_model(sram)
    _program, sta_version = find_sta()
    units, node = read_units(library), model.node(library)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        netlist = map_to_gates(verilog, top, library, folder, macro_words, update)
        cells = read_cells(library, {gate.kind for gate in netlist.gates.values()} - netlist.macros.keys(), units)
        update("timing")
        memories, gates = folder / "memories.lib", folder / f"{top}.gates.v"
        memories.write_text(macro_cells.liberty(netlist.macros.values(), model, node, units), encoding="utf-8")
        write_netlist(netlist, gates)
        path = slowest_path(folder, top, gates, [library.path, *([memories] if netlist.macros else [])],
                            1e3 / (clock_mhz or 100.0))
        path |= {key: _register(netlist, cells, path[key]) for key in ("from", "to")}
        update("simulating the registers")
        waves = folder / "waves.fst"
        workload = simulate(netlist.registers, waves)
        update("computing every net")
        activity = evaluate(netlist, cells, read_trace(waves, top))
    _refuse_doubt(activity)
    energies = cell_energies(netlist, cells, units, library.voltage, activity, model.input_farads(node))
    accesses = {name: (reads * model.read_pj(netlist.macros[netlist.gates[name].kind], node)
                       + writes * model.write_pj(netlist.macros[netlist.gates[name].kind], node)) * 1e-12
                / activity.cycles for name, (reads, writes) in activity.accesses.items()}
    fmax = 1e3 / path["delay_ns"]
    clock = clock_mhz or fmax
    dynamic = {"clock": energies.clock.sum(), "internal": energies.internal.sum(),
               "switching": energies.switching.sum(), "sram": sum(accesses.values())}
    milliwatts = {key: value * clock * 1e6 * 1e3 for key, value in dynamic.items()}
    milliwatts["leakage"] = energies.leakage.sum() * 1e3
    milliwatts["total"] = sum(milliwatts.values())
    per_cycle = milliwatts["total"] * 1e-3 / (clock * 1e6)
    total = per_cycle * workload["cycles"]
    return {
        "clock_mhz": round(clock, 2), "fmax_mhz": round(fmax, 2), "meets_clock": clock <= fmax * 1.000001,
        "slowest_path": path,
        "power_mw": {key: float(f"{value:.4g}") for key, value in milliwatts.items()},
        "energy_per_cycle_pj": round(per_cycle * 1e12, 2), "energy_nj": round(total * 1e9, 2),
        "energy_per_mac_pj": round(total / workload["macs"] * 1e12, 2),
        "energy_per_row_nj": round(total / workload["rows"] * 1e9, 3),
        **workload,
        "activity": {
            "nets_known": round(activity.known, 5), "simulated_cycles": activity.cycles,
            "toggles_per_net_and_cycle": round(float(np.mean([rate for rate, _ in activity.toggles.values()])), 5),
            "flip_flops": activity.flip_flops, "flip_flops_in_waveform": activity.traced,
            "flip_flops_checked": activity.checked, "flip_flops_that_differ": activity.wrong},
        "modules": _by_module(energies, accesses, clock),
        "macros": _macros(netlist, activity, model, node, library),
        "macro_model": model.about(node),
        "how": f"gates of {library.path.name} at {library.voltage:g} V, mapped module by module; the design with these "
               "registers was simulated on the workload, and every net of the gates computed from them in every cycle. "
               "Counted: cells by the library's tables, loads of cell inputs, clock inputs of flip-flops, leakage, "
               "memories by the model. Not counted: wires, the clock tree, glitches, pads, leakage of memories. No "
               "clock is gated. energy: power over the cycles from the first input word to the last output word",
        "tool": {"name": "opensta", "version": sta_version, "yosys": importlib.metadata.version("pyosys")},
    }


def _register(netlist, cells, name):
    """The register that a flip-flop holds a bit of; other ends of a path keep their name."""
    gate = netlist.gates.get(name)
    if gate is None or gate.kind in netlist.macros:
        return name
    for pin in cells[gate.kind].outputs:
        for signal, bit in netlist.names.get(gate.pins.get(pin), ()):
            return f"{signal}[{bit}]"
    return name


def _refuse_doubt(activity):
    if activity.wrong:
        raise ThresherError(f"The gates disagree with the registers they were made from: {activity.wrong} of "
                            f"{activity.checked} flip-flops take other values on this workload.")
    if activity.known < LEAST_KNOWN:
        raise ThresherError(f"The switching of only {activity.known:.1%} of the nets is known, and at least "
                            f"{LEAST_KNOWN:.0%} must be.")


def _by_module(energies, accesses, clock_mhz):
    """Milliwatts below each instance of the upper levels, largest first."""
    sums = {}
    dynamic = energies.clock + energies.internal + energies.switching
    parts = {"clock": energies.clock, "logic": dynamic - energies.clock}
    for index, name in enumerate(energies.names):
        row = sums.setdefault(_place(name), dict.fromkeys((*parts, "sram"), 0.0))
        for key, column in parts.items():
            row[key] += column[index]
    for name, joules in accesses.items():
        sums.setdefault(_place(name), dict.fromkeys((*parts, "sram"), 0.0))["sram"] += joules
    table = [{"instance": place, **{f"{key}_mw": float(f"{value * clock_mhz * 1e9:.4g}") for key, value in row.items()},
              "total_mw": float(f"{sum(row.values()) * clock_mhz * 1e9:.4g}")} for place, row in sums.items()]
    return sorted(table, key=lambda row: -row["total_mw"])


def _place(name):
    """Path of the instance that a cell is in, of no more than the upper levels."""
    return ".".join(name.split(".")[:-1][:_LEVELS + 1]) or "(top)"


def _macros(netlist, activity, model, node, library):
    return [{"instance": name, "words": macro.words, "width": macro.width, "reads": activity.accesses[name][0],
             "writes": activity.accesses[name][1], **model.figures(macro, node, library)}
            for name, macro in sorted((name, netlist.macros[netlist.gates[name].kind]) for name in activity.accesses)]
