"""Round-robin arbiter: several streams share one."""

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ._check import require_positive, require_shape
from .select import any_of, lowest_bit, number_of


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
        # A bit for each input: the one served last, those behind it that are valid, and the one that is served.
        served = Signal(self._count, init=1 << (self._count - 1))
        locked = Signal()
        valid, behind, grant = Signal(self._count), Signal(self._count), Signal(self._count)
        m.d.comb += [
            valid.eq(Cat(source.valid for source in self.i)),
            behind.eq(Cat(valid[n] & served[:n].any() for n in range(self._count))),
            grant.eq(Mux(locked, served, Mux(behind.any(), lowest_bit(behind), lowest_bit(valid)))),
            # The payload waits for the choice, and the handshake does not.
            self.o.valid.eq(Mux(locked, (valid & served).any(), valid.any())),
            Value.cast(self.o.payload).eq(any_of([
                Value.cast(source.payload) & chosen.replicate(len(Value.cast(source.payload)))
                for source, chosen in zip(self.i, grant, strict=True)])),
            self.source.eq(number_of(grant)),
            *(source.ready.eq(self.o.ready & chosen) for source, chosen in zip(self.i, grant, strict=True)),
        ]

        final = self.o.payload["last"] if self._packets else 1
        with m.If(self.o.valid):
            m.d.sync += [
                served.eq(grant),
                locked.eq(~(self.o.ready & final)),
            ]
        return m
