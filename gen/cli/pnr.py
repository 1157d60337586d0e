"""`thresher pnr`."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from gen.cli.options import Config, Preset, Report, Sets, TopName, choose
from gen.cli.output import check_report_path, out, print_mapping, progress, write_report
from gen.errors import ThresherError

# Of the clock that a design reaches out of context: pads, bridge and the way between them cost some.
_SHARE_OF_FMAX = 0.8


def command(
    top: TopName, preset: Preset = "tiny", config: Config = None, sets: Sets = None,
    device: Annotated[str, typer.Option(
        metavar="SIZE", help="ECP5 device: 12k, 25k, 45k or 85k.")] = "85k",
    seeds: Annotated[int, typer.Option(
        metavar="N", help="Runs with different seeds; the median counts. For a board: most runs until the timing is "
                          "met.")] = 3,
    board: Annotated[str | None, typer.Option(
        metavar="NAME", show_default=False,
        help="Make a bitstream with a serial port for ulx3s-85f or colorlight-i9.")] = None,
    output: Annotated[Path | None, typer.Option(
        "--output", "-o", metavar="DIR", show_default=False, help="Folder for the bitstream.")] = None,
    clock_mhz: Annotated[float | None, typer.Option(
        metavar="MHZ", show_default=False,
        help="Clock on the board; without it, what a run out of context says.")] = None,
    baud: Annotated[int | None, typer.Option(
        metavar="N", show_default=False, help="Speed of the board's serial port; the fastest by default.")] = None,
    report: Report = None,
):
    """Place and route for ECP5 with nextpnr: clock (median and all seeds) and utilisation, or a board's bitstream."""
    from gen.emit import emit
    from gen.synth import pnr

    check_report_path(report)
    if seeds < 1:
        raise ThresherError(f"--seeds must be at least 1, not {seeds}")
    if board is None and (output, clock_mhz, baud) != (None, None, None):
        raise ThresherError("--output, --clock-mhz and --baud are for a bitstream; name a --board")
    if board is not None:
        from gen.board import find_board

        if output is None:
            raise ThresherError("--board needs a folder for the bitstream; name it with --output")
        if output.exists() and not output.is_dir():
            raise ThresherError(f"The folder for the bitstream, {output}, is a file")
        board = find_board(board)
    entry, parameters = choose(top, preset, config, sets)
    with progress(f"elaborating {top}") as update:
        if board is None or clock_mhz is None:
            with tempfile.TemporaryDirectory() as folder:
                emit(entry.build(parameters, "ecp5"), top, Path(folder), target="ecp5")
                number = seeds if board is None else 1
                update(f"synthesising, then placing and routing {top} out of context with {number} "
                       f"seed{'s' * (number != 1)}")
                result = pnr(Path(folder) / f"{top}.v", top, device=device if board is None else board.device,
                             seeds=number)
            if board is not None:
                clock_mhz = max(1, int(_SHARE_OF_FMAX * result["fmax_mhz"]))
        if board is not None:
            from gen.board import build_bitstream

            result = build_bitstream(entry.build(parameters, "ecp5"), parameters, board, clock_mhz, output, baud=baud,
                                     seeds=seeds, remedies=getattr(entry, "remedies", None), progress=update)
    result = {"top": top, "preset": preset, **result}
    write_report(report, result)
    print_mapping(out(), top, {name: value for name, value in result.items() if name != "parameters"})
