"""Square root of a variance, by digits."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["RESULT_FRACTION", "ROOT_BITS", "VarianceRoot"]

ROOT_BITS = 20
#: Fraction bits of a difference from the mean once it is in units of the root.
RESULT_FRACTION = 16


class VarianceRoot(wiring.Component):
    """``root = floor(sqrt(value 2^-2g))``, of 20 bits, and ``places = g + cut + root_bits - 1 - result_fraction``.

    g is the number for which ``value 2^-2g`` has 40 or 39 bits. The value is shifted by eight places or two a cycle
    until it has them, and then gives a bit of the root a cycle, by the restoring method. At most 35 cycles a value
    for 62 bits; no multiplier.

    Parameters
    ----------
    value_bits : int
    cut_range : range
        As of `Variance`.

    Members
    -------
    i : In(stream of {value, cut})
    o : Out(stream of {root, places})
        The root of 0 is 0, and its `places` mean nothing.
    """

    def __init__(self, value_bits, cut_range):
        # Enough for the bits of the root, and an even number, for pairs.
        self._width = max(2 * ROOT_BITS, value_bits + value_bits % 2)
        self._cut_range = cut_range
        super().__init__({
            "i": In(stream.Signature(data.StructLayout({"value": value_bits, "cut": cut_range}))),
            "o": Out(stream.Signature(data.StructLayout({"root": ROOT_BITS, "places": 6}))),
        })

    def elaborate(self, platform):
        m = Module()
        width = self._width
        value, remainder, root = (Signal(bits, name=name, reset_less=True) for bits, name in (
            (width, "value"), (ROOT_BITS + 2, "remainder"), (ROOT_BITS, "root")))
        # `places` counts down from what it is for a value without leading zeros.
        pairs, places, steps = Signal(range(width // 2)), Signal(6, reset_less=True), Signal(range(ROOT_BITS))
        kept = Signal.like(self.o.payload, reset_less=True)
        valid = Signal()
        m.d.comb += [self.o.valid.eq(valid), self.o.payload.eq(kept)]
        with m.If(self.o.ready):
            m.d.sync += valid.eq(0)
        difference = Signal(ROOT_BITS + 3)
        m.d.comb += difference.eq(Cat(value[-2:], remainder[:ROOT_BITS]) - Cat(Const(1, 2), root))
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [value.eq(self.i.payload.value), pairs.eq(width // 2 - 1), remainder.eq(0), root.eq(0),
                             places.eq(self.i.payload.cut + width // 2 - 1 - RESULT_FRACTION), steps.eq(ROOT_BITS - 1)]
                with m.If(self.i.valid):
                    m.next = "SHIFT"
            with m.State("SHIFT"):
                with m.If(value[-2:].any() | (pairs == 0)):
                    m.next = "ROOT"
                with m.Elif(~value[-8:].any() & (pairs >= 4)):
                    m.d.sync += [value.eq(value << 8), pairs.eq(pairs - 4), places.eq(places - 4)]
                with m.Else():
                    m.d.sync += [value.eq(value << 2), pairs.eq(pairs - 1), places.eq(places - 1)]
            with m.State("ROOT"):
                fits = ~difference[-1]
                m.d.sync += [
                    remainder.eq(Mux(fits, difference, Cat(value[-2:], remainder[:ROOT_BITS]))),
                    root.eq(Cat(fits, root)), value.eq(value << 2), steps.eq(steps - 1),
                ]
                with m.If(steps == 0):
                    m.next = "GIVE"
            with m.State("GIVE"):
                with m.If(~valid):
                    m.d.sync += [kept.root.eq(root), kept.places.eq(places), valid.eq(1)]
                    m.next = "IDLE"
        return m
