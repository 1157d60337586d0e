"""Products and quotients of integers, a bit a cycle."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

__all__ = ["SerialDivide", "SerialMultiply"]


class SerialMultiply(wiring.Component):
    """``p = a * b`` of unsigned integers, `width` + 1 cycles after `start`.

    Members
    -------
    start : In(1)
        Pulse; the operands are taken.
    a, b : In(width)
    busy : Out(1)
        From the cycle after `start` until `p` is there.
    p : Out(2 * width)
        Stays until the next start.
    """

    def __init__(self, width):
        self._width = width
        super().__init__({"start": In(1), "a": In(width), "b": In(width), "busy": Out(1), "p": Out(2 * width)})

    def elaborate(self, platform):
        m = Module()
        width = self._width
        factor, left, total = Signal(width), Signal(range(width + 1)), Signal(width + 1)
        m.d.comb += total.eq(self.p[width:] + Mux(self.p[0], factor, 0))
        with m.If(self.busy):
            m.d.sync += [self.p.eq(Cat(self.p[1:width], total)), left.eq(left - 1), self.busy.eq(left != 1)]
        with m.If(self.start):
            m.d.sync += [self.p.eq(self.b), factor.eq(self.a), left.eq(width), self.busy.eq(1)]
        return m


class SerialDivide(wiring.Component):
    """``quotient, remainder = divmod(a, b)`` of unsigned integers, `width` + 1 cycles after `start`.

    Members
    -------
    start : In(1)
        Pulse; the operands are taken.
    a, b : In(width)
        b = 0 gives a quotient of all ones.
    busy : Out(1)
        From the cycle after `start` until the results are there.
    quotient, remainder : Out(width)
        Stay until the next start.
    """

    def __init__(self, width):
        self._width = width
        super().__init__({"start": In(1), "a": In(width), "b": In(width), "busy": Out(1),
                          "quotient": Out(width), "remainder": Out(width)})

    def elaborate(self, platform):
        m = Module()
        width = self._width
        divisor, left = Signal(width), Signal(bits_for(width))
        shifted, difference, fits = Signal(width + 1), Signal(width + 1), Signal()
        m.d.comb += [
            shifted.eq(Cat(self.quotient[-1], self.remainder)), difference.eq(shifted - divisor),
            fits.eq(shifted >= divisor),
        ]
        with m.If(self.busy):
            m.d.sync += [self.quotient.eq(Cat(fits, self.quotient)), left.eq(left - 1), self.busy.eq(left != 1),
                         self.remainder.eq(Mux(fits, difference, shifted))]
        with m.If(self.start):
            m.d.sync += [self.quotient.eq(self.a), self.remainder.eq(0), divisor.eq(self.b), left.eq(width),
                         self.busy.eq(1)]
        return m
