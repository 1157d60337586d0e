"""A FIFO of kept keys that marks the last key of each row."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.stream import Fifo

__all__ = ["KeyEntry", "KeyList", "ListedKey"]


class KeyEntry(data.StructLayout):
    """What is written to the list: a key, or the end of the row.

    A key that leads may raise the running maximum; ``pair`` means that the key behind it leads with it.
    """

    def __init__(self, parameters):
        super().__init__({"key": parameters.key_bits, "lead": 1, "pair": 1, "end": 1})


class ListedKey(data.StructLayout):
    """What is read: a key with `last` on the row's last one; a row without keys is one element with `empty`."""

    def __init__(self, parameters):
        super().__init__({"key": parameters.key_bits, "lead": 1, "pair": 1, "last": 1, "empty": 1})


class KeyList(wiring.Component):
    """Queue of keys, long enough for all keys of a row.

    Members
    -------
    entry, valid, ready : In(KeyEntry), In(1), Out(1)
        Writing side.
    nearly_full : Out(1)
        Fewer than 32 free places: who cannot wait must stop now.
    o : Out(stream of ListedKey)
        One key a cycle, except that a row's end costs the cycle after its last key.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "entry": In(KeyEntry(p)),
            "valid": In(1),
            "ready": Out(1),
            "nearly_full": Out(1),
            "o": Out(stream.Signature(ListedKey(p))),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        depth = p.max_keys + 64
        m.submodules.fifo = fifo = Fifo(KeyEntry(p), depth)
        m.d.comb += [fifo.i.payload.as_value().eq(self.entry.as_value()), fifo.i.valid.eq(self.valid),
                     self.ready.eq(fifo.i.ready), self.nearly_full.eq(fifo.level > depth - 32)]

        # One key is held back until it is known whether the row ends behind it.
        held, occupied = Signal(KeyEntry(p)), Signal()
        head = fifo.o.payload
        end = head.end
        m.d.comb += [
            self.o.payload.key.eq(held.key),
            # What was held last is still there in a row without keys, which must not wait for a partner.
            self.o.payload.lead.eq(held.lead & occupied),
            self.o.payload.pair.eq(held.pair & occupied),
            self.o.payload.last.eq(end),
            self.o.payload.empty.eq(~occupied),
            self.o.valid.eq(fifo.o.valid & (occupied | end)),
            fifo.o.ready.eq(self.o.ready | (~occupied & ~end)),
        ]
        with m.If(fifo.o.valid & fifo.o.ready):
            m.d.sync += [held.eq(head), occupied.eq(~end)]
        return m
