"""Join: several streams to one stream of structures."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ._check import require_shape


class Join(wiring.Component):
    """Waits for one item on every input and hands them on as one structure.

    Latency 0, throughput that of the slowest producer, up to 1 item a cycle. Combinational paths:
    `i.*.valid` to `o.valid` and to `i.*.ready`, `o.ready` to `i.*.ready`, none from ready to valid.

    Parameters
    ----------
    shapes : dict of str to shape-like
        Name and payload shape of each input, at least one; the names become the fields of the output.

    Members
    -------
    i : interface with one `In(stream.Signature(shapes[name]))` for each name
        `join.i.query` is the input called ``query``.
    o : Out(stream.Signature(data.StructLayout(shapes)))

    Raises
    ------
    TypeError
        If `shapes` is not a dictionary or one of its values is not shape-like.
    ValueError
        If `shapes` is empty.
    """

    latency = 0

    def __init__(self, shapes):
        if not isinstance(shapes, dict):
            raise TypeError(f"shapes must be a dictionary of names to shapes, not {shapes!r}")
        if not shapes:
            raise ValueError(f"shapes must name at least one input, not {shapes!r}")
        for name, shape in shapes.items():
            require_shape(f"shape of input {name!r}", shape)
        self._shapes = dict(shapes)
        super().__init__({
            "i": In(wiring.Signature({
                name: Out(stream.Signature(shape)) for name, shape in shapes.items()
            })),
            "o": Out(stream.Signature(data.StructLayout(shapes))),
        })

    @property
    def shapes(self):
        """Payload shape of each input by name."""
        return dict(self._shapes)

    def elaborate(self, platform):
        m = Module()
        inputs = {name: getattr(self.i, name) for name in self._shapes}
        complete = Signal()
        m.d.comb += [
            complete.eq(Cat(source.valid for source in inputs.values()).all()),
            self.o.valid.eq(complete),
        ]
        for name, source in inputs.items():
            m.d.comb += [
                self.o.payload[name].eq(source.payload),
                source.ready.eq(complete & self.o.ready),
            ]
        return m
