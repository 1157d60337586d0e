"""Windows of a side of an engine, with the highest indices apart from the entries."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.shared import shared
from hw.stream.block_memory import BlockMemory
from hw.stream.register_file import RegisterFile

from .layouts import Window

__all__ = ["Head", "WindowBuffer"]


class Head(data.StructLayout):
    """What the merge needs to know of a window."""

    def __init__(self, parameters):
        super().__init__({"highest": parameters.index_bits, "last": 1})


class WindowBuffer(wiring.Component):
    """A ring of windows: written one a cycle, read anywhere.

    Their heads are read without latency, by each of the jobs at work; entries, which only follow, with a latency of
    2 cycles. Places have a bit more than an address, so that a full ring is not an empty one.

    Parameters
    ----------
    parameters : FlaashParameters
    readers : int
        Ports for heads.
    late : int
        Windows that may come once `room` is low.

    Members
    -------
    valid, window : In
    written : Out
        Place of the next window.
    free : In
        Windows before this place are no longer needed.
    room : Out(1)
    head_place, head : In, Out, arrays (readers,)
    place : In
    entries, present : Out
        2 cycles later.
    """

    latency = 2

    def __init__(self, parameters, readers, late):
        p = self._parameters = parameters
        self._readers, self._late = readers, late
        places, window = p.buffer_bits + 1, Window(p)
        super().__init__({
            "valid": In(1), "window": In(window), "written": Out(places), "free": In(places), "room": Out(1),
            "head_place": In(places).array(readers), "head": Out(Head(p)).array(readers),
            "place": In(places), "entries": Out(window["entries"].shape), "present": Out(p.window),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        address = self.written[:p.buffer_bits]
        head, entries = Signal(Head(p)), Cat(self.window.present, self.window.entries)
        used = Signal(p.buffer_bits + 1)
        m.d.comb += [head.highest.eq(self.window.highest), head.last.eq(self.window.last),
                     used.eq(self.written - self.free)]
        # A window that is written in this cycle is not in `used`, and `room` is a register, too.
        m.d.sync += [self.written.eq(self.written + self.valid),
                     self.room.eq(used < p.buffer_windows - self._late - 2)]
        for reader in range(self._readers):
            heads = RegisterFile(Head(p).size, p.buffer_windows)
            m.submodules[f"heads{reader}"] = heads
            m.d.comb += [
                heads.write_enable.eq(self.valid), heads.write_address.eq(address), heads.write_data.eq(head),
                heads.read_address.eq(self.head_place[reader][:p.buffer_bits]),
                self.head[reader].as_value().eq(heads.read_data),
            ]
        m.submodules.ram = ram = shared(BlockMemory, len(entries), p.buffer_windows, p.buffer_windows <= 32,
                                        self.latency, vendor=p.vendor)
        m.d.comb += [
            ram.write_enable.eq(self.valid), ram.write_address.eq(address), ram.write_data.eq(entries),
            ram.read_enable.eq(1), ram.read_address.eq(self.place[:p.buffer_bits]),
            Cat(self.present, self.entries).eq(ram.read_data),
        ]
        return m
