"""A bitstream of an accelerator for a board."""

import dataclasses
import json
import tempfile
from pathlib import Path

from gen.board.boards import PORTS
from gen.board.pll import pll_settings
from gen.board.top import BoardTop
from gen.emit.driver import python_driver
from gen.emit.emission import emit_verilog
from gen.emit.manifest import Manifest
from gen.emit.serial_transport import serial_transport
from gen.emit.write import write_files
from gen.errors import ThresherError
from gen.synth.cells import count_cells
from gen.synth.pnr import (
    netlist,
    place_and_route,
    reached_mhz,
    require_nextpnr,
    run_nextpnr,
    run_tool,
    tools,
    used_cells,
)
from hw.bridge import MIN_DIVISOR
from hw.shell import TRAILER_MARKER

__all__ = ["CAPACITY", "board_constraints", "build_bitstream", "check_fit", "choose_baud", "emit_board"]

#: Look-up tables, block memories and multipliers of each device, as nextpnr counts them.
CAPACITY = {
    "25k": {"luts": 24288, "brams": 56, "dsps": 28},
    "45k": {"luts": 43848, "brams": 108, "dsps": 72},
    "85k": {"luts": 83640, "brams": 208, "dsps": 156},
}

_RESOURCES = {"luts": "look-up tables", "brams": "block memories", "dsps": "multipliers"}
# A byte is sampled up to 9.5 bits behind its start: 1 % of error is a tenth of a bit, the other end may add its own.
_BAUD_ERROR = 0.01
# So that a bit has enough samples for the middle to be found.
_LEAST_DIVISOR = 2 * MIN_DIVISOR


def choose_baud(board, clock_mhz, baud=None):
    """Speed of the serial line and cycles of a bit.

    Parameters
    ----------
    board : :class:`gen.board.boards.Board`
    clock_mhz : float
    baud : int or None
        None takes the fastest of the board that the clock divides to within 1 %.

    Returns
    -------
    tuple of (int, int)
        Bits a second, and cycles of a bit.

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If the clock does not divide to the speed.
    """
    for candidate in board.bauds if baud is None else (baud,):
        exact = float(clock_mhz) * 1e6 / candidate if candidate > 0 else 0.0
        divisor = round(exact)
        if divisor >= _LEAST_DIVISOR and abs(divisor / exact - 1) <= _BAUD_ERROR:
            return candidate, divisor
    wanted = f"{baud} baud" if baud is not None else f"any speed of the board's serial port ({board.bauds[0]} or less)"
    raise ThresherError(f"A clock of {float(clock_mhz):g} MHz does not divide to {wanted} within "
                        f"{_BAUD_ERROR:.0%} and with {_LEAST_DIVISOR} cycles a bit; choose another clock or --baud.")


def board_constraints(board):
    """Text of the LPF file: sites, pads and the oscillator's frequency."""
    lines = []
    pins = {port: board.pins[port] for port in PORTS} | board.high
    for port, (site, attributes) in pins.items():
        pad = " ".join(f"{name}={value}" for name, value in attributes.items())
        lines += [f'LOCATE COMP "{port}" SITE "{site}";', f'IOBUF PORT "{port}" {pad};']
    lines.append(f'FREQUENCY PORT "clk" {board.clock_mhz:g} MHZ;')
    return "\n".join(lines) + "\n"


def emit_board(shell, board, clock_mhz, baud=None):
    """Verilog of an accelerator for a board.

    Returns
    -------
    tuple of (str, str, :class:`gen.board.pll.PllSettings`, int)
        Name of the top, its Verilog, the clock, and the speed of the serial line.

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If the clock or the speed cannot be made.
    """
    pll = pll_settings(board.clock_mhz, clock_mhz)
    baud, divisor = choose_baud(board, pll.mhz, baud)
    name = f"{shell.name}_{board.identifier}"
    top = BoardTop(shell, pll, divisor, high=tuple(board.high), led_low=board.led_low)
    verilog, _modules = emit_verilog(top, name, target="ecp5")
    return name, verilog, pll, baud


def check_fit(counts, board, remedies=None):
    """Refuse a design that is too large.

    Parameters
    ----------
    counts : dict of str to int
        ``luts``, ``brams`` and ``dsps`` that it takes.
    board : :class:`gen.board.boards.Board`
    remedies : dict of str to str or None
        What to lower for each kind.

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If one of them is more than the device has: says which, and what to do.
    """
    capacity = CAPACITY[board.device]
    over = [kind for kind in capacity if counts[kind] > capacity[kind]]
    if not over:
        return
    shares = {kind: f"{counts[kind]} of {capacity[kind]} {_RESOURCES[kind]}" for kind in capacity}
    takes = ", ".join(shares[kind] for kind in over)
    others = ", ".join(shares[kind] for kind in capacity if kind not in over)
    lower = " and ".join(dict.fromkeys(remedies[kind] for kind in over if remedies and kind in remedies))
    raise ThresherError(f"The design does not fit the {board.part} of {board.name}: it takes {takes}"
                        + (f" (and {others})" if others else "")
                        + (f"; lower {lower} with --set" if lower else "") + ", or take the preset tiny.")


def build_bitstream(shell, parameters, board, clock_mhz, directory, *, baud=None, seeds=1, remedies=None,
                    progress=lambda text: None):
    """Make the bitstream and what goes with it.

    Writes ``NAME_BOARD`` with the endings ``.bit``, ``.svf``, ``.lpf``, ``.v``, ``.toml`` (all parameters, for
    ``thresher run --config``), ``.json`` (the report) and ``.txt`` (how to load and run it), and the driver
    ``NAME_driver.py`` with its transport ``NAME_serial.py``; all of them or none.

    Parameters
    ----------
    shell : :class:`hw.shell.Shell`
        Built for ECP5.
    parameters : dataclass
        Those of the top, as the user chose them.
    board : :class:`gen.board.boards.Board`
    clock_mhz : float
    directory : path-like
    baud : int or None
        See :func:`choose_baud`.
    seeds : int
        Runs of nextpnr to try until one meets the timing.
    remedies : dict of str to str or None
        See :func:`check_fit`.
    progress : callable
        Called with what is being done.

    Returns
    -------
    dict
        The report.

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If the design does not fit, its timing is not met, or a tool fails.
    """
    require_nextpnr()
    progress(f"emitting {shell.name} for {board.name}")
    name, verilog, pll, baud = emit_board(shell, board, clock_mhz, baud)
    constraints = board_constraints(board)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "design.v").write_text(verilog, encoding="utf-8")
        (path / "design.lpf").write_text(constraints, encoding="utf-8")
        progress("synthesising")
        types = netlist(path, path / "design.v", name)
        cells = count_cells("ecp5", types)
        counts = {"luts": cells.luts, "ffs": cells.ffs, "brams": cells.brams, "dsps": cells.dsps}
        check_fit(counts, board, remedies)
        how = place_and_route(path, board.device, types)
        seed, report = _place(path, board, float(pll.mhz), seeds, how, progress)
        progress("packing the bitstream")
        bitstream, svf = _pack(path)

    result = {
        "top": shell.name, "board": board.name, "device": board.part, "clock_mhz": float(pll.mhz),
        "fmax_mhz": reached_mhz(report), "seed": seed, "baud": baud,
        "pll": {"input": pll.input, "feedback": pll.feedback, "loop": pll.loop, "output": pll.output,
                "vco_mhz": float(pll.vco_mhz)},
        **counts, "utilisation": used_cells(report), "parameters": dataclasses.asdict(parameters), "tool": tools(),
    }
    files = {
        f"{name}.v": verilog, f"{name}.lpf": constraints, f"{name}.svf": svf, f"{name}.bit": bitstream,
        f"{name}.toml": _toml(parameters),
        f"{name}.json": json.dumps(result, indent=2) + "\n",
        f"{name}.txt": _instructions(shell, board, name, result),
        f"{shell.name}_driver.py": python_driver(Manifest.of(shell, verilog, [], target="ecp5", files=[]),
                                                 TRAILER_MARKER),
        f"{shell.name}_serial.py": serial_transport(shell.name, baud),
    }
    write_files(directory, files, last=f"{name}.bit")
    return {**result, "files": sorted(files)}


def _place(folder, board, clock_mhz, seeds, how, progress):
    """Place and route with one seed after the other until the timing is met; returns the seed and its report."""
    reached = []
    for seed in range(1, seeds + 1):
        progress(f"placing and routing with seed {seed}")
        report = run_nextpnr(folder, [
            f"--{board.device}", "--package", board.package, "--speed", str(board.speed), "--seed", str(seed),
            "--lpf", "design.lpf", *how, "--json", "design.json", "--textcfg", "design.config",
            "--timing-allow-fail",
        ], "report.json", f"seed {seed}")
        if not report["fmax"]:
            raise ThresherError("nextpnr reports no clock.")
        if all(clock["achieved"] >= clock["constraint"] for clock in report["fmax"].values()):
            return seed, report
        # All run on one clock, but what the oscillator drives itself.
        reached.append(min(clock["achieved"] / clock["constraint"] for clock in report["fmax"].values()) * clock_mhz)
    best = max(reached)
    raise ThresherError(f"The timing is not met at {clock_mhz:g} MHz: nextpnr reaches {best:.2f} MHz with "
                        f"{'the best of ' if seeds > 1 else ''}{seeds} seed{'s' * (seeds > 1)}; choose --clock-mhz "
                        f"{int(best * 0.97)} or less, or more --seeds.")


def _pack(folder):
    """Bitstream and SVF of ``design.config``."""
    done = run_tool(folder, "_run_ecppack_argv",
                    ["design.config", "design.bit", "--svf", "design.svf", "--compress"])
    bit, svf = folder / "design.bit", folder / "design.svf"
    if done.returncode or not bit.is_file() or not svf.is_file() or not bit.stat().st_size:
        message = (done.stderr or done.stdout).strip().splitlines()
        raise ThresherError(f"ecppack failed: {message[-1] if message else f'exit code {done.returncode}'}.")
    return bit.read_bytes(), svf.read_text(encoding="utf-8")


def _toml(parameters):
    """All parameters as a configuration."""
    # Numbers, booleans and plain texts read the same in JSON and in TOML.
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in dataclasses.asdict(parameters).items())


def _instructions(shell, board, name, result):
    load = "\n".join(f"    {command.format(bit=f'{name}.bit')}" for command in board.load)
    return f"""{shell.name} {shell.version} for {board.title}: {result["clock_mhz"]:g} MHz, {result["baud"]} baud

Load it with one of these (it is gone when the board loses power):

{load}

{name}.svf is the same for a JTAG player. The light blinks when the clock runs. Then run heads on it, and compare every
bit with the model:

    thresher run {shell.name} --config {name}.toml --port {board.port} --baud {result["baud"]}

or drive it from a program of yours, which needs Python and pyserial only:

    from {shell.name}_driver import Device
    from {shell.name}_serial import SerialTransport

    device = Device(SerialTransport("{board.port}"))
"""
