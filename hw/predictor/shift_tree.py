"""Shift-and-add dot product: the array of the predictor."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .query_code import QueryCode

__all__ = ["ShiftTree"]


class ShiftTree(wiring.Component):
    """Sum of shifted key elements, ``sum_c (-1)^sign_c * (key_c << (level_c - 1))``, with no multiplier.

    Level 0 eliminates the element. A negative code negates as ``~x + 1``: the ones of the complement enter
    as carries of the adder tree, which has one carry input fewer than lanes; the one that is left comes out
    beside the sum, for the carry input of the adder that follows.

    Parameters
    ----------
    lanes : int
        Elements added in one cycle; a power of two.
    key_width : int
        Bits of a key element, signed.
    levels : int
        Octaves of a code.
    width : int
        Bits of the sum.

    Members
    -------
    keys : In(ArrayLayout(signed(key_width), lanes))
    codes : In(ArrayLayout(QueryCode(levels), lanes))
    o, carry : Out(signed(width)), Out(1)
        The sum is ``o + carry``, ``latency`` cycles later. One sum a cycle.
    """

    def __init__(self, lanes, key_width, levels, width):
        self._lanes, self._key_width, self._levels, self._width = lanes, key_width, levels, width
        self.latency = 1 + ceil_log2(lanes)
        super().__init__({
            "keys": In(data.ArrayLayout(signed(key_width), lanes)),
            "codes": In(data.ArrayLayout(QueryCode(levels), lanes)),
            "o": Out(signed(width)),
            "carry": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        shifted_width = self._key_width + self._levels - 1
        terms, carries = [], []
        for lane in range(self._lanes):
            code = self.codes[lane]
            shifted = Signal(signed(shifted_width), name=f"shifted{lane}")
            sign = Signal(name=f"sign{lane}")
            choice = Signal(signed(shifted_width), name=f"choice{lane}")
            with m.Switch(code.level):
                for level in range(1, self._levels + 1):
                    with m.Case(level):
                        m.d.comb += choice.eq((self.keys[lane] << (level - 1)) ^ code.sign.replicate(shifted_width))
                with m.Default():   # level 0 is cleared below; any value will do
                    m.d.comb += choice.eq(self.keys[lane] ^ code.sign.replicate(shifted_width))
            m.d.sync += [shifted.eq(Mux(code.level == 0, 0, choice)), sign.eq(code.sign & (code.level != 0))]
            terms.append(shifted)
            carries.append(sign)

        stage = 0
        while len(terms) > 1:
            stage += 1
            spare, sums = carries[len(terms) // 2:], []
            for index in range(len(terms) // 2):
                a, b = terms[2 * index], terms[2 * index + 1]
                width = min(self._width, len(a) + 1)
                total = Signal(signed(width), name=f"sum{stage}_{index}")
                m.d.sync += total.eq(add_with_carry(a, b, carries[index], width))
                sums.append(total)
            delayed = [Signal(name=f"carry{stage}_{index}") for index in range(len(spare))]
            m.d.sync += [new.eq(old) for new, old in zip(delayed, spare)]
            terms, carries = sums, delayed
        m.d.comb += [self.o.eq(terms[0]), self.carry.eq(carries[0])]
        return m


def add_with_carry(a, b, carry, width):
    """Add two signed values and a carry on one carry chain, which has one bit more for the carry."""
    total = (Cat(1, a).as_signed() + Cat(carry, b).as_signed())
    return total[1:width + 1].as_signed()
