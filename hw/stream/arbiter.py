"""Round-robin arbiter: several streams share one."""

from amaranth.hdl import Module, Shape, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ._check import require_positive, require_shape


def _has_last(shape):
    try:
        layout = data.Layout.cast(shape)
    except TypeError:
        return False
    fields = dict(layout)
    if "last" not in fields:
        return False
    width = Shape.cast(fields["last"].shape).width
    if width != 1:
        raise ValueError(f"field 'last' of shape must be 1 bit wide, not {width!r}")
    return True


class Arbiter(wiring.Component):
    """Merges `count` streams, one packet or one item at a time, in rotation.

    When the payload has a field `last`, a granted input keeps the grant up to and including the item that
    carries it, so packets stay whole; otherwise the grant moves on after each item. The next grant goes to
    the first requesting input after the one served last, so no input waits for more than `count` - 1 grants
    of others. A grant once shown at `o` stays until the item is taken.

    Latency 0, 1 item a cycle, no idle cycle between grants. Combinational paths: `i[n].valid` and
    `i[n].payload` to `o`, `o.ready` and `i.valid` to `i.ready`, none from ready to valid.

    Parameters
    ----------
    shape : shape-like
        Shape of the payload.
    count : int
        Number of inputs, at least 1.

    Members
    -------
    i : In(stream.Signature(shape)).array(count)
    o : Out(stream.Signature(shape))
    source : Out(range(count))
        Index of the input that the item at `o` comes from; meaningful and stable while `o.valid`.

    Raises
    ------
    TypeError
        If `shape` is not shape-like or `count` is not an integer.
    ValueError
        If `count` is less than 1 or the field `last` is not 1 bit wide.
    """

    latency = 0

    def __init__(self, shape, count):
        require_shape("shape", shape)
        require_positive("count", count)
        self._shape = shape
        self._count = count
        self._packets = _has_last(shape)
        super().__init__({
            "i": In(stream.Signature(shape)).array(count),
            "o": Out(stream.Signature(shape)),
            "source": Out(range(count)),
        })

    @property
    def shape(self):
        """Shape of the payload."""
        return self._shape

    @property
    def count(self):
        """Number of inputs."""
        return self._count

    @property
    def packets(self):
        """Whether a grant lasts for a whole packet."""
        return self._packets

    def elaborate(self, platform):
        m = Module()
        served = Signal(range(self._count), init=self._count - 1)
        locked = Signal()
        choice = Signal(range(self._count))
        grant = Signal(range(self._count))

        # Later assignments win: inputs at or before the one served last come first in the code, the others
        # after them, each group from its highest index down, so the lowest index of the best group remains.
        for n in reversed(range(self._count)):
            with m.If(self.i[n].valid):
                m.d.comb += choice.eq(n)
        for n in reversed(range(1, self._count)):
            with m.If(self.i[n].valid & (n > served)):
                m.d.comb += choice.eq(n)

        m.d.comb += [
            grant.eq(choice),
            self.source.eq(grant),
        ]
        with m.If(locked):
            m.d.comb += grant.eq(served)
        with m.Switch(grant):
            for n, source in enumerate(self.i):
                with m.Case(n):
                    m.d.comb += [
                        self.o.payload.eq(source.payload),
                        self.o.valid.eq(source.valid),
                        source.ready.eq(self.o.ready),
                    ]

        final = self.o.payload["last"] if self._packets else 1
        with m.If(self.o.valid):
            m.d.sync += [
                served.eq(grant),
                locked.eq(~(self.o.ready & final)),
            ]
        return m
