"""Runs the simulators' own linters over emitted Verilog."""

import os
import shutil
import subprocess
from pathlib import Path

from gen.errors import ThresherError
from gen.toolchain import verilator_environment

__all__ = ["lint"]

# Generated names, widths and initial values are as Amaranth writes them. Everything else counts,
# above all latches, combinational loops, multiply driven and undriven signals.
STYLE_ONLY = ("DECLFILENAME", "UNUSEDSIGNAL", "UNUSEDPARAM", "VARHIDDEN", "WIDTHEXPAND", "WIDTHTRUNC",
              "CASEINCOMPLETE", "CASEOVERLAP", "EOFNEWLINE", "INITIALDLY", "PROCASSINIT",
              "SYMRSVDWORD")
SECONDS = 600


def run(command, environment):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS,
                              stdin=subprocess.DEVNULL, env={**os.environ, **environment})
    except subprocess.TimeoutExpired:
        raise ThresherError(f"{Path(command[0]).name} did not end within {SECONDS} seconds") from None
    return [line for line in (done.stdout + done.stderr).splitlines() if line.strip()], done.returncode


def group(lines):
    """One text for each of Verilator's warnings: its headline and the lines that explain it."""
    findings = []
    for line in lines:
        if line.startswith("%Error: Exiting due to"):
            break
        if line.startswith("%"):
            findings.append(line)
        elif findings:
            findings[-1] += f"\n{line}"
    return findings


def lint(verilog, name, *others):
    """Lint a Verilog file with Verilator, and with Icarus where it is installed.

    Parameters
    ----------
    verilog : pathlib.Path
        The file.
    name : str
        Its top module.
    others : pathlib.Path
        Files with what it instances.

    Returns
    -------
    list of str
        Findings; empty when there are none.

    Raises
    ------
    ThresherError
        Verilator is missing, the file is, or a linter does not end.
    """
    files = (verilog, *others)
    for file in files:
        if not file.is_file():
            raise ThresherError(f"The Verilog file {file} does not exist")
    waivers = [f"-Wno-{rule}" for rule in STYLE_ONLY]
    environment = verilator_environment()
    # The search for the program itself happens in our own PATH, not in the one that it is given.
    verilator = shutil.which("verilator", path=environment.get("PATH"))
    findings, code = run([verilator, "--lint-only", "-Wall", "--no-timing", *waivers, "--top-module", name,
                          *map(str, files)], environment)
    findings = group(findings)
    if code and not findings:
        findings = [f"verilator failed with exit code {code}"]
    iverilog = shutil.which("iverilog")
    if iverilog is not None:
        lines, code = run([iverilog, "-g2005", "-Wall", "-Wno-timescale", "-t", "null", "-s", name,
                           *map(str, files)], {})
        findings += lines or ([f"iverilog failed with exit code {code}"] if code else [])
    return findings
