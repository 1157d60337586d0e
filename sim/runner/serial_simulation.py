"""A simulated board: a top with a serial line, at a pseudo-terminal that any program opens like a real port."""

import contextlib
import tempfile
import threading
import time
from pathlib import Path

from ..bench.exchange import JOB_VARIABLE, write_job
from .cache import compile_verilog
from .errors import SimulationError, ToolError

__all__ = ["serial_simulation"]

_TEST_MODULE = "sim.bench.serial_line"
# As in `sim.bench.serial_line`, which imports cocotb.
_PORT_FILE, _STOP_FILE = "port", "stop"
_START_SECONDS = 120.0


@contextlib.contextmanager
def serial_simulation(verilog, top, divisor, *, simulator="verilator", waves=None, build_dir=None):
    """Simulate a top while the body of the ``with`` runs.

    Parameters
    ----------
    verilog : Path
        Self-contained Verilog of a top with the ports ``clk``, ``rst``, ``uart_rx`` and ``uart_tx``.
    top : str
        Name of the top module.
    divisor : int
        Cycles of a bit of the line.
    simulator : str
        ``"verilator"`` or ``"icarus"``.
    waves : Path, optional
        FST file to write.
    build_dir : Path, optional
        Cache of compiled simulations, see `compile_verilog`.

    Yields
    ------
    str
        Name of the pseudo-terminal, such as ``/dev/pts/3``; the speed it is opened with does not matter.

    Raises
    ------
    SimulatorMissing, CompileError
        Before the simulation.
    SimulationError
        If the simulator ends before the body does.
    """
    from .backends import backend

    waves = Path(waves).resolve() if waves else None
    directory, _seconds = compile_verilog(verilog, top, simulator, waves=waves is not None, build_dir=build_dir)
    with tempfile.TemporaryDirectory(prefix="thresher-") as scratch:
        scratch = Path(scratch)
        write_job(scratch, {"divisor": divisor}, [])
        variables = {JOB_VARIABLE: str(scratch), "COCOTB_LOG_LEVEL": "WARNING", "GPI_LOG_LEVEL": "ERROR",
                     "COCOTB_REWRITE_ASSERTION_FILES": ""}
        runner = backend(simulator, variables=variables, waves=waves is not None)
        options = {}
        if waves is not None:
            options = runner.run_options(waves)
            waves.parent.mkdir(parents=True, exist_ok=True)

        def run():
            with contextlib.suppress(ToolError, SystemExit):
                runner.test(test_module=_TEST_MODULE, hdl_toplevel=top, hdl_toplevel_lang="verilog",
                            build_dir=directory, test_dir=scratch, results_xml=str(scratch / "results.xml"),
                            log_file=scratch / "run.log", **options)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield _port(scratch, thread)
            if not thread.is_alive():
                raise SimulationError(f"{simulator} ended too early:\n{_log(scratch)}")
        finally:
            (scratch / _STOP_FILE).touch()
            thread.join()


def _port(scratch, thread):
    end = time.monotonic() + _START_SECONDS
    while not (scratch / _PORT_FILE).exists():
        if not thread.is_alive() or time.monotonic() > end:
            raise SimulationError(f"the simulation did not start:\n{_log(scratch)}")
        time.sleep(0.02)
    return (scratch / _PORT_FILE).read_text(encoding="utf-8")


def _log(scratch):
    log = scratch / "run.log"
    return "\n".join(log.read_text(errors="replace").splitlines()[-25:]) if log.exists() else "no log"
