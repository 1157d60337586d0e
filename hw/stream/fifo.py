"""First-in first-out queue that runs at full rate at every depth."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ._check import require_positive, require_shape
from .buffer import Buffer
from .occupancy import occupancy

#: Most words in LUT RAM: a block RAM takes longer to show a word, and its output has no register here.
_DISTRIBUTED = 64


class Fifo(wiring.Component):
    """Queue of `depth` items, one item in and one item out a cycle at every depth.

    ===== ================================= ======= ==============================
    depth storage                           latency combinational paths
    ===== ================================= ======= ==============================
    1     one register                      1       `o.ready` to `i.ready`
    2     two registers (`Buffer`)          1       none
    3..   memory with a registered output   2       none
    ===== ================================= ======= ==============================

    A single register can only run at full rate when it is refilled in the cycle in which it is emptied, so
    depth 1 alone lets `i.ready` follow `o.ready`. Outputs are registers at every depth. Lossless and ordered.

    Parameters
    ----------
    shape : shape-like
        Shape of the payload.
    depth : int
        Capacity in items, at least 1; any integer, not only powers of two.

    Members
    -------
    i : In(stream.Signature(shape))
    o : Out(stream.Signature(shape))
    level : Out(range(depth + 1))
        Items held, including the one at the output.

    Raises
    ------
    TypeError
        If `shape` is not shape-like or `depth` is not an integer.
    ValueError
        If `depth` is less than 1.
    """

    def __init__(self, shape, depth):
        require_shape("shape", shape)
        require_positive("depth", depth)
        self._shape = shape
        self._depth = depth
        super().__init__({
            "i": In(stream.Signature(shape)),
            "o": Out(stream.Signature(shape)),
            "level": Out(range(depth + 1)),
        })

    @property
    def shape(self):
        """Shape of the payload."""
        return self._shape

    @property
    def depth(self):
        """Capacity in items."""
        return self._depth

    @property
    def latency(self):
        """Cycles from an item taken into an empty queue to its appearance at `o`."""
        return 1 if self._depth <= 2 else 2

    def elaborate(self, platform):
        if self._depth == 1:
            return self._elaborate_register()
        if self._depth == 2:
            return self._elaborate_buffer()
        return self._elaborate_memory()

    def _elaborate_register(self):
        m = Module()
        held = Signal(len(Value.cast(self.i.payload)), reset_less=True)
        valid = Signal()
        m.d.comb += [
            self.i.ready.eq(~valid | self.o.ready),
            self.o.valid.eq(valid),
            Value.cast(self.o.payload).eq(held),
            self.level.eq(valid),
        ]
        with m.If(self.i.ready):
            m.d.sync += [
                valid.eq(self.i.valid),
                held.eq(Value.cast(self.i.payload)),
            ]
        return m

    def _elaborate_buffer(self):
        m = Module()
        m.submodules.buffer = buffer = Buffer(self._shape)
        connect(m, outer=flipped(self.i), inner=buffer.i)
        connect(m, outer=flipped(self.o), inner=buffer.o)
        m.d.comb += self.level.eq(buffer.o.valid + ~buffer.i.ready)
        return m

    def _elaborate_memory(self):
        # One item is in the register at the output, the others in the memory.
        m = Module()
        depth = self._depth - 1
        # A word is never read while it is written, of which synthesis is not aware.
        attrs = {"no_rw_check": 1} | ({"ram_style": "distributed"} if depth <= _DISTRIBUTED else {})
        m.submodules.ram = ram = memory.Memory(shape=len(Value.cast(self.i.payload)), depth=depth, init=[],
                                               attrs=attrs)
        write, read = ram.write_port(), ram.read_port()
        push, pop, valid = Signal(), Signal(), Signal()
        stored, some, room = occupancy(m, depth, push, pop)
        m.d.comb += [
            push.eq(self.i.valid & room), pop.eq(some & (~valid | self.o.ready)),
            self.i.ready.eq(room), self.o.valid.eq(valid), self.level.eq(stored + valid),
            write.en.eq(push), write.data.eq(Value.cast(self.i.payload)),
            read.en.eq(pop), Value.cast(self.o.payload).eq(read.data),
        ]
        with m.If(push):
            m.d.sync += write.addr.eq(Mux(write.addr == depth - 1, 0, write.addr + 1))
        with m.If(pop):
            m.d.sync += read.addr.eq(Mux(read.addr == depth - 1, 0, read.addr + 1))
        with m.If(~valid | self.o.ready):
            m.d.sync += valid.eq(some)
        return m
