"""Shift-and-add dot product: the array of the predictor."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .query_code import QueryCode

__all__ = ["ShiftTree", "add_with_carry", "tree_latency"]


class ShiftTree(wiring.Component):
    """Sum of shifted key elements, ``sum_c (-1)^sign_c * (key_c << shift_c)``, with no multiplier.

    Codes of zero eliminate the element. A negative code negates as ``~x + 1``: the ones of the complement enter
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
    adder_levels : int
        Levels of adders between registers. On an FPGA a register behind each adder is free; in silicon it costs as
        much as the adder.

    Members
    -------
    keys : In(ArrayLayout(signed(key_width), lanes))
    codes : In(ArrayLayout(QueryCode(levels), lanes))
    o, carry : Out(signed(width)), Out(1)
        The sum is ``o + carry``, ``latency`` cycles later. One sum a cycle.
    """

    def __init__(self, lanes, key_width, levels, width, adder_levels=1):
        self._lanes, self._key_width, self._levels, self._width = lanes, key_width, levels, width
        self._adder_levels = adder_levels
        self.latency = tree_latency(lanes, adder_levels)
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
            # One logical level a shift bit; elimination and negation fit into the first and the last of them.
            # Each level is a signal: it is used twice, and an expression would be written out twice.
            value = Signal(signed(self._key_width), name=f"level{lane}")
            m.d.comb += value.eq(Mux(code.nonzero, self.keys[lane], 0))
            for bit in range(len(code.shift)):
                level = Signal(signed(min(shifted_width, len(value) + (1 << bit))), name=f"level{lane}_{bit}")
                m.d.comb += level.eq(Mux(code.shift[bit], value.shift_left(1 << bit), value))
                value = level
            shifted = Signal(signed(shifted_width), name=f"shifted{lane}", reset_less=True)
            sign = Signal(name=f"sign{lane}", reset_less=True)
            m.d.sync += [shifted.eq(value ^ code.sign.replicate(len(value))), sign.eq(code.sign)]
            terms.append(shifted)
            carries.append(sign)

        stage = 0
        while len(terms) > 1:
            stage += 1
            domain = m.d.comb if stage % self._adder_levels and len(terms) > 2 else m.d.sync
            spare, sums = carries[len(terms) // 2:], []
            for index in range(len(terms) // 2):
                a, b = terms[2 * index], terms[2 * index + 1]
                width = min(self._width, len(a) + 1)
                total = Signal(signed(width), name=f"sum{stage}_{index}", reset_less=True)
                domain += total.eq(add_with_carry(a, b, carries[index], width))
                sums.append(total)
            delayed = [Signal(name=f"carry{stage}_{index}", reset_less=True) for index in range(len(spare))]
            domain += [new.eq(old) for new, old in zip(delayed, spare, strict=True)]
            terms, carries = sums, delayed
        m.d.comb += [self.o.eq(terms[0]), self.carry.eq(carries[0])]
        return m


def tree_latency(lanes, adder_levels):
    """Cycles of a :class:`ShiftTree`: its elements, then its adders."""
    return 1 - -ceil_log2(lanes) // adder_levels


def add_with_carry(a, b, carry, width):
    """Add two signed values and a carry on one carry chain, which has one bit more for the carry."""
    total = (Cat(1, a).as_signed() + Cat(carry, b).as_signed())
    return total[1:width + 1].as_signed()
