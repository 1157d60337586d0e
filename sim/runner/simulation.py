"""Run a Verilog top on packets."""

import contextlib
import secrets
import sys
import tempfile
import time
from pathlib import Path

from ..bench.exchange import CUT_SHORT, JOB_VARIABLE, read_outcome, read_progress, write_job, write_rows
from ..bench.script import encode_script
from .cache import compile_verilog
from .errors import ProtocolError, SimulationError, SimulationHang, ToolError
from .result import RegisterRead, SimulationResult

__all__ = ["simulate"]

_TEST_MODULE = "sim.bench.packets"


def _check_packets(packets, bus_width):
    if bus_width < 8 or bus_width % 8:
        raise ValueError(f"bus_width must be a positive multiple of 8, not {bus_width!r}")
    for number, packet in enumerate(packets):
        _check_words(f"packet {number}", packet, bus_width)


def _check_words(name, data, bus_width):
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"{name} must be bytes, not {type(data).__name__}")
    if len(data) == 0 or len(data) % (bus_width // 8):
        raise ValueError(
            f"{name} must be a positive whole number of {bus_width // 8}-byte words, not {len(data)} bytes"
        )


def _check_rows(rows, bus_width):
    for request, row in rows.items():
        if not isinstance(request, int) or request < 0:
            raise ValueError(f"request of a row must be a non-negative integer, not {request!r}")
        _check_words(f"row {request}", row, bus_width)


def simulate(
    verilog,
    top,
    packets,
    *,
    bus_width,
    simulator="verilator",
    stall=0.0,
    seed=None,
    waves=None,
    registers_to_read=None,
    sample=None,
    sample_every=256,
    script=(),
    expected_packets=None,
    fetch=None,
    fetch_latency=0,
    build_dir=None,
    max_cycles=None,
    max_idle_cycles=100_000,
    max_seconds=3600.0,
    strict=True,
    progress=None,
):
    """Compile a top, send it packets, and collect what it answers.

    Parameters
    ----------
    verilog : Path
        Self-contained Verilog of a top with the ports ``clk``, ``rst``, ``interrupt``, ``s_axi_*``
        (AXI4-Lite slave), ``s_axis_*`` (AXI4-Stream slave) and ``m_axis_*`` (AXI4-Stream master), and perhaps
        ``m_axis_fetch_*`` and ``s_axis_fetch_*`` to fetch rows through.
    top : str
        Name of the top module.
    packets : list of bytes
        Input packets, sent back to back; each a whole number of words, little-endian.
    bus_width : int
        Bits of ``tdata``.
    simulator : str
        ``"verilator"`` or ``"icarus"``. Icarus is far slower, and reports X on outputs.
    stall : float
        Probability that a source is not valid, and that a sink is not ready, in a cycle; 0 <= stall < 1.
    seed : int, optional
        Of the stalls. ``None`` takes a random one, prints it when it matters, and returns it in the result.
    waves : Path, optional
        FST file to write.
    registers_to_read : dict of str to int, optional
        Names and byte addresses, read after the last output word.
    sample : dict of str to int, optional
        Names and byte addresses of registers that are read over and over while the top works, see
        `SimulationResult.samples`. The top's cycles are the same with and without.
    sample_every : int
        Cycles between two samples, at least 1. A sample takes 6 cycles a register; the next waits for it.
    script : list of Step
        See `sim.bench.script`.
    expected_packets : int, optional
        Output packets to wait for; as many as there are input packets by default.
    fetch : mapping of int to bytes, optional
        Rows that the top may fetch, by request; each a whole number of words, little-endian. Any other request is
        answered with one word of zeros. A top without the ports does not use them.
    fetch_latency : int
        Cycles between a request and the first word of its row, at least: with 0 that word can be taken in the cycle
        after the request.
    build_dir : Path, optional
        Cache of compiled simulations, see `compile_verilog`.
    max_cycles : int, optional
        Limit of the whole simulation.
    max_idle_cycles : int
        Limit of the time in which no word moves on any stream.
    max_seconds : float
        Limit of the simulation's wall time; reached before the others only where simulated time stands still.
    strict : bool
        Whether broken rules of AXI raise `ProtocolError`; otherwise they are only listed in the result.

    progress : callable, optional
        Called with ``(cycle, packets_in, packets_out)`` a few times a second while the simulation runs.

    Returns
    -------
    SimulationResult

    Raises
    ------
    SimulatorMissing, CompileError
        Before the simulation.
    SimulationHang
        If the design stops moving: says which side waits, and how far it got.
    ProtocolError
        If the design breaks a rule of AXI or drives X.
    SimulationError
        If a register answers with an unexpected response, or the simulator dies.
    """
    packets = list(packets)
    _check_packets(packets, bus_width)
    if not 0 <= stall < 1:
        raise ValueError(f"stall must be at least 0 and less than 1, not {stall!r}")
    if fetch is not None:
        _check_rows(fetch, bus_width)
    if not isinstance(fetch_latency, int) or fetch_latency < 0:
        raise ValueError(f"fetch_latency must be a non-negative integer, not {fetch_latency!r}")
    if not isinstance(sample_every, int) or sample_every < 1:
        raise ValueError(f"sample_every must be a positive integer, not {sample_every!r}")
    if expected_packets is None:
        expected_packets = len(packets)
    if seed is None:
        seed = secrets.randbits(32)
        if stall:
            print(f"simulate: stall={stall} seed={seed}", file=sys.stderr)
    job = {
        "bus_width": bus_width,
        "simulator": simulator,
        "stall": stall,
        "seed": seed,
        "registers": {name: int(address) for name, address in (registers_to_read or {}).items()},
        "sample": {name: int(address) for name, address in (sample or {}).items()},
        "sample_every": sample_every,
        "script": encode_script(script),
        "expected_packets": expected_packets,
        "fetch_latency": fetch_latency,
        "max_cycles": max_cycles,
        "max_idle_cycles": max_idle_cycles,
    }
    waves = Path(waves).resolve() if waves else None
    directory, build_seconds = compile_verilog(
        verilog, top, simulator, waves=waves is not None, build_dir=build_dir
    )
    with tempfile.TemporaryDirectory(prefix="thresher-") as scratch:
        write_job(scratch, job, packets)
        if fetch is not None:
            write_rows(scratch, fetch)
        start = time.perf_counter()
        _run(simulator, top, directory, Path(scratch), waves, _Watch(scratch, max_seconds, progress))
        seconds = time.perf_counter() - start
        outcome = read_outcome(scratch)
        if outcome is None:
            raise SimulationError(
                f"{simulator} ended without a result:\n{_last_lines(Path(scratch) / 'run.log')}"
            )
        if outcome[0]["error"] == CUT_SHORT:
            outcome[0]["error"] += f":\n{_last_lines(Path(scratch) / 'run.log')}"
    return _result(*outcome, job, waves, build_seconds, seconds, strict)


class _Watch:
    """Reports progress, and stops a simulation that takes too long."""

    def __init__(self, scratch, max_seconds, progress):
        self._scratch = scratch
        self._max_seconds = max_seconds
        self._end = time.monotonic() + max_seconds
        self._progress = progress
        self._reported = None

    def __call__(self):
        if time.monotonic() > self._end:
            raise SimulationHang(f"the simulation was stopped after {self._max_seconds:g} s")
        if self._progress is not None:
            state = read_progress(self._scratch)
            if state != self._reported:
                self._reported = state
                self._progress(*state)


def _run(simulator, top, directory, scratch, waves, watch):
    from .backends import backend

    variables = {
        JOB_VARIABLE: str(scratch),
        "COCOTB_LOG_LEVEL": "WARNING",
        "GPI_LOG_LEVEL": "ERROR",
        # Otherwise cocotb loads pytest with all its plugins.
        "COCOTB_REWRITE_ASSERTION_FILES": "",
    }
    runner = backend(simulator, variables=variables, waves=waves is not None, tick=watch)
    options = {}
    if waves is not None:
        options = runner.run_options(waves)
        waves.parent.mkdir(parents=True, exist_ok=True)
    # Whether it worked is told by the outcome it left, or did not leave.
    with contextlib.suppress(ToolError, SystemExit):
        runner.test(
            test_module=_TEST_MODULE,
            hdl_toplevel=top,
            hdl_toplevel_lang="verilog",
            build_dir=directory,
            test_dir=scratch,
            results_xml=str(scratch / "results.xml"),
            log_file=scratch / "run.log",
            **options,
        )


def _last_lines(path, lines=25):
    text = path.read_text(errors="replace") if path.exists() else ""
    return "\n".join(text.splitlines()[-lines:])


def _result(values, packets, job, waves, build_seconds, seconds, strict):
    error, hang = values.pop("error"), values.pop("hang")
    values["reads"] = [RegisterRead(**read) for read in values["reads"]]
    values["samples"] = {name: [tuple(pair) for pair in pairs] for name, pairs in values["samples"].items()}
    values["input_cycles"] = [tuple(pair) for pair in values["input_cycles"]]
    values["output_cycles"] = [tuple(pair) for pair in values["output_cycles"]]
    result = SimulationResult(
        packets=packets,
        simulator=job["simulator"],
        stall=job["stall"],
        seed=job["seed"],
        seconds=seconds,
        build_seconds=build_seconds,
        waves=waves,
        **values,
    )
    replay = f" (stall={job['stall']}, seed={job['seed']})" if job["stall"] else ""
    if strict and result.violations:
        others = f", and {len(result.violations) - 1} more" if len(result.violations) > 1 else ""
        then = f"; then: {error}" if error else ""
        raise ProtocolError(f"{result.violations[0]}{others}{then}{replay}", result)
    if error:
        raise (SimulationHang if hang else SimulationError)(error + replay, result)
    return result
