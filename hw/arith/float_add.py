"""Floating-point adder."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.stream.delay import delay
from hw.stream.select import select

from .float_round import FloatRound
from .sticky_shift import lost_bits, shift_right

# Bits of shifts that are left to the second of two stages: of aligning, and of normalising.
_FINE_ALIGN = 1
_FINE = 3


class FloatAdd(wiring.Component):
    """``o = a + b`` or ``o = a - b``, as IEEE 754 has it: rounded once to the nearest number, ties to even.

    Subnormal numbers are taken and made, and every NaN is the canonical quiet one (``format.nan``). A sum of exactly 0
    is +0, but for that of two zeros of one sign, which it keeps. One sum a cycle, free running: no handshake, enable or
    reset.

    Latency 7 cycles: which operand is larger, how much, two to align the other and add, one to normalise, and two to
    end that and round. There is one path for all sums.

    Parameters
    ----------
    format : FloatFormat
        Format of operands and sum.

    Members
    -------
    a, b : In(format.layout)
    subtract : In(1)
        Whether to subtract b; comes with the operands.
    o : Out(format.layout)
    """

    latency = 5 + FloatRound.latency

    def __init__(self, format):
        self._format = format
        super().__init__({
            "a": In(format.layout),
            "b": In(format.layout),
            "subtract": In(1),
            "o": Out(format.layout),
        })

    @property
    def format(self):
        """Format of operands and sum."""
        return self._format

    def elaborate(self, platform):
        m = Module()
        m.submodules.round = rounder = FloatRound(self._format)
        total, exponent, opposite, sign, infinite, nan = self._total(m)
        places = self._format.mantissa

        # Fifth cycle: left by as many places as the sum has leading zeros, but no further than to the exponent 0. The
        # highest bit of the sum has weight 2. An even number of places are shifted, the last one is left to the
        # rounding. All is decided here, but the shifts by two and four places are of the next cycle.
        bits = list(reversed(range(1, len(total).bit_length())))
        *coarse, four, two = self._shifts(total, exponent, bits)
        value = total
        for bit, shift in zip(bits, coarse, strict=False):
            value = self._shifted(value, bit, shift)
        overflows = (exponent == (1 << self._format.exponent) - 2) & total[-1]
        nothing = ~total.any()
        rest = Signal.like(exponent, reset_less=True)
        # No subtraction waits for the choice of a shift.
        m.d.sync += rest.eq(select(Cat(*reversed(coarse)),
                                   [(exponent - (n << _FINE))[:len(exponent)] for n in range(1 << len(coarse))]))
        value, four, two, infinite, nan, nothing, sign = (
            delay(m, signal, 1, f"{name}_5", payload=True) for signal, name in (
                (value, "value"), (four, "four"), (two, "two"), (infinite | overflows, "infinite"), (nan, "nan"),
                (nothing, "nothing"), (sign & ~(nothing & opposite) & ~nan, "sign")))

        # Sixth cycle: the places left.
        value = self._shifted(self._shifted(value, 2, four), 1, two)
        fixed = infinite | nothing
        m.d.comb += [
            rounder.significand.eq(Mux(infinite, nan << places, value[2:])),
            rounder.sticky.eq(value[:2].any()),
            # All ones is both that of infinities and the -1 of a sum of 0, which no shift gets down to.
            rounder.exponent.eq((rest - 1) | fixed.replicate(len(rest))),
            rounder.lower.eq(Mux(fixed, 0, Cat(two, four))),
            rounder.least.eq(~infinite & (nothing | select(Cat(two, four), [rest == 2 * n for n in range(4)]))),
            rounder.sign.eq(sign),
            self.o.eq(rounder.o),
        ]
        return m

    def _total(self, m):
        """Sum of the significands, four cycles later.

        Returns
        -------
        total : Value
            Its highest bit has weight 2; behind the mantissa's bits are two more, and one that stands for all that
            follow.
        exponent : Value
            Exponent field of a number whose highest bit has weight 1.
        opposite, sign, infinite, nan : Value
            The larger operand had the smaller one subtracted; its sign; the sum is an infinity or NaN; it is NaN.
        """
        form = self._format

        # First cycle: which is larger. Subnormal numbers get the exponent of the least normal ones.
        negate = self.b.sign ^ self.subtract
        operands = []
        for name, operand, sign in (("a", self.a, self.a.sign), ("b", self.b, negate)):
            normal = operand.exponent.any()
            operands.append(delay(m, Cat(operand.mantissa, normal, operand.exponent | ~normal, sign), 1, name,
                                  payload=True))
        swap = delay(m, Cat(self.a.mantissa, self.a.exponent) < Cat(self.b.mantissa, self.b.exponent), 1, "swap",
                     payload=True)

        # Second cycle: how much larger.
        hidden = form.mantissa
        larger, smaller = (Signal(len(operands[0]), name=name) for name in ("chosen", "other"))
        m.d.comb += [larger.eq(Mux(swap, operands[1], operands[0])), smaller.eq(Mux(swap, operands[0], operands[1]))]
        distance = delay(m, (larger[hidden + 1:-1] - smaller[hidden + 1:-1])[:form.exponent], 1, "distance",
                         payload=True)
        opposite = delay(m, larger[-1] ^ smaller[-1], 1, "opposite_2", payload=True)
        larger = delay(m, larger, 1, "larger_2", payload=True)
        smaller = delay(m, smaller[:hidden + 1], 1, "smaller_2", payload=True)

        # Third cycle: all places of the shift but the last.
        aligned = Cat(Const(0, 2), smaller)
        bits = range(min(_FINE_ALIGN, form.exponent), min(len(aligned).bit_length(), form.exponent))
        far = distance[bits.stop:].any()
        coarse = delay(m, shift_right(aligned, distance, bits) & ~far.replicate(len(aligned)), 1, "coarse",
                       payload=True)
        lost = lost_bits(aligned, distance, bits, far)
        coarse_lost = delay(m, Cat(lost[low:low + 4].any() for low in range(0, len(lost), 4)), 1, "coarse_lost",
                            payload=True)
        fine = delay(m, distance[:bits.start], 1, "fine", payload=True)
        larger_3 = delay(m, larger, 1, "larger_3", payload=True)
        opposite_3 = delay(m, opposite, 1, "opposite_3", payload=True)
        infinite = larger[hidden + 1:-1].all()
        nan = infinite & (larger[:hidden].any() | (~distance.any() & opposite))

        # Fourth cycle: the last place, and the sum, which is never negative. The bit added to a complement goes where
        # the larger operand has none.
        value = shift_right(coarse, fine, range(len(fine)))
        lost = Cat(coarse_lost, lost_bits(coarse, fine, range(len(fine)))).any()
        addend = Cat(lost, value, Const(0, 1))
        total = Signal(len(addend), reset_less=True)
        m.d.sync += total.eq(Cat(opposite_3, Const(0, 2), larger_3[:hidden + 1])
                             + (addend ^ opposite_3.replicate(len(addend))))
        exponent, opposite, sign, infinite, nan = (
            delay(m, value, cycles, f"{name}_total", payload=True) for value, cycles, name in (
                (larger_3[hidden + 1:-1], 1, "exponent"), (opposite_3, 1, "opposite"), (larger_3[-1], 1, "sign"),
                (infinite, 2, "infinite"), (nan, 2, "nan")))
        return total, exponent, opposite, sign, infinite, nan

    @staticmethod
    def _shifts(value, exponent, bits):
        """Which of the shifts by ``2**bit`` to take, the larger first: where all is 0 and the exponent is large enough.

        Each is found for all that may be decided before it, and then chosen, so that none waits for a shifted value.
        """
        shifts = []
        for bit in bits:
            cases = []
            for before in range(1 << len(shifts)):
                taken = before << (bit + 1)
                end = max(0, len(value) - taken)
                # Of an exponent that is not below what was taken from it, some of the bits not taken is left.
                room = (exponent & ~Const(taken, len(exponent)))[bit:].any()
                cases.append(~value[max(0, end - (1 << bit)):end].any() & room)
            shifts.append(select(Cat(*reversed(shifts)), cases))
        return shifts

    @staticmethod
    def _shifted(value, bit, shift):
        """Left by ``2**bit``.

        Where four places or more are empty, the operands were at most a place apart, and the last two bits are 0.
        """
        moved = Mux(shift, value << (1 << bit), value)[:len(value)]
        return moved if bit < 2 else Cat(value[:2], moved[2:])
