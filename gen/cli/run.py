"""`thresher run`."""

from typing import Annotated

import typer

from gen.cli.options import (
    Causal,
    Config,
    FromTokens,
    Input,
    Keep,
    Output,
    Policy,
    Preset,
    Report,
    Sets,
    TopName,
    choose,
)
from gen.cli.output import check_report_path, out, print_mapping, progress, write_report
from gen.errors import ThresherError

_SIMULATED = "simulated"


def command(
    top: TopName,
    port: Annotated[str, typer.Option(
        metavar="PORT", show_default=False,
        help="Serial port of the board, as /dev/ttyUSB0, or any URL of pyserial; `simulated` simulates board and "
             "line.")],
    preset: Preset = "tiny", config: Config = None, sets: Sets = None, report: Report = None,
    baud: Annotated[int, typer.Option(
        metavar="N", help="Speed of the serial port: that of the bitstream.")] = 1_000_000,
    input: Input = None, output: Output = None, keep: Keep = None, causal: Causal = False, policy: Policy = None,
    from_tokens: FromTokens = False,
):
    """Run tensors on a board that `pnr --board` made the bitstream of, and compare every bit with the golden model.

    The parameters have to be those of the bitstream: `--config NAME_BOARD.toml`. The exit code is 1 when a bit differs.
    """
    from gen.simulation import SimulationOptions
    from sim.host.serial_transport import SerialTransport, TransportError

    check_report_path(report)
    if baud < 1:
        raise ThresherError(f"--baud must be at least 1, not {baud}")
    options = SimulationOptions(input=input, output=output, keep=keep, causal=causal, policy=policy,
                                from_tokens=from_tokens)
    entry, parameters = choose(top, preset, config, sets)
    if not hasattr(entry, "run"):
        raise ThresherError(f"The top {top} does not run on boards")
    try:
        if port == _SIMULATED:
            from gen.board.simulated import simulated_board

            with progress(f"compiling and simulating {top} and its serial line"), \
                    simulated_board(entry.build(parameters)) as transport:
                result = entry.run(parameters, options, transport, "generic")
        else:
            transport = SerialTransport(port, baud=baud)
            try:
                with progress(f"running {top} on {port}"):
                    result = entry.run(parameters, options, transport)
            finally:
                transport.close()
    except TransportError as error:
        raise ThresherError(str(error)) from error
    result = {**result, "preset": preset, "port": port}
    write_report(report, result)
    print_mapping(out(), top, result)
    if not result["bit_exact"]:
        raise typer.Exit(1)
