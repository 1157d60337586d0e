"""What releases of Yosys make of one and the same Verilog: the reason for the version in pyproject.toml."""

import importlib.metadata
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from gen.bench.area import TOP, emitted
from gen.bench.report import table
from gen.cli.output import progress
from gen.errors import ThresherError
from gen.synth.cells import count_cells
from gen.synth.synth import PREPARE_ECP5, PRIMITIVES, SYNTH_ECP5
from gen.synth.xilinx import synth_commands
from gen.synth.yosys import Yosys, quoted

__all__ = ["VERSIONS", "install", "measure_version", "page"]

#: Releases of pyosys from 0.60 on, as PyPI has them.
VERSIONS = ("0.60", "0.61", "0.62", "0.63", "0.64", "0.65", "0.66", "0.67", "0.68", "0.69", "0.70")

#: The commands of each target, by what they are in the table.
FLOWS = {"ecp5": [*PREPARE_ECP5, f"{SYNTH_ECP5} -top {TOP}"], "xilinx": synth_commands(TOP, "xc7", flatten=True)}


def install(version, folder):
    """Install a release of pyosys into an environment of its own; returns the environment's interpreter.

    Raises
    ------
    :class:`gen.errors.ThresherError`
        pip cannot, as for a version that does not exist.
    """
    environment = Path(folder) / "venv"
    python = environment / "bin" / "python"
    for command in ([sys.executable, "-m", "venv", environment],
                    [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"pyosys=={version}"]):
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
            raise ThresherError(f"pyosys {version} cannot be installed: {lines[-1]}")
    return python


def measure_version(version, target, verilog):
    """Synthesise a Verilog file with a release of Yosys.

    Parameters
    ----------
    version : str
        Of pyosys.
    target : str
        One of :data:`FLOWS`.
    verilog : path-like

    Returns
    -------
    dict
        ``version``, ``target``, ``luts``, ``ffs``, ``dsps``, ``brams``, ``cells`` and ``seconds``; or ``version``,
        ``target`` and ``failed``, why there is no netlist.
    """
    row = {"version": version, "target": target}
    with tempfile.TemporaryDirectory() as folder:
        try:
            python = install(version, folder)
            begin = time.perf_counter()
            with Yosys(folder, [PRIMITIVES["ecp5"]] * (target == "ecp5") + [
                    f"read_verilog {quoted(verilog)}", f"hierarchy -check -top {TOP}", *FLOWS[target],
                    "tee -q -o cells.json stat -json"], python) as yosys:
                yosys.finish()
                seconds = time.perf_counter() - begin
                types = yosys.statistics("cells.json")["modules"][f"\\{TOP}"]["num_cells_by_type"]
        except ThresherError as error:
            return {**row, "failed": str(error)}
    cells = count_cells(target, types)
    return {**row, "luts": cells.luts, "ffs": cells.ffs, "dsps": cells.dsps, "brams": cells.brams,
            "cells": cells.cells, "seconds": round(seconds)}


def page(preset, rows):
    """The page ``docs/yosys-versions.md`` of rows of :func:`measure_version`."""
    pinned = importlib.metadata.version("pyosys")
    counts = {row["version"]: row["luts"] for row in rows if row["target"] == "ecp5" and "luts" in row}
    verdict = []
    if pinned in counts:
        best = min(counts, key=counts.get)
        below = 1 - counts[best] / counts[pinned]
        verdict = [f"Fewest look-up tables on ecp5: {best}, {below:.1%} below {pinned}.", ""]
    return "\n".join([
        "# Releases of Yosys", "",
        f"The Verilog of `{TOP}`, preset `{preset}`, synthesised by releases of Yosys (`pyosys` on PyPI) with the flow "
        f"of `thresher synth` and `thresher pnr`: `{FLOWS['ecp5'][-1]}`. pyproject.toml pins {pinned}. Written by "
        "`python -m gen.bench.yosys_versions`; seconds are of one machine that did other things too.", "",
        *verdict, *table(rows)]) + "\n"


def command(
    versions: Annotated[list[str] | None, typer.Argument(
        metavar="[VERSION]...", show_default=False, help=f"Releases of pyosys; {VERSIONS[0]} to {VERSIONS[-1]} when "
                                                         "none is named.")] = None,
    preset: Annotated[str, typer.Option("--preset", metavar="NAME")] = "tiny",
    targets: Annotated[list[str] | None, typer.Option(
        "--target", metavar="NAME", show_default=False, help="ecp5 (the default) or xilinx; may be repeated.")] = None,
    output: Annotated[Path | None, typer.Option(
        "--output", "-o", metavar="FILE.md", show_default=False, help="Also write the table as a page.")] = None,
):
    """Synthesise the emitted Verilog with several releases of Yosys, each installed from PyPI for the moment.

    The exit code is 1 if one of them made no netlist.
    """
    targets = list(dict.fromkeys(targets or ["ecp5"]))
    rows = []
    try:
        if unknown := [target for target in targets if target not in FLOWS]:
            raise ThresherError(f"--target must be one of {', '.join(FLOWS)}, not {unknown[0]!r}")
        with tempfile.TemporaryDirectory() as folder, progress("Yosys versions") as update:
            for target in targets:
                update(f"emitting {preset} for {target}")
                verilog, _ = emitted(preset, folder, target=target)
                for version in dict.fromkeys(versions or VERSIONS):
                    update(f"{target}: Yosys {version}")
                    rows.append(measure_version(version, target, verilog))
                    print(" ".join(f"{key}={value}" for key, value in rows[-1].items()), flush=True)
    except ThresherError as error:
        print(f"thresher: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    text = page(preset, rows)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
    if any("failed" in row for row in rows):
        raise typer.Exit(1)


def main():
    """Run the command with the arguments of the process."""
    import os

    # A system Yosys may be too old for Amaranth.
    os.environ.setdefault("AMARANTH_USE_YOSYS", "builtin")
    app = typer.Typer(add_completion=False)
    app.command()(command)
    app(prog_name="python -m gen.bench.yosys_versions")


if __name__ == "__main__":
    main()
