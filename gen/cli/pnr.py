"""`thresher pnr`."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from gen.cli.options import Config, Preset, Report, Sets, TopName, choose
from gen.cli.output import check_report_path, out, print_mapping, progress, write_report
from gen.errors import ThresherError


def command(
    top: TopName, preset: Preset = "tiny", config: Config = None, sets: Sets = None,
    device: Annotated[str, typer.Option(
        metavar="SIZE", help="ECP5 device: 12k, 25k, 45k or 85k.")] = "85k",
    seeds: Annotated[int, typer.Option(
        metavar="N", help="Runs with different seeds; the median counts.")] = 3,
    report: Report = None,
):
    """Place and route for ECP5 with nextpnr: clock (median and all seeds) and utilisation."""
    from gen.emit import emit
    from gen.synth import pnr

    check_report_path(report)
    if seeds < 1:
        raise ThresherError(f"--seeds must be at least 1, not {seeds}")
    entry, parameters = choose(top, preset, config, sets)
    with progress(f"elaborating {top}") as update, tempfile.TemporaryDirectory() as folder:
        emit(entry.build(parameters, "ecp5"), top, Path(folder), target="ecp5")
        update(f"synthesising, then placing and routing {top} with {seeds} seeds")
        result = pnr(Path(folder) / f"{top}.v", top, device=device, seeds=seeds)
    result = {"top": top, "preset": preset, **result}
    write_report(report, result)
    print_mapping(out(), top, result)
