"""Malformed tasks: each ends with its error code, and the next task is right."""

import pytest

from hw.flaash.task import FlaashError
from sim.host.flaash.task import pack_task, unpack_result
from tests.sim.flaash.machine import draw_tensor, preset
from tests.streams import generator


def with_words(packet, words):
    """A packet with words of 32 bits changed."""
    packet = bytearray(packet)
    for place, value in words.items():
        packet[4 * place:4 * place + 4] = value.to_bytes(4, "little")
    return bytes(packet)


@pytest.mark.parametrize("simulator, stall", [("verilator", 0.0), ("icarus", 0.4)])
def test_errors_and_the_task_after_each(simulator, stall):
    top, rng = preset("tiny"), generator()
    p = top.parameters
    a, b = (draw_tensor(rng, (fibers, 20), 0.5, p) for fibers in (6, 4))
    long = draw_tensor(rng, (5, 21), 0.5, p)
    bus = p.bus_width // 8

    def task(**fields):
        return pack_task(a, b, p, **fields)

    good = task()
    header = 8                                                 # words
    pointers_b = header + 6 + a.nnz * 2
    errors = FlaashError
    wrong = [
        (task(magic=1), errors.BAD_MAGIC), (task(reserved=1), errors.BAD_MAGIC),
        (task(reserved_flags=4), errors.BAD_MAGIC), (task(reserved_word=9), errors.BAD_MAGIC),
        (pack_task(None, None, p, contract=False), errors.NOTHING),
        (task(fibers_a=0), errors.BAD_SIZE), (task(fibers_b=129), errors.BAD_SIZE),
        (task(entries_a=513), errors.BAD_SIZE), (pack_task(None, b, p, entries_a=3), errors.BAD_SIZE),
        (with_words(good, {1: 0}), errors.BAD_PORTIONS), (with_words(good, {1: 65}), errors.BAD_PORTIONS),
        (with_words(good, {1: 5}), errors.BAD_PORTIONS),       # 6 fibers are not a multiple of them
        (pack_task(*(draw_tensor(rng, (17, 4), 0.5, p) for _ in "ab"), p, portions=2), errors.BAD_PORTIONS),
        (pack_task(None, long, p), errors.BAD_LENGTHS), (pack_task(None, b, p, portions=5), errors.BAD_PORTIONS),
        (with_words(good, {header + 2: 400}), errors.BAD_POINTER),       # beyond the entries
        (with_words(good, {header: 1 << 20}), errors.BAD_POINTER),
        (with_words(good, {header + 3: 0}), errors.BAD_POINTER),         # decreases
        (with_words(good, {header + 5: a.nnz - 1}), errors.BAD_POINTER),  # not all entries
        (with_words(good, {pointers_b + 3: b.nnz - 1}), errors.BAD_POINTER),
        (with_words(good, {header + 6: 20}), errors.BAD_INDEX),
        (with_words(good, {header + 6 + 2 * (a.nnz - 1): 1 << 31}), errors.BAD_INDEX),
        (good[:bus], errors.SHORT_PACKET), (good[:4 * bus], errors.SHORT_PACKET), (good[:6 * bus], errors.SHORT_PACKET),
        (good[:-bus], errors.SHORT_PACKET), (good + bytes(bus), errors.LONG_PACKET),
        (good + bytes(70 * bus), errors.LONG_PACKET),
    ]
    packets = [packet for bad, _ in wrong for packet in (bad, good)]
    result = top.simulate(packets, simulator=simulator, stall=stall, seed=rng.getrandbits(16))
    codes = [unpack_result(packet, p, (6, 4))[1] for packet in result.packets]
    assert codes == [code for _, error in wrong for code in (error.value, 0)]
    for packet in result.packets[1::2]:
        top.check_packet(packet, a, b)
    assert result.registers["tasks_failed"] == len(wrong) and result.registers["tasks_done"] == 2 * len(wrong)


def test_a_tensor_that_failed_is_gone():
    top, rng = preset("tiny"), generator()
    p = top.parameters
    a, b = (draw_tensor(rng, (3, 20), 0.5, p) for _ in "ab")
    bad = with_words(pack_task(None, b, p, contract=False), {8: 999})
    result = top.simulate([pack_task(None, None, p), pack_task(a, None, p, contract=False), pack_task(None, None, p),
                           pack_task(None, b, p), bad, pack_task(None, None, p), pack_task(None, b, p)])
    gone, bad_pointer = FlaashError.NO_TENSOR.value, FlaashError.BAD_POINTER.value
    assert [unpack_result(packet, p, (3, 3))[1] for packet in result.packets] == [
        gone, 0, gone, 0, bad_pointer, gone, 0]
    top.check_packet(result.packets[-1], a, b)
