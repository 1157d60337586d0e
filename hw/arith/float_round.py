"""Rounding and packing, the last stages of floating-point arithmetic."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.stream.delay import delay


class FloatRound(wiring.Component):
    """Round to the nearest number, ties to even, and pack.

    The significand is a number in [0, 4): with M = ``format.mantissa`` bit M + 2 has weight 2, bit M + 1 weight 1, and
    bit 0 is half a unit in the last place of a number in [1, 2). ``exponent - 2 * lower`` is the exponent field of such
    a number less one, so that the bit of weight 1 is added to it, and twice the one of weight 2, as is a carry from
    rounding: this makes an infinity of what rounds to more than the largest number, and a normal number of what rounds
    to the least one.

    An infinity is `exponent` all ones with significand 0; a NaN has bit M, too.

    Latency 2 cycles, one number a cycle, free running: no handshake, enable or reset. The first finds how to round in
    both places of the highest bit; the second chooses, and adds.

    Parameters
    ----------
    format : FloatFormat
        Format of the result.

    Members
    -------
    sign : In(1)
    exponent : In(format.exponent)
    lower : In(2)
    least : In(1)
        ``exponent - 2 * lower`` is -1: what has weight 2 is the bit of weight 1 of the least normal number.
    significand : In(format.mantissa + 3)
        1 or more if ``exponent - 2 * lower`` is more than 0. That is at most ``2**format.exponent - 3``, and with this
        the significand is below 2: what is larger before it is rounded is to be given as an infinity.
    sticky : In(1)
        Whether anything follows the significand's last bit.
    o : Out(format.layout)
    """

    latency = 2

    def __init__(self, format):
        self._format = format
        super().__init__({
            "sign": In(1),
            "exponent": In(format.exponent),
            "lower": In(2),
            "least": In(1),
            "significand": In(format.mantissa + 3),
            "sticky": In(1),
            "o": Out(format.layout),
        })

    def elaborate(self, platform):
        m = Module()
        places = self._format.mantissa
        half, last, before = self.significand[0], self.significand[1], self.significand[2]
        # Half a unit or more is left over, and it is either more or the mantissa is odd.
        up_low = delay(m, half & (self.sticky | last), 1, "up_low", payload=True)
        up_high = delay(m, last & (half | self.sticky | before), 1, "up_high", payload=True)
        sign, exponent, lower, least, significand = (
            delay(m, value, 1, name, payload=True) for value, name in (
                (self.sign, "sign"), (self.exponent, "exponent"), (self.lower, "lower"), (self.least, "least"),
                (self.significand[1:], "significand")))

        one, two = significand[places], significand[places + 1]
        high = two | least
        mantissa = Mux(high, significand[1:places + 1], significand[:places])
        # To -1, all ones, the 1 that is added makes 0.
        added = Cat(Mux(high, up_high, up_low), Const(0, places - 1), Mux(high, ~two, one),
                    *self._difference(two, lower, self._format.exponent - 1))
        packed = Signal(self._format.width - 1, reset_less=True)
        m.d.sync += packed.eq(Cat(mantissa, exponent) + added)
        m.d.comb += self.o.eq(Cat(packed, delay(m, sign, 1, "packed_sign", payload=True)))
        return m

    @staticmethod
    def _difference(bit, number, width):
        """Bits of ``bit - number``, of two bits, without a carry chain: one look-up table each."""
        borrow = ~bit & number.any()
        # 1 - n is 1, 0, -1, -2 and -n is 0, -1, -2, -3.
        second = Mux(bit, number[1], number[0] ^ number[1])
        above = Mux(bit, number[1], borrow)
        return [bit ^ number[0], second, *[above] * width][:width]
