"""`sim.runner` on a small engine that fetches rows, under both simulators."""

import re

import pytest

from gen.emit import emit_verilog
from hw.shell import TRAILER_MARKER, Shell, ShellError
from sim.bench.exchange import read_rows, write_rows
from sim.runner import (
    PauseFetch,
    PauseOutput,
    ProtocolError,
    Reset,
    ResumeFetch,
    SimulationError,
    SimulationHang,
    WaitCycles,
    WaitFetches,
    WaitRegister,
    WriteRegister,
    simulate,
)
from tests.shell.row_sum import RowSum, model, random_rows, to_bytes
from tests.streams import generator

CONTROL, STATUS = 0x010, 0x014
BUSY = 1
SOFT_RESET = WriteRegister(CONTROL, 0b11)
SOFT_RESET_TRAILER = to_bytes([TRAILER_MARKER << 8 | ShellError.SOFT_RESET.value])


@pytest.fixture(scope="module")
def verilog(tmp_path_factory):
    path = tmp_path_factory.mktemp("row_sum") / "row_sum.v"
    path.write_text(emit_verilog(Shell(RowSum(), "row_sum"), "row_sum")[0])
    return path


@pytest.fixture
def broken(verilog, tmp_path):
    """The same top with the right value of a port, `whole`, replaced by something else."""

    def make(port, value):
        text = re.sub(rf"\({port}\)", "(whole)", verilog.read_text())
        fault = f"""  wire [31:0] whole;
  reg [31:0] cycle = 0;
  always @(posedge clk) cycle <= cycle + 1;
  assign {port} = {value};
"""
        text, count = re.subn(r"^(?=  row_sum_fetch_port )", fault, text, flags=re.MULTILINE)
        assert count == 1
        path = tmp_path / "row_sum.v"
        path.write_text(text)
        return path

    return make


def row_sum(verilog, tasks, rows, *, simulator="icarus", **options):
    """Run tasks, which are lists of requests; `rows` are lists of words."""
    fetch = None if rows is None else {request: to_bytes(words) for request, words in rows.items()}
    options = {"max_idle_cycles": 2000} | options
    packets = [to_bytes(requests) for requests in tasks]
    return simulate(verilog, "row_sum", packets, bus_width=32, simulator=simulator, fetch=fetch, **options)


def results(tasks, rows):
    return [to_bytes(model(requests, rows)) for requests in tasks]


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
def test_rows(verilog, simulator, stall):
    rng = generator()
    rows = random_rows(rng)
    # Some requests are for a row that does not exist.
    tasks = [rng.choices([*rows, 0], k=rng.randint(1, 20)) for _ in range(8)]
    result = row_sum(verilog, tasks, rows, simulator=simulator, stall=stall, seed=rng.getrandbits(32))
    assert result.packets == results(tasks, rows)
    assert result.violations == []
    assert result.fetches == [request for requests in tasks for request in requests]
    assert len(result.fetch_cycles) == len(result.fetches)
    assert result.fetch_cycles == sorted(set(result.fetch_cycles))


def test_requests_without_rows(verilog):
    tasks = [[1, 2, 0xFFFFFFFF]]
    result = row_sum(verilog, tasks, None)
    assert result.packets == results(tasks, {})
    assert result.fetches == tasks[0]


def test_stalls_replay_on_both_simulators(verilog):
    rng = generator()
    rows = random_rows(rng)
    tasks = [rng.choices(list(rows), k=12) for _ in range(3)]
    seed = rng.getrandbits(32)

    def cycles(simulator, seed):
        result = row_sum(verilog, tasks, rows, simulator=simulator, stall=0.4, seed=seed, fetch_latency=3)
        return result.output_word_cycles, result.fetch_cycles

    assert cycles("icarus", seed) == cycles("icarus", seed) == cycles("verilator", seed)
    assert cycles("icarus", seed) != cycles("icarus", seed + 1)


@pytest.mark.parametrize("latency", [0, 1, 2, 3, 40])
@pytest.mark.parametrize("length", [1, 3])
def test_latency(verilog, latency, length):
    """A row begins so many cycles after its request; many requests are in flight meanwhile."""
    rows = {row: list(range(row, row + length)) for row in range(30)}
    result = row_sum(verilog, [list(rows)], rows, fetch_latency=latency)
    assert result.packets == results([list(rows)], rows)
    first = result.fetch_cycles[0]
    assert result.fetch_cycles == list(range(first, first + 30))
    # From the last word of the row: the register in front of the engine, then that behind it.
    registers = 2
    sums = result.output_word_cycles[0][:-1]
    assert sums == [first + 1 + latency + length * (row + 1) - 1 + registers for row in range(30)]


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
def test_soft_reset_before_the_rows_come(verilog, simulator, stall):
    rng = generator()
    rows = random_rows(rng)
    # The first task is still being sent when the reset comes, so the second has not begun.
    lost, good = rng.choices(list(rows), k=200), rng.choices(list(rows), k=10)
    script = [PauseFetch(), WaitFetches(rng.randint(1, 60)), SOFT_RESET, ResumeFetch(), WaitRegister(STATUS, 0, BUSY)]
    result = row_sum(verilog, [lost, good], rows, simulator=simulator, script=script, expected_packets=1, stall=stall,
                     seed=rng.getrandbits(32))
    assert result.packets == results([good], rows)
    begun = len(result.fetches) - len(good)
    assert 0 < begun < 200
    assert result.fetches == lost[:begun] + good


@pytest.mark.parametrize("cycles", [0, 7, 60])
@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
def test_soft_reset_in_mid_row(verilog, simulator, cycles):
    rows = {1: [5] * 50, 2: [6, 7]}
    lost, good = [1, 2] * 100, [2, 1]
    script = [WaitFetches(2), WaitCycles(cycles), SOFT_RESET, WaitRegister(STATUS, 0, BUSY)]
    # After 60 cycles the sums of two rows have left.
    begun = [to_bytes([250, 13]) + SOFT_RESET_TRAILER] if cycles == 60 else []
    result = row_sum(verilog, [lost, good], rows, simulator=simulator, script=script, expected_packets=len(begun) + 1)
    assert result.packets == [*begun, *results([good], rows)]


def test_reset_pin_forgets_requests(verilog):
    rows = {1: [5] * 10, 2: [6, 7]}
    script = [PauseFetch(), WaitFetches(2), Reset(), ResumeFetch()]
    result = row_sum(verilog, [[1] * 200, [2, 2]], rows, script=script, expected_packets=1)
    assert result.packets == results([[2, 2]], rows)
    assert result.fetches[-2:] == [2, 2]
    assert set(result.fetches[:-2]) == {1}


def test_hang_tells_requests_without_answer(verilog):
    with pytest.raises(SimulationHang, match="4 of 4 fetches unanswered; 1 of 1 packets in") as failure:
        row_sum(verilog, [[1, 2, 3, 4]], {}, script=[PauseFetch()], max_idle_cycles=100)
    assert failure.value.result.fetches == [1, 2, 3, 4]


def test_hang_tells_a_row_that_waits(verilog):
    with pytest.raises(SimulationHang, match=r"word \d of the rows waits for s_axis_fetch_tready, \d of 10 fetches"):
        row_sum(verilog, [[0] * 10], {}, script=[PauseOutput()], max_idle_cycles=100)


@pytest.mark.parametrize(
    "port, value, message",
    [
        ("m_axis_fetch_tdata", "whole + cycle", "m_axis_fetch_tdata changed before m_axis_fetch_tready rose"),
        ("m_axis_fetch_tvalid", "whole[0] && cycle[0]", "m_axis_fetch_tvalid fell before m_axis_fetch_tready rose"),
        ("m_axis_fetch_tdata", "32'bx", "word 0 of m_axis_fetch holds X"),
        ("m_axis_fetch_tvalid", "1'bx", "m_axis_fetch_tvalid is X after reset"),
        ("s_axis_fetch_tready", "1'bx", "s_axis_fetch_tready is X after reset"),
    ],
)
def test_violation(broken, port, value, message):
    with pytest.raises(ProtocolError, match=message):
        row_sum(broken(port, value), [[1, 2, 3, 4, 5, 6]], {}, stall=0.4, seed=2, max_idle_cycles=200)


def test_width_of_the_rows(verilog, tmp_path):
    path = tmp_path / "row_sum.v"
    path.write_text(verilog.read_text().replace("[31:0] s_axis_fetch_tdata;", "[15:0] s_axis_fetch_tdata;"))
    with pytest.raises(SimulationError, match="s_axis_fetch is 16 bits wide, not 32"):
        row_sum(path, [[1]], {})


def test_rows_reach_the_process_of_the_simulation(tmp_path):
    rng = generator()
    rows = {rng.getrandbits(32): rng.randbytes(rng.randint(1, 50)) for _ in range(100)}
    assert read_rows(tmp_path) == {}
    write_rows(tmp_path, rows)
    assert read_rows(tmp_path) == rows
