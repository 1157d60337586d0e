"""A simulated board: the accelerator behind its serial line, as a bitstream has it, without its clock."""

import contextlib
import tempfile
from pathlib import Path

from gen.emit.emission import emit_verilog
from hw.bridge import BridgedShell
from sim.host.serial_transport import SerialTransport
from sim.runner.serial_simulation import serial_simulation

__all__ = ["simulated_board"]

# A byte takes 10 bits of so many cycles each: few, so that little is simulated.
_DIVISOR = 4
# A simulated second takes long.
_TIMEOUT_SECONDS, _PATIENCE_SECONDS = 60.0, 600.0


@contextlib.contextmanager
def simulated_board(shell, *, simulator="verilator"):
    """Simulate a shell and its bridge, and reach it with the transport of a board, through a pseudo-terminal.

    Parameters
    ----------
    shell : :class:`hw.shell.Shell`
        In its generic form.
    simulator : str

    Yields
    ------
    :class:`sim.host.serial_transport.SerialTransport`
    """
    name = f"{shell.name}_uart"
    with tempfile.TemporaryDirectory() as folder:
        verilog = Path(folder) / f"{name}.v"
        verilog.write_text(emit_verilog(BridgedShell(shell, _DIVISOR), name)[0], encoding="utf-8")
        with serial_simulation(verilog, name, _DIVISOR, simulator=simulator) as port:
            transport = SerialTransport(port, timeout=_TIMEOUT_SECONDS, patience=_PATIENCE_SECONDS)
            try:
                yield transport
            finally:
                transport.close()
