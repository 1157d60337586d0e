"""Malformed tasks end with their error code, and the next task is computed as if nothing had been."""

import random

import pytest

from hw.sofa.task import SofaError
from sim.host.sofa import header_bytes, pack_head, pack_task
from sim.runner import (
    PauseInput,
    ReadRegister,
    ResumeInput,
    WaitInputPackets,
    WaitInterrupt,
    WaitOutputPackets,
    WriteRegister,
)
from tests.sim.sofa.draw import draw_head
from tests.sim.sofa.simulation import check_task, preset
from tests.streams import generator

ENABLE, INTERRUPT_ENABLE = 1, 8
TASK_DONE, ERROR = 1, 2


@pytest.fixture(scope="module")
def top():
    return preset("tiny")


def small(rng, top, **fixed):
    return draw_head(rng, top.parameters, **{"queries": 5, "keys": 9, "dense": False} | fixed)


def malformed_headers(parameters):
    """Fields to overwrite, and the error that follows."""
    p = parameters
    return [
        ({"magic": 0x50FB}, SofaError.BAD_MAGIC), ({"magic": 0}, SofaError.BAD_MAGIC),
        ({"reserved_flags": 1}, SofaError.BAD_MAGIC), ({"reserved_flags": 0x40}, SofaError.BAD_MAGIC),
        ({"reserved": 1}, SofaError.BAD_MAGIC), ({"reserved": 1 << 23}, SofaError.BAD_MAGIC),
        ({"queries": 0}, SofaError.BAD_QUERIES),
        ({"keys": 0}, SofaError.BAD_KEYS), ({"keys": p.max_keys + 1}, SofaError.BAD_KEYS),
        ({"keys": 0xFFFF}, SofaError.BAD_KEYS),
        ({"head_dim": 0}, SofaError.BAD_DIMENSION), ({"value_dim": 0}, SofaError.BAD_DIMENSION),
        ({"head_dim": p.max_head_dim + 1}, SofaError.BAD_DIMENSION),
        ({"value_dim": 0xFFFF}, SofaError.BAD_DIMENSION),
        ({"kept": 0}, SofaError.BAD_KEEP), ({"segment_keys": 0, "extra_segments": 0}, SofaError.BAD_KEEP),
        ({"segment_keys": p.max_segment_keys + 1}, SofaError.BAD_KEEP),
        ({"segment_keys": 255}, SofaError.BAD_KEEP),
        ({"segment_keys": p.max_segment_keys, "extra_segments": 1}, SofaError.BAD_KEEP),
        ({"score_shift": 32}, SofaError.BAD_RANGE), ({"code_base": 16}, SofaError.BAD_RANGE),
        ({"predict_shift": 1 << p.predict_shift_bits}, SofaError.BAD_RANGE),
        ({"predict_shift": 255}, SofaError.BAD_RANGE),
        ({"radius": 1 << p.score_width}, SofaError.BAD_RANGE), ({"radius": 0xFFFF}, SofaError.BAD_RANGE),
        ({"extra_segments": 2 * p.max_segments}, SofaError.BAD_RANGE),
        ({"extra_segments": 0xFFFF}, SofaError.BAD_RANGE),
        ({"magic": 0, "queries": 0, "keys": 0}, SofaError.BAD_MAGIC),
    ]


def cut_positions(head, parameters):
    """Lengths in words, by name, that end a packet of one head in each of its parts."""
    p = parameters
    per_word = p.elements_per_beat
    header = -(-32 // (p.bus_width // 8))
    query = -(-head.keys.shape[1] // per_word)
    mask = 0 if head.mask is None else -(-len(head.keys) // p.bus_width)
    value = -(-head.values.shape[1] // per_word)
    first = min(len(head.queries), 2 * p.slices * p.trees) * (query + mask)
    keys = header + first + len(head.keys) * query
    values = keys + len(head.keys) * value
    whole = len(pack_task([head], p)) // (p.bus_width // 8)
    positions = {
        "first words": 2, "header": header - 1, "behind the header": header, "query": header + 1,
        "mask": header + query, "keys": keys - 1, "behind the keys": keys, "values": values - 1,
        "behind the values": values, "late queries": values + 1, "last word": whole - 1}
    # A head with few queries has none behind its values.
    return {name: position for name, position in positions.items() if position < whole}


def run_pairs(top, bad, good, **options):
    """Send each of `bad` (packet, error) followed by the good task, and check all that the host can see.

    A bad packet has at least two words: one that is offered already is sent in spite of a pause.
    """
    packets = [packet for pair in bad for packet in (pair[0], pack_task(good, top.parameters))]
    script = [WriteRegister(top.address("control"), ENABLE | INTERRUPT_ENABLE)]
    for number in range(len(bad)):
        # The next packet waits until the host has seen and cleared the error.
        script += [ResumeInput(), WaitInputPackets(2 * number + 1), PauseInput(),
                   WaitOutputPackets(2 * number + 1), WaitInterrupt(),
                   ReadRegister(top.address("error"), "error"), ReadRegister(top.address("interrupt"), "interrupt"),
                   WriteRegister(top.address("error"), 0xFF), WriteRegister(top.address("interrupt"), 3),
                   ResumeInput(), WaitInputPackets(2 * number + 2), PauseInput(),
                   WaitOutputPackets(2 * number + 2), WaitInterrupt(),
                   ReadRegister(top.address("error"), "good error"),
                   ReadRegister(top.address("interrupt"), "good interrupt"),
                   WriteRegister(top.address("interrupt"), 3), WaitInterrupt(0)]
    result = top.simulate(packets, script=[PauseInput(), *script, ResumeInput()], **options)
    word = top.parameters.bus_width // 8
    reads = {name: [read.value for read in result.reads if read.name == name]
             for name in ("error", "interrupt", "good error", "good interrupt")}
    for number, (_, error) in enumerate(bad):
        trailer = result.packets[2 * number][-word:]
        assert trailer == bytes([error.value, 0xED]) + bytes(word - 2), f"trailer of bad packet {number}"
        check_task(result.packets[2 * number + 1], good, top.parameters)
    assert reads["error"] == [error.value for _, error in bad]
    assert reads["interrupt"] == [TASK_DONE | ERROR] * len(bad)
    assert reads["good error"] == [0] * len(bad)
    assert reads["good interrupt"] == [TASK_DONE] * len(bad)
    assert result.registers["tasks_failed"] == len(bad)
    assert result.registers["tasks_done"] == 2 * len(bad)
    assert result.registers["status"] == 0
    return result


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_malformed_headers(top, stall):
    rng = generator()
    head = small(rng, top, segment_keys=2, extra_segments=0)
    bad = []
    for fields, error in malformed_headers(top.parameters):
        # The host may send the body all the same, or stop at the header.
        body = rng.random() < 0.5
        packet = pack_head(head, top.parameters, False, **fields) if body else header_bytes(head, False, **fields)
        bad.append((packet, error))
    run_pairs(top, bad, [small(rng, top)], stall=stall, seed=rng.getrandbits(32))


@pytest.mark.parametrize("simulator", ["icarus", "verilator"])
def test_bad_header_behind_a_good_head(top, simulator):
    rng = generator()
    p = top.parameters
    first, second = small(rng, top), small(rng, top, segment_keys=2, extra_segments=0)
    bad = [(pack_head(first, p, True) + pack_head(second, p, False, **fields), error)
           for fields, error in (rng.sample(malformed_headers(p), 2) if simulator == "icarus"
                                 else malformed_headers(p))]
    run_pairs(top, bad, [small(rng, top)], simulator=simulator)


@pytest.mark.parametrize("mask", ["none", "random"])
@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_short_packets(top, stall, mask):
    rng = generator()
    p = top.parameters
    word = p.bus_width // 8
    head = small(rng, top, mask=mask, keys=rng.randint(9, 70), queries=rng.randint(5, 12))
    packet = pack_task([head], p)
    cuts = sorted({*cut_positions(head, p).values(), *(rng.randint(2, len(packet) // word - 1) for _ in range(8))})
    # A cut header has zeros behind it, which is an error of its own; the first one counts.
    bad = [(packet[:cut * word], SofaError.SHORT_PACKET) for cut in cuts]
    bad.append((pack_head(head, p, True), SofaError.SHORT_PACKET))
    bad.append((pack_head(head, p, True) + packet[:-word], SofaError.SHORT_PACKET))
    run_pairs(top, bad, [small(rng, top)], stall=stall, seed=rng.getrandbits(32))


def test_long_packets(top):
    rng = generator()
    p = top.parameters
    word = p.bus_width // 8
    packet = pack_task([small(rng, top), small(rng, top)], p)
    bad = [(packet + rng.randbytes(extra * word), SofaError.LONG_PACKET) for extra in (1, 2, 5, 300)]
    bad.append((packet + packet, SofaError.LONG_PACKET))       # a second task without its own packet
    run_pairs(top, bad, [small(rng, top)])


def test_short_packets_on_icarus(top):
    rng = generator()
    p = top.parameters
    head = small(rng, top, mask="random")
    packet = pack_task([head], p)
    cuts = rng.sample(sorted(set(cut_positions(head, p).values())), 3)
    run_pairs(top, [(packet[:cut * p.bus_width // 8], SofaError.SHORT_PACKET) for cut in cuts],
              [small(rng, top)], simulator="icarus", stall=0.4, seed=rng.getrandbits(32))


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_faults_and_good_tasks_back_to_back(top, stall):
    """Nothing waits for the host; ERROR keeps the first code."""
    rng = generator()
    p = top.parameters
    word = p.bus_width // 8
    packets, tasks, errors = [], [], []
    for _ in range(24):
        heads = [small(rng, top) for _ in range(rng.randint(1, 2))]
        packet = pack_task(heads, p)
        match rng.choice(("good", "short", "long", "header")):
            case "good":
                error = SofaError.NONE
            case "short":
                cut = rng.choice((1, rng.randint(1, len(packet) // word - 1)))
                packet, error = packet[:cut * word], SofaError.SHORT_PACKET
            case "long":
                packet, error = packet + rng.randbytes(rng.randint(1, 9) * word), SofaError.LONG_PACKET
            case "header":
                fields, error = rng.choice(malformed_headers(p)[:14])
                packet = header_bytes(heads[0], False, **fields)
        packets.append(packet)
        tasks.append(heads)
        errors.append(error.value)
    packets.append(pack_task(tasks[0], p))
    errors.append(0)
    tasks.append(tasks[0])
    result = top.simulate(packets, stall=stall, seed=rng.getrandbits(32))
    assert [packet[-word] for packet in result.packets] == errors
    for packet, heads, error in zip(result.packets, tasks, errors, strict=True):
        if not error:
            check_task(packet, heads, p)
    assert result.registers["tasks_done"] == len(packets)
    assert result.registers["tasks_failed"] == sum(error != 0 for error in errors)
    assert result.registers["error"] == next((error for error in errors if error), 0)


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_noise_leaves_an_idle_engine(top, stall):
    """Packets of random words, some behind a header that could be right: an error each, and then a good task."""
    rng = generator()
    p = top.parameters
    word = p.bus_width // 8
    packets = []
    for _ in range(30):
        noise = rng.randbytes(rng.randint(1, 40) * word)
        header = bytearray(header_bytes(small(rng, top), rng.random() < 0.5))
        for _ in range(rng.randint(0, 2)):
            header[rng.randrange(2, 16)] = rng.getrandbits(8)
        header[4:8] = rng.randint(1, 40).to_bytes(2, "little") + rng.randint(1, 40).to_bytes(2, "little")
        packets.append(rng.choice((noise, bytes(header) + noise)))
    good = [small(rng, top)]
    packets.append(pack_task(good, p))
    result = top.simulate(packets, stall=stall, seed=rng.getrandbits(32))
    assert all(packet[-word + 1] == 0xED for packet in result.packets)
    check_task(result.packets[-1], good, p)
    assert result.registers["tasks_done"] == len(packets)
    assert result.registers["status"] & 7 == 0


def test_drawn_cuts_are_where_they_are_said_to_be():
    """The positions of the cuts follow from the layout of a packet, which this pins for one head."""
    top = preset("tiny")
    head = small(random.Random(1), top, queries=5, keys=9, head_dim=6, value_dim=9, mask="random")
    assert cut_positions(head, top.parameters) == {
        "first words": 2, "header": 3, "behind the header": 4, "query": 5, "mask": 6, "keys": 4 + 4 * 3 + 18 - 1,
        "behind the keys": 34, "values": 34 + 27 - 1, "behind the values": 61, "late queries": 62,
        "last word": 61 + 3 - 1}
