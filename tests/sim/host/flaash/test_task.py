"""Packets of tasks and results, byte for byte as they were written by hand."""

import numpy as np
import pytest

from hw.flaash.parameters import FlaashParameters
from hw.shell import TRAILER_MARKER
from sim.golden.flaash import FP32, INT16, FiberTensor, contract_fibers
from sim.host.flaash import fiber_pieces, pack_task, portion_length, unpack_result
from tests.sim.golden.flaash.draw import random_tensor

#: Fibers: (1: -2, 3: 5), none, (0: 7).
A = FiberTensor.from_dense(np.array([[0, -2, 0, 5], [0, 0, 0, 0], [7, 0, 0, 0]], dtype=np.int16))
B = FiberTensor.from_dense(np.array([[0, 300, 0, 0]], dtype=np.int16))


def parameters(**changes):
    return FlaashParameters(**{"bus_width": 128, "engines": 2, "entries": 64, "fibers": 8, "sums": 8} | changes)


def words(*numbers):
    return b"".join(number.to_bytes(4, "little") for number in numbers)


HEADER_OF_BOTH = words(0x0007_F1A5, 1, 4, 3, 3, 1, 1, 0)


def test_both_tensors():
    assert pack_task(A, B, parameters()) == HEADER_OF_BOTH + words(
        2, 2, 3, 0,                                          # pointers of a, filled up
        1, 0xFFFF_FFFE, 3, 5, 0, 7, 0, 0,                    # its entries, filled up
        1, 0, 0, 0, 1, 300, 0, 0)


@pytest.mark.parametrize("bus_width, header", [(64, 32), (256, 32), (512, 64)])
def test_sections_begin_with_a_beat(bus_width, header):
    packet = pack_task(A, B, parameters(bus_width=bus_width))
    beat = bus_width // 8
    assert packet[:32] == HEADER_OF_BOTH and not any(packet[32:header])
    sizes = [-(-size // beat) * beat for size in (12, 24, 4, 8)]
    assert len(packet) == header + sum(sizes)
    assert packet[header + sizes[0]:][:8] == words(1, 0xFFFF_FFFE)
    assert packet[header + sum(sizes[:3]):][:8] == words(1, 300)


def test_parts_of_a_task():
    p, empty = parameters(), FiberTensor.from_dense(np.zeros((2, 4), dtype=np.int16))
    assert pack_task(None, None, p) == words(0x0004_F1A5, 1, 0, 0, 0, 0, 0, 0)
    assert pack_task(None, empty, p, contract=False) == words(0x0002_F1A5, 1, 4, 0, 0, 2, 0, 0, 0, 0, 0, 0)
    assert pack_task(A, None, p, contract=False)[:32] == words(0x0001_F1A5, 1, 4, 3, 3, 0, 0, 0)
    assert pack_task(None, None, p, drop_zeros=True, magic=7, portions=3)[:8] == words(0x000C_0007, 3)


def test_fp32_is_sent_as_it_is():
    tensor = FiberTensor.from_dense(np.array([-1.5, 0], dtype=np.float32))
    assert pack_task(tensor, None, parameters(values="fp32"))[48:56] == words(0, 0xBFC0_0000)
    with pytest.raises(TypeError, match="values of tensor a must be int8, not float32"):
        pack_task(tensor, None, parameters(values="int8"))


def test_portions():
    """Indices 0, 1 and then 2, 3: pieces of portion 0 before those of portion 1."""
    pointers, indices, values = fiber_pieces(A, 2)
    assert list(pointers) == [0, 1, 1, 2, 3, 3, 3]
    assert list(indices) == [1, 0, 3] and list(values) == [-2, 7, 5]
    packet = pack_task(A, None, parameters(), portions=2)
    assert packet[:32] == words(0x0005_F1A5, 2, 4, 6, 3, 0, 0, 0)
    assert packet[32:] == words(1, 1, 2, 3, 3, 3, 0, 0, 1, 0xFFFF_FFFE, 0, 7, 3, 5, 0, 0)
    assert (portion_length(9, 4), portion_length(8, 4), portion_length(1, 1)) == (3, 2, 1)


@pytest.mark.parametrize("portions", [1, 2, 3, 4, 7, 23])
def test_pieces_of_portions_are_those_of_the_golden_model(portions):
    """Contracting the pieces of each portion, and adding in order, is the golden model's contraction."""
    generator = np.random.default_rng(portions)
    a, b = (random_tensor(generator, (count, 23), 0.5, FP32) for count in (4, 3))
    whole = np.zeros((4, 3), dtype=np.float32)
    cut = [fiber_pieces(tensor, portions) for tensor in (a, b)]
    for portion in range(portions):
        part = []
        for tensor, (pointers, indices, values) in zip((a, b), cut, strict=True):
            bounds = pointers[portion * tensor.fibers:(portion + 1) * tensor.fibers + 1]
            inside = slice(bounds[0], bounds[-1])
            part.append(FiberTensor(tensor.shape, bounds - bounds[0], indices[inside], values[inside]))
        whole += contract_fibers(*part, FP32).c
    assert (whole == contract_fibers(a, b, FP32, portion_length(23, portions)).c).all()


TRAILER = TRAILER_MARKER << 8
NONE = 0xFFFF_FFFF


def trailer(bus_width, code=0):
    return (TRAILER | code).to_bytes(bus_width // 8, "little")


def test_results():
    p = parameters()
    packet = words(5, 0xFFFF_FFF9, NONE, 123, NONE, 0, 0, 4) + trailer(128)
    c, code = unpack_result(packet, p, (2, 3))
    assert code == 0 and c.dtype == np.int32 and (c == [[4, 0, 0], [0, 0, -7]]).all()
    assert unpack_result(trailer(128), p)[0].size == 0
    c, _ = unpack_result(words(1, 0x7FC0_0000, 0, 0x3F80_0000) + trailer(128), parameters(values="fp32"), (1, 2))
    assert c.dtype == np.float32 and c[0, 0] == 1 and c.view(np.uint32)[0, 1] == 0x7FC0_0000


def test_wide_results():
    p = parameters(accumulator=48)
    packet = words(1, 0, 0xFFFF_FFFE, 0xFFFF_FFFF, 0, 0, 5, 0x7FFF) + trailer(128)
    c, _ = unpack_result(packet, p, (1, 2))
    assert c.dtype == np.int64 and list(c[0]) == [0x7FFF << 32 | 5, -2]
    for wrong in (words(1, 1, 0, 0), words(1, 0, 0, 0x8000)):
        with pytest.raises(ValueError, match="a result is wider than 48 bits"):
            unpack_result(wrong + trailer(128), p, (1, 2))


def test_a_task_that_failed():
    assert unpack_result(words(0, 1, 1, 2) + trailer(128, 7), parameters(), (1, 2)) == (None, 7)


@pytest.mark.parametrize("packet, options, sentence", [
    (words(0, 0, 0, 0), {}, "the result does not end with a trailer"),
    (b"", {}, "the result does not end with a trailer"),
    (words(0, 0) + trailer(128), {}, "the result has 8 bytes before its trailer, which are no whole beats"),
    (words(0, 3, 2, 3) + trailer(128), {}, "a result has destination 2, but there are 2 pairs of fibers"),
    (words(1, 3, 1, 3) + trailer(128), {}, "the result of destination 1 came 2 times"),
    (words(1, 0, NONE, 0) + trailer(128), {"drop_zeros": True},
     "the result of destination 1 is zero and was not dropped"),
])
def test_refused_results(packet, options, sentence):
    with pytest.raises(ValueError) as failure:
        unpack_result(packet, parameters(), (1, 2), **options)
    assert str(failure.value) == sentence


def test_int16_is_the_only_type_of_int16():
    with pytest.raises(TypeError, match="values of tensor b must be int16, not int8"):
        pack_task(None, A.with_values(A.values.astype(np.int8)), parameters(values=INT16.name))
