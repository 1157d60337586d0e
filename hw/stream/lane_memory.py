"""A memory of vectors: written a beat at a time, read a slice of lanes at a time."""

from amaranth.hdl import Cat, Module, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.shared import shared

from .block_memory import BlockMemory
from .delay import delay

__all__ = ["LaneMemory"]


class LaneMemory(wiring.Component):
    """Vectors whose elements are spread over lanes.

    A vector has up to ``folds * lanes`` elements. Beat ``b`` of a vector carries elements
    ``b * beat_elements ...``; the read port returns lanes ``fold * lanes ...`` of one vector. Each beat position
    has a bank of its own, so a write touches one bank and a read all of them. See :class:`BlockMemory`.

    Parameters
    ----------
    vectors : int
        Number of vectors.
    folds : int
        Reads that a whole vector takes.
    lanes : int
        Elements returned by one read.
    beat_elements : int
        Elements written at once; divides `lanes`, and the quotient is a power of two.
    width : int
        Bits of an element.
    distributed : bool
        See :class:`BlockMemory`.
    latency, vendor :
        See :class:`BlockMemory`.
    apart : bool
        Registers of its own at both ports, and of each bank for addresses, for a memory of many block RAMs that is far
        from what it shares its inputs with: a cycle more until what is written can be read, and a cycle more of
        ``latency``.

    Members
    -------
    write : In, valid only
        ``enable``, ``vector``, ``beat`` and ``data``. Taken in the same cycle, or with `apart` in the next one.
    read_vector, read_fold, read_enable : In
        What to read.
    read_data : Out
        The lanes, `latency` cycles later; held while ``read_enable`` is low.
    """

    def __init__(self, vectors, folds, lanes, beat_elements, width, distributed=False, latency=2, vendor="generic",
                 apart=False):
        if lanes % beat_elements or (lanes // beat_elements) & (lanes // beat_elements - 1):
            raise ValueError(f"lanes must be beat_elements times a power of two, not {lanes!r}")
        self._banks = lanes // beat_elements
        self._depth = folds << ceil_log2(vectors)
        self._vectors, self._folds = vectors, folds
        self._bank_width = beat_elements * width
        self._distributed, self._vendor = distributed, vendor
        # Equal parts of a bank are one module, elaborated once; the width fills block RAMs of 36 bits, or those of
        # 9 bits, which is how deep ones are used.
        self._part_width = (9 if self._depth > 1024 else max(1, 72 // width)) * width
        self._block_latency, self._apart = latency, apart
        self.latency = latency + apart
        vector_bits, bank_bits = ceil_log2(vectors), ceil_log2(self._banks)
        super().__init__({
            "write_enable": In(1),
            "write_vector": In(vector_bits),
            "write_beat": In(max(1, bank_bits + ceil_log2(folds))),
            "write_data": In(data.ArrayLayout(unsigned(width), beat_elements)),
            "read_enable": In(1),
            "read_vector": In(vector_bits),
            "read_fold": In(max(1, ceil_log2(folds))),
            "read_data": Out(data.ArrayLayout(unsigned(width), lanes)),
        })

    def elaborate(self, platform):
        m = Module()
        bank_bits, fold_bits = ceil_log2(self._banks), ceil_log2(self._folds)
        read = []

        def own(name, payload=True, of=""):
            value = Value.cast(getattr(self, name))
            return delay(m, value, 1, f"{name}{of}", payload=payload, apart=True) if self._apart else value

        write_data = own("write_data")
        for bank in range(self._banks):
            write_enable, read_enable = (own(name, payload=False, of=bank) for name in ("write_enable", "read_enable"))
            write_vector, write_beat, read_vector, read_fold = (
                own(name, of=bank) for name in ("write_vector", "write_beat", "read_vector", "read_fold"))
            chosen = write_beat[:bank_bits] == bank if bank_bits else 1
            for first in range(0, self._bank_width, self._part_width):
                width = min(self._part_width, self._bank_width - first)
                ram = shared(BlockMemory, width, self._depth, self._distributed, self._block_latency,
                             vendor=self._vendor)
                m.submodules[f"bank{bank}_{first}"] = ram
                m.d.comb += [
                    ram.write_enable.eq(write_enable & chosen),
                    ram.write_address.eq(Cat(write_vector, write_beat[bank_bits:bank_bits + fold_bits])),
                    ram.write_data.eq(write_data[first:first + width]),
                    ram.read_enable.eq(read_enable),
                    ram.read_address.eq(Cat(read_vector, read_fold[:fold_bits])),
                ]
                read.append(ram.read_data)
        m.d.comb += self.read_data.as_value().eq(Cat(read))
        return m
