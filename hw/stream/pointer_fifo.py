"""Queue whose items stay where they are, so that taking one moves an address only."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.shared import shared

from ._check import require_shape
from .apart import APART
from .occupancy import occupancy
from .register_file import RegisterFile

_PART = 64                   # bits of an item that share their addresses


class PointerFifo(wiring.Component):
    """Queue of `depth` items in LUT RAM, one item in and one out a cycle.

    For wide items whose consumer is late to say that it takes them: `o.ready` goes to an address, a level and two
    flags, and not to the enables of a register as wide as the item, as it does in :class:`Buffer` and :class:`Fifo`.
    In return the payload comes out of the LUT RAM and not from a register. `o.valid` and `i.ready` are registers. Each
    64 bits have addresses of their own, as what makes the bits of a wide item, and what takes them, is far apart.
    Latency is 1 cycle. Lossless and ordered.

    Parameters
    ----------
    shape : shape-like
        Shape of the payload.
    depth : int
        Capacity in items, a power of two, at least 2.
    counted : bool
        Items come only when there is room, because who sends them counts: `i.ready` is high then, and is not waited
        for.

    Members
    -------
    i : In(stream.Signature(shape))
    o : Out(stream.Signature(shape))

    Raises
    ------
    TypeError
        If `shape` is not shape-like.
    ValueError
        If `depth` is not a power of two of at least 2.
    """

    latency = 1

    def __init__(self, shape, depth=16, counted=False):
        require_shape("shape", shape)
        if depth < 2 or depth & (depth - 1):
            raise ValueError(f"depth must be a power of two of at least 2, not {depth!r}")
        self._depth, self._counted = depth, counted
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        payload, out, address_bits = Value.cast(self.i.payload), Value.cast(self.o.payload), ceil_log2(self._depth)
        push, pop = Signal(), Signal()
        _, some, room = occupancy(m, self._depth, push, pop)
        m.d.comb += [
            push.eq(self.i.valid & (room | self._counted)), pop.eq(some & self.o.ready),
            self.i.ready.eq(room), self.o.valid.eq(some),
        ]
        for part, start in enumerate(range(0, len(payload), _PART)):
            bits = slice(start, start + _PART)
            items = m.submodules[f"items{part}"] = shared(RegisterFile, len(payload[bits]), self._depth)
            write, read = (Signal(address_bits, name=f"{name}{part}", attrs=APART) for name in ("write", "read"))
            m.d.comb += [
                items.write_enable.eq(push), items.write_address.eq(write), items.write_data.eq(payload[bits]),
                items.read_address.eq(read), out[bits].eq(items.read_data),
            ]
            m.d.sync += [write.eq(write + push), read.eq(read + pop)]
        return m
