"""Skid buffer: cuts both directions of a stream at full rate."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ._check import require_shape


class Buffer(wiring.Component):
    """Two-entry skid buffer.

    `o.valid`, `o.payload` and `i.ready` come straight from registers, so neither the valid path nor the
    ready path continues through the buffer. Latency is 1 cycle, throughput 1 item a cycle. Lossless and
    ordered.

    Parameters
    ----------
    shape : shape-like
        Shape of the payload.

    Members
    -------
    i : In(stream.Signature(shape))
    o : Out(stream.Signature(shape))

    Raises
    ------
    TypeError
        If `shape` is not shape-like.
    """

    latency = 1

    def __init__(self, shape):
        require_shape("shape", shape)
        self._shape = shape
        super().__init__({
            "i": In(stream.Signature(shape)),
            "o": Out(stream.Signature(shape)),
        })

    @property
    def shape(self):
        """Shape of the payload."""
        return self._shape

    def elaborate(self, platform):
        m = Module()

        # The skid entry catches the item that arrives in the cycle in which the consumer stalls: the
        # producer learns of the stall one cycle late because `i.ready` is a register. That the entry is in use is
        # the opposite of it, in a register of its own: what chooses among wide payloads is slow for others.
        ready, skidded = Signal(init=1), Signal()
        i_bits = Value.cast(self.i.payload)
        o_bits = Signal(len(i_bits), reset_less=True)
        skid = Signal(len(i_bits), reset_less=True)
        valid = Signal()

        m.d.comb += [
            self.i.ready.eq(ready),
            self.o.valid.eq(valid),
            Value.cast(self.o.payload).eq(o_bits),
        ]
        moves = self.o.ready | ~valid
        m.d.sync += [
            ready.eq(moves | (ready & ~self.i.valid)),
            skidded.eq(~moves & (skidded | self.i.valid)),
            valid.eq(~moves | self.i.valid | ~ready),
        ]
        with m.If(moves):
            with m.If(skidded):
                m.d.sync += o_bits.eq(skid)
            with m.Else():
                m.d.sync += o_bits.eq(i_bits)
        with m.If(~skidded):
            m.d.sync += skid.eq(i_bits)
        return m
