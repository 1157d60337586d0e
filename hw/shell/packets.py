"""Packet boundaries around an engine that can be reset in the middle of a packet."""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.stream import Word

from .engine import TRAILER_MARKER

__all__ = ["InputGate", "OutputGuard", "trailer"]


def trailer(error, bus_width):
    """Final beat of an output packet, as a constant of layout :class:`~hw.stream.Word`.

    Parameters
    ----------
    error : int or :class:`enum.Enum`
        Error code, 0 to 255.
    bus_width : int
        Width of a beat's data in bits.
    """
    return Word(bus_width).const({"data": TRAILER_MARKER << 8 | getattr(error, "value", error), "last": 1})


class InputGate(wiring.Component):
    """Admits input packets as a whole, or not at all.

    Without ``enable`` no new packet begins; one that is open goes on to its last beat. ``reset`` throws away
    the packet that is open, if any: its remaining beats are taken from the host, at one a cycle, and not
    passed on. Whatever is downstream of ``o`` is to be reset in the same cycle. Beats pass without latency.

    Parameters
    ----------
    bus_width : int
        Width of a beat's data in bits.

    Members
    -------
    i : ``In(stream.Signature(Word(bus_width)))``
    o : ``Out(stream.Signature(Word(bus_width)))``
        Withdraws its beat when ``enable`` falls or ``reset`` rises, so a register has to follow.
    enable : ``In(1)``
    reset : ``In(1)``
    open : ``Out(1)``
        A first beat was taken, its last was not.
    draining : ``Out(1)``
        The open packet is being thrown away.
    """

    def __init__(self, bus_width):
        word = Word(bus_width)
        super().__init__({
            "i": In(stream.Signature(word)),
            "o": Out(stream.Signature(word)),
            "enable": In(1),
            "reset": In(1),
            "open": Out(1),
            "draining": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        admit, still_open = Signal(), Signal()
        m.d.comb += [
            admit.eq((self.open | self.enable) & ~self.draining),
            self.o.p.eq(self.i.p),
            self.o.valid.eq(self.i.valid & admit),
            self.i.ready.eq((self.o.ready & admit) | self.draining),
            still_open.eq(Mux(self.i.valid & self.i.ready, ~self.i.p.last, self.open)),
        ]
        m.d.sync += [
            self.open.eq(still_open),
            self.draining.eq((self.draining | self.reset) & still_open),
        ]
        return m


class OutputGuard(wiring.Component):
    """Ends each output packet with a trailer, even if the engine is reset before it does.

    ``reset`` closes the packet that is open, if any, with one beat of its own: ``trailer(error, bus_width)``.
    Beats pass without latency.

    Parameters
    ----------
    bus_width : int
        Width of a beat's data in bits.
    error : int or :class:`enum.Enum`
        Error code of that trailer.

    Members
    -------
    i : ``In(stream.Signature(Word(bus_width)))``
    o : ``Out(stream.Signature(Word(bus_width)))``
        Replaces a beat that was not taken when ``reset`` rises, so a register has to follow.
    reset : ``In(1)``
    open : ``Out(1)``
        A first beat was passed on, its last was not.
    closing : ``Out(1)``
        The trailer is being added.
    """

    def __init__(self, bus_width, *, error):
        word = Word(bus_width)
        self._trailer = trailer(error, bus_width)
        super().__init__({
            "i": In(stream.Signature(word)),
            "o": Out(stream.Signature(word)),
            "reset": In(1),
            "open": Out(1),
            "closing": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        still_open = Signal()
        m.d.comb += [
            self.o.p.eq(Mux(self.closing, Const(self._trailer.as_bits(), len(self.o.p.as_value())),
                            self.i.p.as_value())),
            self.o.valid.eq(self.i.valid | self.closing),
            self.i.ready.eq(self.o.ready & ~self.closing),
            still_open.eq(Mux(self.o.valid & self.o.ready, ~self.o.p.last, self.open)),
        ]
        m.d.sync += [
            self.open.eq(still_open),
            self.closing.eq((self.closing | self.reset) & still_open),
        ]
        return m
