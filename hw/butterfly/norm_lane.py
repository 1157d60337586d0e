"""One element of a layer normalisation, from its vector's moments on."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from hw.arith import FP16, FloatRound, Multiply
from hw.shared import shared
from hw.stream.delay import delay

from .moments import MAGNITUDE_BITS, significand

__all__ = ["RECIPROCAL_BITS", "RESULT_BITS", "NormLane"]

RECIPROCAL_BITS = 17
#: Bits of D, with its sign.
RESULT_BITS = 25
_LOW = 13                    # bits of D's magnitude that go to the first of two multipliers
_MOST = 22                   # places that a product is shifted to the left at the most, for then it is subnormal


class NormLane(wiring.Component):
    """``o = fp16(D r 2^-33)`` with ``D = saturate(round(d 2^-places))``, halves up, and ``d = 2^stages H - total``.

    H is the element in units of 2^-24. The difference is exact, and so is the product of D, of 25 bits, and the
    reciprocal r, of 18, from two multipliers; it is rounded once, to nearest, ties to even. Latency 16 cycles, an
    element a cycle, free running.

    The vector's values are not delayed here but come with the element's stage, so that all lanes share their
    registers: `negated` and `next` 3 cycles after the element, `coarse` 4, `fine` 5, `factor` 8.

    Parameters
    ----------
    max_stages : int
        log2 of the longest vector.
    vendor : str
        As of `Multiply`.

    Members
    -------
    stages : In
        log2 N.
    element : In(FP16)
    negated, next : In(signed(43 + max_stages))
        ``-total`` and ``1 - total``.
    coarse, fine : In(3)
        Upper and lower bits of `places`.
    factor : In(18)
        r.
    o : Out(FP16)
    """

    latency = 8 + Multiply.latency + 3 + FloatRound.latency

    def __init__(self, max_stages, vendor="generic"):
        self._max_stages, self._vendor = max_stages, vendor
        total = self.total_shape(max_stages)
        super().__init__({
            "stages": In(range(max_stages + 1)), "element": In(FP16.layout),
            "negated": In(total), "next": In(total),
            "coarse": In(3), "fine": In(3), "factor": In(RECIPROCAL_BITS + 1),
            "o": Out(FP16.layout),
        })

    @staticmethod
    def total_shape(max_stages):
        """Shape of what is subtracted."""
        return signed(MAGNITUDE_BITS + 2 + max_stages)

    def elaborate(self, platform):
        m = Module()
        # Cycles 1 to 4: the element in its place, and the difference.
        width = MAGNITUDE_BITS + self._max_stages
        value, places = significand(self.element)
        value = delay(m, value, 1, "significand", payload=True)
        shift = Signal(bits_for(30 + self._max_stages), reset_less=True)
        m.d.sync += shift.eq(places + self.stages)
        left_fine = Signal(18, reset_less=True)
        m.d.sync += left_fine.eq(value << shift[:3])
        shift = delay(m, shift[3:], 1, "left_coarse", payload=True)
        left = Signal(width, reset_less=True)
        m.d.sync += left.eq(left_fine << Cat(Const(0, 3), shift))
        sign = delay(m, self.element.sign, 3, "element_sign", payload=True)
        difference = Signal(signed(width + 2), reset_less=True)
        m.d.sync += difference.eq(Cat(left ^ sign.replicate(width), sign, sign).as_signed()
                                  + Mux(sign, self.next, self.negated))

        # Cycles 5 to 8: with one more bit to the right, halves up, saturated; its magnitude.
        doubled = Cat(Const(0, 1), difference).as_signed()
        coarse, fine = (Signal(signed(width + 3), name=name, reset_less=True) for name in ("coarse_d", "fine_d"))
        m.d.sync += [coarse.eq(doubled >> Cat(Const(0, 3), self.coarse)), fine.eq(coarse >> self.fine)]
        rounded, beyond = Signal(signed(RESULT_BITS + 1), reset_less=True), Signal(reset_less=True)
        above = fine[RESULT_BITS:]
        m.d.sync += [rounded.eq((fine[:RESULT_BITS + 1].as_signed() + 1) >> 1), beyond.eq(above.any() & ~above.all())]
        negative = delay(m, fine[-1], 1, "negative", payload=True)
        limit = 1 << (RESULT_BITS - 1)
        magnitude = Signal(RESULT_BITS, reset_less=True)
        m.d.sync += magnitude.eq(Mux(
            beyond | (~negative & rounded[RESULT_BITS - 1]), limit - ~negative, Mux(negative, -rounded, rounded)))
        negative = delay(m, negative, Multiply.latency + 4, "sign", payload=True)

        # Cycles 9 to 12: the product, of 42 bits.
        products = []
        for name, part in (("low", magnitude[:_LOW]), ("high", magnitude[_LOW:])):
            m.submodules[name] = product = shared(Multiply, len(part), RECIPROCAL_BITS + 1, self._vendor)
            m.d.comb += [product.a.eq(part), product.b.eq(self.factor)]
            products.append(product.p)
        bits = RESULT_BITS + RECIPROCAL_BITS
        product = Signal(bits, reset_less=True)
        m.d.sync += product.eq(products[0] + (products[1] << _LOW))

        # Cycles 13 and 14: to the left, by no more than the exponent allows. Then rounding. A product is 0 or at least
        # 2^16, and does not become 0 by being rounded.
        some = delay(m, product.any(), 2, "some", payload=True)
        far = ~product[-16:].any()
        value = Mux(far, product << 16, product)[:bits]
        less_far = ~value[-8:].any() & ~far
        value = delay(m, Mux(less_far, value << 8, value)[:bits], 1, "left_16", payload=True)
        far, less_far = (delay(m, each, 1, name, payload=True) for each, name in (
            (far, "far"), (less_far, "less_far")))
        four = ~value[-4:].any()
        value = Mux(four, value << 4, value)[:bits]
        two = ~value[-2:].any()
        value = Mux(two, value << 2, value)[:bits]
        one = ~value[-1] & ~(far & four & two)
        value = Mux(one, value << 1, value)[:bits]
        value = delay(m, value, 1, "left_1", payload=True)
        exponent = Signal(FP16.exponent, reset_less=True)
        m.d.sync += exponent.eq(_MOST - Cat(one, two, four, less_far, far))
        m.submodules.round = rounder = FloatRound(FP16)
        top = FP16.mantissa + 2
        m.d.comb += [
            rounder.sign.eq(negative & some), rounder.exponent.eq(exponent), rounder.lower.eq(0),
            rounder.least.eq(0), rounder.significand.eq(value[-top:]), rounder.sticky.eq(value[:-top].any()),
            self.o.eq(rounder.o),
        ]
        return m
