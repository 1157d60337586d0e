"""`thresher emit`."""

from pathlib import Path
from typing import Annotated

import typer

from gen.cli.options import Config, Preset, Report, Sets, Target, TopName, choose
from gen.cli.output import check_report_path, out, print_mapping, progress, write_report


def command(
    top: TopName,
    output: Annotated[Path, typer.Option(
        "--output", "-o", metavar="DIR", show_default=False, help="Folder to write.")],
    preset: Preset = "tiny", config: Config = None, sets: Sets = None, target: Target = "generic",
    report: Report = None,
):
    """Write Verilog, manifest, C header and Python driver, and for the target wrappers, constraints and scripts."""
    from gen.emit import emit

    check_report_path(report)
    entry, parameters = choose(top, preset, config, sets)
    with progress(f"elaborating {top}") as update:
        shell = entry.build(parameters, target)
        update(f"writing {output}")
        emit(shell, top, output, target=target)
    files = sorted(path for path in output.rglob("*") if path.is_file())
    entries = [{"file": str(path.relative_to(output)), "bytes": path.stat().st_size} for path in files]
    result = {"top": top, "preset": preset, "target": target, "directory": str(output), "files": entries}
    write_report(report, result)
    print_mapping(out(), top, result)
