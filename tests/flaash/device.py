"""What a `flaash` accelerator answers to packets, in Python: tasks read off their bytes, results by the definition."""

import random
import struct

import numpy as np

from sim.golden.flaash import FiberTensor, contract_fibers, find_value_format

__all__ = ["answer", "result_packet"]


def value_of(word, form):
    """A value of its word of 32 bits."""
    return struct.unpack("<f" if form.is_float else "<i", struct.pack("<I", word))[0]


class Words:
    """Words of 32 bits of a packet, section by section."""

    def __init__(self, packet, bus_width):
        assert len(packet) % (bus_width // 8) == 0
        self.words, self.place, self.beat = struct.unpack(f"<{len(packet) // 4}I", packet), 0, bus_width // 32

    def section(self, count):
        """The next `count` words, which begin with a beat."""
        words = self.words[self.place:self.place + count]
        self.place += -(-count // self.beat) * self.beat
        return words


def result_packet(results, p, rng, trailer=0xA500):
    """Beats of results (destination, value), lanes without one among them, and the trailer."""
    lanes = list(results) + [(0xFFFFFFFF, 0)] * rng.randrange(3)
    rng.shuffle(lanes)
    lanes += [(0xFFFFFFFF, 0)] * (-len(lanes) % p.results_of_beat)
    if p.accumulator == 48:
        payload = b"".join(struct.pack("<IIq", place, 0, int(value)) for place, value in lanes)
    else:
        payload = b"".join(struct.pack("<If" if p.is_float else "<Ii", place, value) for place, value in lanes)
    return payload + trailer.to_bytes(p.bus_width // 8, "little")


def answer(packets, p, trailer, seed=1):
    """Result packets of tasks; `trailer` is that of a task without error."""
    form, rng, here, results = find_value_format(p.values, p.accumulator), random.Random(seed), {}, []
    for packet in packets:
        words = Words(packet, p.bus_width)
        flags, sizes, length, fibers_a, entries_a, fibers_b, entries_b, _ = words.section(8)
        assert flags & 0xFFFF == 0xF1A5 and sizes >> 16 == 0
        for bit, name, fibers, entries in ((16, "a", fibers_a, entries_a), (17, "b", fibers_b, entries_b)):
            if flags >> bit & 1:
                assert fibers <= p.fibers and entries <= p.entries
                here[name] = (words.section(fibers), words.section(2 * entries), length)
            else:
                assert fibers == entries == 0
        assert words.place == len(words.words)
        results.append(result_packet(contract(here, sizes, flags, form, p) if flags >> 18 & 1 else [], p, rng, trailer))
    return results


def contract(here, portions, flags, form, p):
    """Destinations and values of those results that are sent."""
    tensors = {}
    for name, (pointers, entries, length) in here.items():
        pieces = [(start, end) for start, end in zip((0, *pointers[:-1]), pointers, strict=True)]
        fibers = len(pieces) // portions
        coords, values = [], []
        for piece, (start, end) in enumerate(pieces):
            for index, value in zip(entries[2 * start:2 * end:2], entries[2 * start + 1:2 * end:2], strict=True):
                assert index // -(-length // portions) == piece // fibers
                coords.append((piece % fibers, index))
                values.append(value_of(value, form))
        tensors[name] = FiberTensor.from_coo(np.array(coords, dtype=np.int64).reshape(-1, 2),
                                             np.array(values, dtype=form.dtype), (fibers, length))
    a, b = tensors["a"], tensors["b"]
    assert portions == 1 or a.fibers * b.fibers * portions <= p.sums
    c = contract_fibers(a, b, form, -(-a.shape[-1] // portions)).c.ravel()
    # An empty side sends nothing.
    busy = np.outer(np.diff(a.pointers) > 0, np.diff(b.pointers) > 0).ravel()
    return [(place, c[place]) for place in np.flatnonzero(busy & ((c != 0) | (not flags >> 19 & 1)))]
