"""Log-domain codes of query elements (DLZS: only the query is converted, SOFA section III-A)."""

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from hw.arith import LogCode

__all__ = ["QueryCode", "QueryEncoder"]


class QueryCode(data.StructLayout):
    """Sign, and a level: 0 for a query element that counts as zero, else 1 + the octave above the base.

    The code of `y` stands for ``(-1)^sign * 2^(level - 1)``, or 0 at level 0.
    """

    def __init__(self, levels):
        super().__init__({"level": bits_for(levels), "sign": 1})


class QueryEncoder(wiring.Component):
    """Convert a query element to its code: ``level = floor(log2 |y|) - base + 1``, 0 below the base.

    The leading-zero encoder works on all 16 bits of the element, or in its 8-bit mode on the upper 8. Levels
    above ``levels`` saturate; the quantiser chooses the base so that none does. Combinational.

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
        Exponent of level 1.
    code : Out(QueryCode(levels))
    """

    def __init__(self, width, mode, levels):
        self._width, self._mode, self._levels = width, mode, levels
        super().__init__({"element": In(signed(width)), "base": In(4), "code": Out(QueryCode(levels))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.log = log = LogCode(self._mode)
        m.d.comb += log.i.eq(self.element[self._width - self._mode:])
        octave = Signal(signed(6))
        m.d.comb += octave.eq(log.o.exponent - self.base)
        with m.If(~log.o.zero & (octave >= 0)):
            m.d.comb += self.code.sign.eq(log.o.sign)
            with m.If(octave >= self._levels):
                m.d.comb += self.code.level.eq(self._levels)
            with m.Else():
                m.d.comb += self.code.level.eq(octave + 1)
        return m
