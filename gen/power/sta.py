"""Timing of a netlist with OpenSTA."""

import re
import shutil
import subprocess
from pathlib import Path

from gen.errors import ThresherError

__all__ = ["find_sta", "slowest_path", "write_netlist"]

_CONSTANTS = {"0": "1'b0", "1": "1'b1", "x": "1'b0", "z": "1'b0"}


def find_sta():
    """Path and version of OpenSTA.

    Raises
    ------
    :class:`gen.errors.ThresherError`
        It is not installed, or does not start.
    """
    path = shutil.which("sta")
    if path is None:
        raise ThresherError("Timing of gates needs OpenSTA, the program 'sta': on Debian and Ubuntu run "
                            "`apt-get install opensta`.")
    done = subprocess.run([path, "-version"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    version = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    if done.returncode or version is None:
        raise ThresherError(f"The program 'sta' at {path} is not OpenSTA, or does not start.")
    return path, version[0]


def write_netlist(netlist, path):
    """Write a netlist as structural Verilog with short names of nets; cells keep theirs."""
    nets, aliases, declarations = {}, [], []
    for name, (direction, bits) in netlist.ports.items():
        declarations.append(f"  {direction} {f'[{len(bits) - 1}:0] ' if len(bits) > 1 else ''}{name};")
        for place, net in enumerate(bits):
            text = f"{name}[{place}]" if len(bits) > 1 else name
            # A port whose net is a constant or has another port's name is joined to it.
            if isinstance(net, str):
                aliases.append(f"  assign {text} = {_CONSTANTS[net]};")
            elif net in nets:
                aliases.append(f"  assign {text} = {nets[net]};")
            else:
                nets[net] = text
    wires = []

    def name_of(net):
        if isinstance(net, str):
            return _CONSTANTS[net]
        if net not in nets:
            nets[net] = f"n{net}"
            wires.append(f"  wire n{net};")
        return nets[net]

    def pin(name, net):
        text = f"{{{', '.join(map(name_of, reversed(net)))}}}" if isinstance(net, list) else name_of(net)
        return f".{name}({text})"

    cells = [f"  {gate.kind} \\{name} ({', '.join(pin(*item) for item in gate.pins.items())});"
             for name, gate in netlist.gates.items()]
    Path(path).write_text("\n".join([f"module {netlist.top} ({', '.join(netlist.ports)});", *declarations, *wires,
                                     *aliases, *cells, "endmodule", ""]), encoding="utf-8")


def slowest_path(folder, top, verilog, libraries, period_ns, clock="clk", reset="rst"):
    """Slowest path of a netlist, with an ideal clock and no wires.

    Parameters
    ----------
    folder : path-like
        Where the script goes, ``TOP.power.tcl``.
    top : str
    verilog : path-like
    libraries : list of path-like
    period_ns : float
        Clock that the slack is of.
    clock, reset : str
        Ports; paths from the reset do not count, the layout builds a tree for it.

    Returns
    -------
    dict
        ``slack_ns``, ``delay_ns`` (period less slack), ``from`` and ``to``.

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If OpenSTA is missing, fails, or finds no path.
    """
    program, _version = find_sta()
    script = Path(folder) / f"{top}.power.tcl"
    script.write_text("\n".join([
        *(f"read_liberty {{{library}}}" for library in libraries), f"read_verilog {{{verilog}}}", f"link_design {top}",
        "set_cmd_units -time ns", f"create_clock -name clk -period {period_ns:.6f} [get_ports {clock}]",
        # Neighbours that need no time.
        "set_input_delay 0 -clock clk [all_inputs]", "set_output_delay 0 -clock clk [all_outputs]",
        f"set_false_path -from [get_ports {reset}]", "set_input_transition 0.1 [all_inputs]",
        "report_checks -path_delay max -digits 4", ""]), encoding="utf-8")
    done = subprocess.run([program, "-no_splash", "-exit", str(script)], capture_output=True, text=True,
                          errors="replace", check=False, stdin=subprocess.DEVNULL)
    log = done.stdout + done.stderr
    if errors := re.findall(r"^Error: (.*)$", log, re.MULTILINE):
        raise ThresherError(f"OpenSTA failed: {errors[0].strip().rstrip('.')}.")
    slack = re.search(r"^\s*(-?[\d.]+)\s+slack \((?:MET|VIOLATED)\)", log, re.MULTILINE)
    if slack is None:
        raise ThresherError("OpenSTA found no path from register to register."
                            if "No paths found" in log else "OpenSTA stopped without a message: it reports no path.")
    ends = {key: match[1] if (match := re.search(rf"^{key}: (\S+)", log, re.MULTILINE)) else ""
            for key in ("Startpoint", "Endpoint")}
    return {"slack_ns": float(slack[1]), "delay_ns": round(period_ns - float(slack[1]), 4),
            "from": ends["Startpoint"], "to": ends["Endpoint"]}
