"""Log-domain codes of query elements (DLZS: only the query is converted, SOFA section III-A)."""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from hw.arith import LogCode

__all__ = ["QueryCode", "QueryEncoder"]


class QueryCode(data.StructLayout):
    """A power of two: ``(-1)^sign * 2^shift`` if `nonzero`, else 0 (and then the other fields are 0)."""

    def __init__(self, levels):
        super().__init__({"shift": bits_for(levels - 1), "sign": 1, "nonzero": 1})


class QueryEncoder(wiring.Component):
    """Convert a query element to its code: ``shift = floor(log2 |y|) - base``, zero below the base.

    The leading-zero encoder works on all 16 bits of the element, or in its 8-bit mode on the upper 8. Shifts of
    ``levels`` and more saturate; the quantiser chooses the base so that none does. ``latency`` cycles, an element a
    cycle: logarithm, its distance to the base, code.

    Parameters
    ----------
    width : int
        Bits of an element.
    mode : int
        8 or 16: bits that the leading-zero encoder sees.
    levels : int
        Octaves told apart.

    Members
    -------
    element : In(signed(width))
    base : In(4)
        Exponent of shift 0, for the element that was given ``LogCode.latency`` cycles before.
    code : Out(QueryCode(levels))
    """

    latency = LogCode.latency + 2

    def __init__(self, width, mode, levels):
        self._width, self._mode, self._levels = width, mode, levels
        super().__init__({"element": In(signed(width)), "base": In(4), "code": Out(QueryCode(levels))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.log = log = LogCode(self._mode)
        m.d.comb += log.i.eq(self.element[self._width - self._mode:])
        octave, sign, nonzero = Signal(signed(6), reset_less=True), Signal(), Signal()
        m.d.sync += [octave.eq(log.o.exponent - self.base), sign.eq(log.o.sign), nonzero.eq(~log.o.zero)]
        m.d.sync += self.code.eq(0)
        with m.If(nonzero & (octave >= 0)):
            m.d.sync += [self.code.sign.eq(sign), self.code.nonzero.eq(1)]
            with m.If(octave >= self._levels):
                m.d.sync += self.code.shift.eq(self._levels - 1)
            with m.Else():
                m.d.sync += self.code.shift.eq(octave)
        return m
