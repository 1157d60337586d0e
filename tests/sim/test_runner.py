"""`sim.runner` on a hand-written loopback, whole and broken, under both simulators."""

import random
import re
from pathlib import Path

import pytest

from sim.runner import (
    CompileError,
    PauseFetch,
    PauseInput,
    PauseOutput,
    ProtocolError,
    ReadRegister,
    Reset,
    ResumeFetch,
    ResumeInput,
    ResumeOutput,
    SimulationError,
    SimulationHang,
    WaitCycles,
    WaitFetches,
    WaitInputWords,
    WaitInterrupt,
    WaitOutputPackets,
    WaitRegister,
    WriteRegister,
    simulate,
)

LOOPBACK = Path(__file__).parent / "data" / "loopback.v"
WIDTH = 64
REGISTERS = {"identity": 0x000, "packets": 0x020}


def some_packets(lengths=(5, 1, 17, 3), seed=1):
    draw = random.Random(seed)
    return [draw.randbytes(length * WIDTH // 8) for length in lengths]


def loopback(simulator, packets, *, verilog=LOOPBACK, top="loopback", **options):
    return simulate(verilog, top, packets, bus_width=WIDTH, simulator=simulator, **options)


@pytest.fixture
def broken(tmp_path):
    """The loopback with one fault put in."""

    def make(fault):
        path = tmp_path / "loopback.v"
        path.write_text(f"`define BREAK_{fault}\n{LOOPBACK.read_text()}")
        return path

    return make


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
def test_round_trip(simulator, stall):
    packets = some_packets()
    result = loopback(simulator, packets, stall=stall, seed=3, registers_to_read=REGISTERS)
    assert result.packets == packets
    assert result.registers == {"identity": 0x54485253, "packets": 4}
    assert result.violations == []
    assert (result.input_words, result.output_words) == (26, 26)
    assert result.cycles == result.output_cycles[-1][1] - result.input_cycles[0][0] + 1
    if not stall:
        # A word a cycle, two cycles through the queue.
        assert result.cycles == 26 + 2
        assert [last - first + 1 for first, last in result.output_cycles] == [5, 1, 17, 3]


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
def test_samples(simulator, stall):
    packets = some_packets(lengths=(40,) * 8)
    quiet = loopback(simulator, packets, stall=stall, seed=3)
    result = loopback(simulator, packets, stall=stall, seed=3, sample=REGISTERS, sample_every=50)
    assert quiet.samples == {}
    assert (result.packets, result.output_word_cycles) == (quiet.packets, quiet.output_word_cycles)
    assert list(result.samples) == list(REGISTERS)
    assert {value for _, value in result.samples["identity"]} == {0x54485253}
    counts = result.samples["packets"]
    for cycle, value in counts:
        # A word that leaves is counted a cycle later, and an answer tells what was there when it was made.
        assert value in range(sum(last < cycle - 6 for _, last in result.output_cycles),
                              sum(last < cycle for _, last in result.output_cycles) + 1)
    assert counts[-1][1] == len(packets)
    assert {later - earlier for (earlier, _), (later, _) in zip(counts[:-2], counts[1:-1], strict=True)} == {50}


def test_stalls_replay_on_both_simulators():
    packets = some_packets()
    first = loopback("icarus", packets, stall=0.4, seed=9)
    again = loopback("icarus", packets, stall=0.4, seed=9)
    other = loopback("icarus", packets, stall=0.4, seed=10)
    verilated = loopback("verilator", packets, stall=0.4, seed=9)
    assert first.output_cycles == again.output_cycles == verilated.output_cycles
    assert first.output_cycles != other.output_cycles


def test_random_seed_is_told(capsys):
    result = loopback("icarus", some_packets(), stall=0.3)
    assert f"stall=0.3 seed={result.seed}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "fault, message",
    [
        ("PAYLOAD", "m_axis_tdata changed before m_axis_tready rose in cycle"),
        ("VALID", "m_axis_tvalid fell before m_axis_tready rose in cycle"),
        ("KEEP", "m_axis_tkeep is not all ones in cycle"),
        ("UNKNOWN", "interrupt is X after reset in cycle"),
        ("UNKNOWN_WORD", "word 0 of m_axis holds X in cycle"),
        ("RESET", "s_axi_bvalid is X after reset in cycle"),
    ],
)
def test_violation(broken, fault, message):
    packets = some_packets()
    with pytest.raises(ProtocolError, match=message) as failure:
        loopback("icarus", packets, verilog=broken(fault), stall=0.4, seed=2, max_idle_cycles=200)
    assert all("in cycle" in violation for violation in failure.value.result.violations)


def test_violation_of_register_response(broken):
    with pytest.raises(ProtocolError, match="s_axi_bresp changed before s_axi_bready rose"):
        script = [WriteRegister(0x004, value, response=None) for value in range(20)]
        loopback("icarus", [], verilog=broken("RESPONSE"), script=script, stall=0.6, seed=1)


def test_violations_are_only_listed_when_not_strict(broken):
    packets = some_packets()
    result = loopback("icarus", packets, verilog=broken("KEEP"), strict=False)
    assert result.packets == packets
    assert len(result.violations) == 26


def test_hang_names_the_side_that_waits(broken):
    packets = some_packets((2, 40))
    with pytest.raises(SimulationHang) as failure:
        loopback("icarus", packets, verilog=broken("HANG"), max_idle_cycles=100)
    assert "nothing moved for 100 cycles: input word 4 waits for s_axis_tready" in str(failure.value)
    assert "output waits for m_axis_tvalid" in str(failure.value)
    assert "1 of 2 packets out" in str(failure.value)
    assert failure.value.result.packets == packets[:1]


def test_missing_output_is_a_hang():
    with pytest.raises(SimulationHang, match="output waits for m_axis_tvalid; 4 of 4 packets in"):
        loopback("icarus", some_packets(), expected_packets=5, max_idle_cycles=100)


def test_limit_of_cycles():
    with pytest.raises(SimulationHang, match="not at its end after 20 cycles"):
        loopback("icarus", some_packets(), max_cycles=20)


@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
def test_soft_reset_in_mid_packet(simulator):
    packets = some_packets((30, 4))
    script = [
        PauseOutput(),
        WaitInputWords(10),
        WriteRegister(0x010, 2),
        ResumeOutput(),
        WaitOutputPackets(1),
        WaitInterrupt(),
        ReadRegister(0x01C, "interrupt"),
        WriteRegister(0x01C, 1),
    ]
    result = loopback(simulator, packets, script=script)
    # The word that was valid before the reset stays as AXI asks, then the closing word, then the next packet.
    assert result.packets == [packets[0][:8] + b"\x82\xed" + bytes(6), packets[1]]
    assert [(read.name, read.value, read.response) for read in result.reads] == [("interrupt", 1, "OKAY")]


def test_registers_before_data():
    script = [
        PauseInput(),
        WriteRegister(0x004, 0xCAFE),
        WaitRegister(0x004, 0xFE, mask=0xFF),
        WriteRegister(0x000, 1, response="SLVERR"),
        ReadRegister(0x0FC, "nothing", response="SLVERR"),
        ResumeInput(),
    ]
    result = loopback(
        "icarus", some_packets(), script=script, registers_to_read={"scratch": 0x004}, stall=0.3
    )
    assert result.registers == {"scratch": 0xCAFE}
    assert result.reads[0].cycle < result.input_cycles[0][0]


def test_hard_reset_in_mid_packet():
    packets = some_packets((30, 4))
    script = [WaitInputWords(10), Reset(), WaitCycles(50), ReadRegister(0x020, "packets")]
    result = loopback("icarus", packets, script=script, expected_packets=1)
    assert result.packets == packets[1:]
    assert result.reads[0].value == 1


def test_unexpected_response_is_an_error():
    with pytest.raises(SimulationError, match="the read of register 0x0fc was answered SLVERR, not OKAY"):
        loopback("icarus", some_packets(), registers_to_read={"nothing": 0x0FC})


def test_top_that_fetches_nothing():
    packets = some_packets()
    result = loopback("icarus", packets, fetch={1: bytes(8)}, fetch_latency=5)
    assert result.packets == packets
    assert result.fetches == result.fetch_cycles == []


@pytest.mark.parametrize("step", [PauseFetch(), ResumeFetch(), WaitFetches(1)])
def test_steps_that_need_a_fetch_port(step):
    message = rf"step 1 of the script, {re.escape(repr(step))}, needs a top that fetches rows"
    with pytest.raises(SimulationError, match=message):
        loopback("icarus", some_packets(), script=[WaitCycles(1), step])


@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
def test_verilog_that_does_not_compile(tmp_path, simulator):
    path = tmp_path / "loopback.v"
    path.write_text("module loopback (input clk)\nendmodule\n")
    with pytest.raises(CompileError, match=rf"{simulator} cannot compile loopback.v: .*\n.*error"):
        loopback(simulator, [], verilog=path, build_dir=tmp_path)


@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
def test_waves(tmp_path, simulator):
    path = tmp_path / "deep" / "waves.fst"
    result = loopback(simulator, some_packets(), waves=path)
    assert result.waves == path
    # An FST file starts with its header block: type 0, length 329.
    assert path.read_bytes()[:9] == (0).to_bytes(1, "big") + (329).to_bytes(8, "big")


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"simulator": "vcs"}, ValueError, "simulator must be one of verilator, icarus, not 'vcs'"),
        ({"stall": 1.0}, ValueError, "stall must be at least 0 and less than 1, not 1.0"),
        (
            {"packets": [b"abc"]},
            ValueError,
            "packet 0 must be a positive whole number of 8-byte words",
        ),
        ({"packets": ["abc"]}, TypeError, "packet 0 must be bytes, not str"),
        ({"bus_width": 12}, ValueError, "bus_width must be a positive multiple of 8, not 12"),
        ({"bus_width": 32}, SimulationError, "the top's streams are 64 and 64 bits wide, not 32"),
        ({"script": ["stop"]}, TypeError, "script must hold steps such as sim.runner.WaitCycles, not 'stop'"),
        ({"verilog": Path("none.v")}, FileNotFoundError, "there is no Verilog file"),
        ({"fetch": {1: "abc"}}, TypeError, "row 1 must be bytes, not str"),
        (
            {"fetch": {1: b"abc"}},
            ValueError,
            "row 1 must be a positive whole number of 8-byte words, not 3 bytes",
        ),
        ({"fetch": {1: b""}}, ValueError, "row 1 must be a positive whole number of 8-byte words, not 0"),
        (
            {"fetch": {-1: bytes(8)}},
            ValueError,
            "request of a row must be a non-negative integer, not -1",
        ),
        ({"sample_every": 0}, ValueError, "sample_every must be a positive integer, not 0"),
        ({"fetch_latency": -1}, ValueError, "fetch_latency must be a non-negative integer, not -1"),
    ],
)
def test_bad_arguments(options, error, message):
    arguments = {"verilog": LOOPBACK, "top": "loopback", "packets": [bytes(8)], "bus_width": WIDTH}
    with pytest.raises(error, match=message):
        simulate(**{**arguments, "simulator": "icarus", **options})


def test_bad_steps():
    with pytest.raises(TypeError, match="count of WaitCycles must be a non-negative integer, not -1"):
        WaitCycles(-1)
    with pytest.raises(ValueError, match="response must be one of OKAY, .* or None, not 'FINE'"):
        WriteRegister(0, 0, response="FINE")


def test_progress_and_limit_of_time():
    told = []
    with pytest.raises(SimulationHang, match="the simulation was stopped after 2 s"):
        loopback(
            "verilator",
            [],
            script=[WaitCycles(10**9)],
            max_idle_cycles=10**5,
            expected_packets=1,
            max_seconds=2,
            progress=lambda *state: told.append(state),
        )
    cycles = [cycle for cycle, packets_in, packets_out in told]
    assert cycles == sorted(cycles)
    assert cycles[-1] > 0
