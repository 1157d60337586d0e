"""`thresher power`."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from gen.cli.options import (
    Config,
    FromTokens,
    Input,
    Keep,
    Mode,
    Preset,
    Report,
    Sets,
    Simulator,
    TopName,
    choose,
)
from gen.cli.output import check_report_path, out, print_mapping, progress, write_report
from gen.errors import ThresherError


def command(
    top: TopName, preset: Preset = "tiny", config: Config = None, sets: Sets = None,
    input: Input = None,
    liberty: Annotated[Path | None, typer.Option(
        metavar="FILE.lib", show_default=False, help="Cell library; else one that is installed.")] = None,
    clock_mhz: Annotated[float | None, typer.Option(
        metavar="F", show_default=False, help="Clock of the power; else what the slowest path allows.")] = None,
    keep: Keep = None, from_tokens: FromTokens = False, mode: Mode = None,
    simulator: Simulator = "verilator",
    sram: Annotated[Path | None, typer.Option(
        metavar="FILE.toml", show_default=False, help="Figures of your memories, over those of the model.")] = None,
    report: Report = None,
):
    """Clock, power and energy as ASIC gates, from the switching of a real workload."""
    from gen.simulation import SimulationOptions

    check_report_path(report)
    options = SimulationOptions(simulator=simulator, input=input, keep=keep, from_tokens=from_tokens, mode=mode)
    entry, parameters = choose(top, preset, config, sets)
    if not hasattr(entry, "measure"):
        raise ThresherError(f"The top {top} has no workload for power yet")

    from gen.emit import emit
    from gen.power import power
    from gen.power.power import checked_library
    from gen.power.sta import find_sta

    # What is missing is said before minutes of work.
    find_sta()
    checked_library(liberty)
    with progress(f"elaborating {top}") as update, tempfile.TemporaryDirectory() as folder:
        emit(entry.build(parameters, "asic"), top, Path(folder), target="asic")
        update("synthesising")
        result = power(Path(folder) / f"{top}.v", top,
                       lambda verilog, waves: entry.measure(parameters, options, verilog, waves),
                       liberty=liberty, clock_mhz=clock_mhz, sram=sram, update=update)
    result = {"top": top, "preset": preset, **result}
    write_report(report, result)
    print_mapping(out(), top, result)
