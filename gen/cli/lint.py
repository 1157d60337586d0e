"""`thresher lint`."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from gen.cli.options import Preset, Report, find_top
from gen.cli.output import check_report_path, out, print_mapping, progress, write_report


def command(
    names: Annotated[list[str] | None, typer.Argument(
        metavar="[TOP]...", show_default=False, help="Accelerators to lint; all when none is named.")] = None,
    preset: Preset = "tiny", report: Report = None,
):
    """Lint the emitted Verilog with Verilator and Icarus; the exit code is 1 when there are findings."""
    from gen.emit import emit
    from gen.lint import lint
    from gen.tops.registry import resolve, tops

    check_report_path(report)
    result = {"preset": preset, "clean": True, "tops": []}
    for name in names or tops():
        entry = find_top(name)
        with progress(f"linting {name}"), tempfile.TemporaryDirectory() as folder:
            emit(entry.build(resolve(name, preset, None, [])), name, Path(folder), target="generic")
            findings = lint(Path(folder) / f"{name}.v", name)
        result["tops"].append({"top": name, "findings": len(findings)})
        result["clean"] &= not findings
        for line in findings:
            print(line)
    write_report(report, result)
    print_mapping(out(), "lint", result)
    if not result["clean"]:
        raise typer.Exit(1)
