"""Fork: one stream to several consumers."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ._check import require_positive, require_shape


class Fork(wiring.Component):
    """Eager fork: every output gets every item once, and each output is taken independently.

    An output that has taken the current item goes quiet until the slowest one has taken it too; the input is
    accepted in that cycle. Latency 0, throughput that of the slowest consumer, up to 1 item a cycle.
    Combinational paths: `i.valid` to `o[n].valid` and `o[n].ready` to `i.ready`, none from ready to valid.

    Parameters
    ----------
    shape : shape-like
        Shape of the payload.
    count : int
        Number of outputs, at least 1.

    Members
    -------
    i : In(stream.Signature(shape))
    o : Out(stream.Signature(shape)).array(count)

    Raises
    ------
    TypeError
        If `shape` is not shape-like or `count` is not an integer.
    ValueError
        If `count` is less than 1.
    """

    latency = 0

    def __init__(self, shape, count):
        require_shape("shape", shape)
        require_positive("count", count)
        self._shape = shape
        self._count = count
        super().__init__({
            "i": In(stream.Signature(shape)),
            "o": Out(stream.Signature(shape)).array(count),
        })

    @property
    def shape(self):
        """Shape of the payload."""
        return self._shape

    @property
    def count(self):
        """Number of outputs."""
        return self._count

    def elaborate(self, platform):
        m = Module()
        taken = Signal(self._count)
        finished = Signal(self._count)

        for n, output in enumerate(self.o):
            m.d.comb += [
                output.payload.eq(self.i.payload),
                output.valid.eq(self.i.valid & ~taken[n]),
                finished[n].eq(taken[n] | output.ready),
            ]
        m.d.comb += self.i.ready.eq(finished.all())
        with m.If(self.i.valid):
            # Once all have finished the item leaves, and the marks with it.
            m.d.sync += taken.eq(finished & ~self.i.ready.replicate(self._count))
        return m
