"""Soft resets, the reset pin, stops and register errors in mid-flight: the next task is bit-exact."""

import pytest

from sim.host.sofa import pack_task
from sim.runner import (
    PauseInput,
    PauseOutput,
    ReadRegister,
    Reset,
    ResumeInput,
    ResumeOutput,
    WaitCycles,
    WaitInputPackets,
    WaitInputWords,
    WaitOutputPackets,
    WaitOutputWords,
    WaitRegister,
    WriteRegister,
)
from tests.sim.emitted import examples
from tests.sim.sofa.draw import draw_head
from tests.sim.sofa.simulation import check_task, preset
from tests.streams import generator

ENABLE, SOFT_RESET = 1, 2
SOFT_RESET_CODE, BAD_REGISTER_CODE = 0x82, 0x81
BUSY = 1


@pytest.fixture(scope="module")
def top():
    return preset("tiny")


def draw_tasks(rng, top, count, heads=3):
    """Tasks of one to `heads` heads."""
    return [[draw_head(rng, top.parameters, queries=rng.randint(4, 12), keys=rng.randint(6, 80),
                       dense=rng.random() < 0.3)
             for _ in range(rng.randint(1, heads))] for _ in range(count)]


def draw_small_tasks(rng, top, count):
    """Tasks of one head that loads as a whole even if no row leaves, and whose result no buffer holds as a whole."""
    return [[draw_head(rng, top.parameters, queries=rng.randint(5, 6), keys=rng.randint(6, 40),
                       value_dim=top.parameters.max_head_dim)] for _ in range(count)]


def is_result(packet, heads, parameters):
    """Whether a packet is the whole, right result of a task."""
    try:
        check_task(packet, heads, parameters)
    except (AssertionError, ValueError):
        return False
    return True


def begins(packet, whole, heads, parameters):
    """Whether a packet that a soft reset cut short begins as the right result `whole` of a task."""
    word = parameters.bus_width // 8
    assert packet[-word:] == bytes([SOFT_RESET_CODE, 0xED]) + bytes(word - 2)
    return is_result(packet[:-word] + whole[len(packet) - word:], heads, parameters)


def random_moment(rng, packets, result, word):
    """Steps up to some moment of a first task; the second may have begun, and the third has not."""
    first, second = (len(packet) // word for packet in packets[:2])
    steps = {"load": lambda: [WaitInputWords(rng.randint(1, first - 2)), PauseInput()],
             "overlap": lambda: [WaitInputWords(first + rng.randint(1, second - 2)), PauseInput()],
             "compute": lambda: [WaitInputPackets(1), PauseInput(), WaitCycles(rng.randint(1, 400))],
             "send": lambda: [WaitInputPackets(1), PauseInput(),
                              WaitOutputWords(rng.randint(1, len(result) // word))]}
    return [*steps[rng.choice(list(steps))](), WaitCycles(rng.randint(0, 12))]


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize("simulator", ["icarus", "verilator"])
def test_soft_reset_at_random_moments(top, simulator, stall):
    """A task that is hit, one behind it that may be hit too, and a good one."""
    rng = generator()
    word = top.parameters.bus_width // 8
    for _ in range(examples(6) if simulator == "verilator" else 1):
        tasks = draw_tasks(rng, top, 3)
        packets = [pack_task(heads, top.parameters) for heads in tasks]
        clean = top.check(tasks, simulator=simulator).packets
        script = [
            *random_moment(rng, packets, clean[0], word),
            WriteRegister(top.address("control"), ENABLE | SOFT_RESET),
            ResumeInput(), WaitInputPackets(3), WaitRegister(top.address("status"), 0, BUSY)]
        result = top.simulate(packets, script=script, expected_packets=1, simulator=simulator, stall=stall,
                              seed=rng.getrandbits(32))
        *before, last = result.packets
        check_task(last, tasks[2], top.parameters)
        finished, candidates = 0, list(zip(clean[:2], tasks[:2], strict=True))
        for packet in before:
            while candidates:
                whole, heads = candidates.pop(0)
                if is_result(packet, heads, top.parameters):
                    finished += 1
                    break
                if packet[-word] == SOFT_RESET_CODE and begins(packet, whole, heads, top.parameters):
                    break
            else:
                pytest.fail("a packet is neither a result nor the beginning of one")
        assert result.registers["error"] == (SOFT_RESET_CODE if finished < 2 else 0)
        assert result.registers["tasks_failed"] == 0
        assert result.registers["status"] & 7 == 0


@pytest.mark.parametrize("stage", ["header", "body", "end of the body", "compute", "send", "idle"])
def test_soft_reset_in_a_stage(top, stage):
    rng = generator()
    word = top.parameters.bus_width // 8
    tasks = draw_small_tasks(rng, top, 3)
    packets = [pack_task(heads, top.parameters) for heads in tasks]
    words = len(packets[0]) // word
    moment = {"header": [WaitInputWords(2)], "body": [WaitInputWords(words // 2)],
              "end of the body": [WaitInputWords(words - 1)], "compute": [WaitInputPackets(1)],
              "send": [WaitInputPackets(1), PauseInput(), ResumeOutput(), WaitOutputWords(3), PauseOutput()],
              "idle": [WaitInputPackets(1), PauseInput(), ResumeOutput(), WaitOutputPackets(1)]}[stage]
    # The sink waits, so that the first task is not finished; the second may have begun and is lost with it.
    script = [PauseOutput(), *moment, PauseInput(),
              WriteRegister(top.address("control"), ENABLE | SOFT_RESET),
              ReadRegister(top.address("error"), "error"), ReadRegister(top.address("status"), "status"),
              WriteRegister(top.address("error"), 1), ResumeOutput(), ResumeInput(),
              WaitInputPackets(3), WaitRegister(top.address("status"), 0, BUSY)]
    result = top.simulate(packets, script=script, expected_packets=1)
    check_task(result.packets[-1], tasks[2], top.parameters)
    assert result.registers["error"] == 0
    if stage == "idle":
        check_task(result.packets[0], tasks[0], top.parameters)
    else:
        assert result.reads[0].value == SOFT_RESET_CODE
    if stage == "send":
        assert result.packets[0][-word] == SOFT_RESET_CODE


@pytest.mark.parametrize("simulator", ["icarus", "verilator"])
def test_reset_pin(top, simulator):
    """`rst` in the middle of loading, and while a task computes; the sink waits, so that none is finished."""
    rng = generator()
    word = top.parameters.bus_width // 8
    for _ in range(examples(4) if simulator == "verilator" else 1):
        tasks = draw_small_tasks(rng, top, 3)
        packets = [pack_task(heads, top.parameters) for heads in tasks]
        words = len(packets[0]) // word
        loading = rng.random() < 0.5
        # A reset while the first task loads loses that one; later on the source has begun with the second.
        moment = ([WaitInputWords(rng.randint(1, words - 2))] if loading
                  else [WaitInputPackets(1), PauseInput(), WaitCycles(rng.randint(4, 600))])
        script = [PauseOutput(), *moment, Reset(rng.randint(1, 5)), ResumeOutput(), ResumeInput()]
        good = tasks[1:] if loading else tasks[2:]
        result = top.simulate(packets, script=script, expected_packets=len(good), simulator=simulator)
        assert len(result.packets) == len(good)
        for packet, heads in zip(result.packets, good, strict=True):
            check_task(packet, heads, top.parameters)
        assert result.registers["tasks_done"] == len(good)
        assert result.registers["error"] == 0


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_disable_stops_before_the_next_packet(top, stall):
    rng = generator()
    tasks = draw_tasks(rng, top, 4)
    packets = [pack_task(heads, top.parameters) for heads in tasks]
    word = top.parameters.bus_width // 8
    words = sum(len(packet) // word for packet in packets[:2])
    script = [
        WaitInputWords(len(packets[0]) // word + 3), WriteRegister(top.address("control"), 0),
        WaitOutputPackets(2), WaitCycles(1000),
        ReadRegister(top.address("counter_input_words"), "words"),
        ReadRegister(top.address("tasks_done"), "tasks"),
        ReadRegister(top.address("status"), "status"), WriteRegister(top.address("control"), ENABLE)]
    result = top.simulate(packets, script=script, stall=stall, seed=rng.getrandbits(32))
    assert [read.value for read in result.reads] == [words, 2, 0b1000]      # done pending, nothing else
    for packet, heads in zip(result.packets, tasks, strict=True):
        check_task(packet, heads, top.parameters)


@pytest.mark.parametrize("simulator", ["icarus", "verilator"])
def test_bad_register_access_leaves_the_task_alone(top, simulator):
    rng = generator()
    tasks = draw_tasks(rng, top, 2)
    script = [WaitInputWords(5), WriteRegister(0xFFC, 1, response="SLVERR"),
              ReadRegister(top.address("error"), "error"), WriteRegister(top.address("error"), 1),
              ReadRegister(0xFF8, "nothing", response="SLVERR"), WriteRegister(top.address("error"), 1),
              WriteRegister(top.address("tasks_done"), 7, response="SLVERR"),
              ReadRegister(top.address("error"), "error"), WriteRegister(top.address("error"), 1)]
    result = top.check(tasks, script=script, simulator=simulator)
    assert [read.value for read in result.reads if read.name == "error"] == [BAD_REGISTER_CODE] * 2


def test_counters_clear(top):
    rng = generator()
    tasks = draw_tasks(rng, top, 2)
    packets = [pack_task(heads, top.parameters) for heads in tasks]
    script = [WaitInputPackets(1), PauseInput(), WaitOutputPackets(1), WaitCycles(4),
              WriteRegister(top.address("control"), ENABLE | 4), ResumeInput()]
    result = top.simulate(packets, script=script)
    word = top.parameters.bus_width // 8
    assert result.registers["counter_output_words"] == len(result.packets[1]) // word
    assert result.registers["counter_rows"] == sum(len(head.queries) for head in tasks[1])
