"""Floating-point multiplier."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.shared import shared
from hw.stream.delay import delay

from .float_round import FloatRound
from .leading_zero import LeadingZeroCount8
from .multiply import Multiply
from .sticky_shift import lost_bits, shift_right
from .wide_multiply import WideMultiply

# Bits of the shift that are left to its second stage.
_FINE = 2
# Widest operand of a multiplier block.
_BLOCK_WIDTH = 18


def _product_class(format):
    """What multiplies the significands, of one bit more than the mantissa."""
    return Multiply if format.mantissa + 1 <= _BLOCK_WIDTH else WideMultiply


class FloatMultiply(wiring.Component):
    """``p = a * b``, as IEEE 754 has it: rounded once to the nearest number, ties to even.

    Subnormal numbers are taken and made, zeros and infinities have signs, and every NaN is the canonical quiet one
    (``format.nan``). One product a cycle, free running: no handshake, enable or reset.

    `latency` is that of the product of the significands and 3 cycles more: 6 where a significand has at most 18 bits,
    which one multiplier block takes, 8 else (see `WideMultiply`).

    Parameters
    ----------
    format : FloatFormat
        Format of operands and product.
    vendor : str
        As of `Multiply`.

    Members
    -------
    a, b : In(format.layout)
    p : Out(format.layout)

    Raises
    ------
    ValueError
        If the vendor is unknown.
    """

    def __init__(self, format, vendor="generic"):
        self._format = format
        width = format.mantissa + 1
        product = _product_class(format)
        self._product = product(width, width, vendor) if product is Multiply else product(width, vendor)
        super().__init__({
            "a": In(format.layout),
            "b": In(format.layout),
            "p": Out(format.layout),
        })

    @property
    def format(self):
        """Format of operands and product."""
        return self._format

    @property
    def latency(self):
        """Cycles from operands to product."""
        return self.latency_of(self._format)

    @staticmethod
    def latency_of(format):
        """Cycles from operands to product of a format, without a component."""
        return _product_class(format).latency + 1 + FloatRound.latency

    def elaborate(self, platform):
        m = Module()
        m.submodules.product = product = self._product
        m.submodules.round = rounder = FloatRound(self._format)

        # With M bits of mantissa the product has 2M + 2, the highest of weight 2 if both operands are normal. Of a
        # subnormal operand's product the highest bit is as much lower as that operand's is. It is brought to its place
        # by a shift to the right: by M places if it is there already, by fewer if it is lower, by more if the product
        # is below the least normal number.
        exponent, shift, vanishes, special = self._exponent(m)
        waited = product.latency - 3
        exponent, shift, vanishes = (delay(m, value, waited, name, payload=True) for value, name in (
            (exponent, "exponent"), (shift, "shift"), (vanishes, "vanishes")))
        places = self._format.mantissa
        largest = (1 << self._format.exponent) - 1
        window = places + 3
        coarse = Signal(window + (1 << _FINE) - 1, reset_less=True)
        infinite, nan, vanished = (Signal(name=name, reset_less=True) for name in ("infinite", "nan", "vanished"))
        exponent_3 = Signal(self._format.exponent, reset_less=True)
        sign, special_nan, special_infinite = (
            delay(m, value, product.latency - 1, name, payload=True) for value, name in special)
        aligned, high = product.p << 1, range(_FINE, len(shift))
        m.d.sync += [
            coarse.eq(shift_right(aligned, shift, high)), vanished.eq(vanishes), nan.eq(special_nan),
            # What only rounding makes too large becomes an infinity there, with a mantissa of 0; all else does here.
            infinite.eq(special_infinite | exponent[-1] | exponent[1:-1].all()
                        | ((exponent == largest - 2) & product.p[-1])),
            exponent_3.eq(exponent),
        ]
        fine = delay(m, shift[:_FINE], 1, "fine", payload=True)
        coarse_lost = delay(m, lost_bits(aligned, shift, high), 1, "coarse_lost", payload=True)

        low = range(len(fine))
        value = shift_right(coarse, fine, low)
        m.d.comb += [
            rounder.significand.eq(Mux(infinite | vanished, nan << places, value)),
            rounder.exponent.eq(exponent_3 | infinite.replicate(len(exponent_3))),
            rounder.sticky.eq(Cat(coarse_lost, lost_bits(coarse, fine, low)).any()),
            rounder.sign.eq(delay(m, sign & ~special_nan, 1, "sign", payload=True)),
            self.p.eq(rounder.o),
        ]
        return m

    def _exponent(self, m):
        """Significands into the multiplier, and what the exponents come to, three cycles later.

        Returns
        -------
        exponent : Value
            Exponent field of the product, less one, were its highest bit of weight 1; 0 where that is not possible.
        shift : Value
            Places to shift the product with a 0 behind it.
        vanishes : Value
            The product is below half of the least number.
        special : list of (Value, str)
            Sign, whether the result is NaN, whether it is an infinity or NaN: after one cycle.
        """
        form = self._format
        places = form.mantissa
        largest = (1 << form.exponent) - 1

        # First cycle.
        normal = [operand.exponent.any() for operand in (self.a, self.b)]
        empty = [~operand.mantissa.any() for operand in (self.a, self.b)]
        beyond = [operand.exponent.all() for operand in (self.a, self.b)]
        m.d.comb += [port.eq(Cat(operand.mantissa, hidden)) for port, operand, hidden in zip(
            (self._product.a, self._product.b), (self.a, self.b), normal, strict=True)]
        # Subnormal numbers have the exponent of the least normal ones.
        effective = [operand.exponent | ~hidden for operand, hidden in zip((self.a, self.b), normal, strict=True)]
        # Two subnormal operands have a product that the smaller exponent alone puts in its place.
        chosen = Signal(places, reset_less=True)
        both_normal, sign = Signal(reset_less=True), Signal(reset_less=True)
        offset = places + form.bias + 1
        rest = Signal(range(offset - largest, offset), reset_less=True)
        exponent_b = Signal(form.exponent, reset_less=True)
        (zero_a, zero_b), (beyond_a, beyond_b), (nan_a, nan_b) = (
            [delay(m, value, 1, f"{name}_{operand}", payload=True)
             for operand, value in zip("ab", values, strict=True)] for name, values in (
                ("zero", [~hidden & nothing for hidden, nothing in zip(normal, empty, strict=True)]),
                ("beyond", beyond),
                ("nan", [above & ~nothing for above, nothing in zip(beyond, empty, strict=True)])))
        m.d.sync += [
            chosen.eq(Mux(normal[0], self.b.mantissa, self.a.mantissa)),
            both_normal.eq(normal[0] & normal[1]),
            sign.eq(self.a.sign ^ self.b.sign),
            rest.eq(offset - effective[0]),
            exponent_b.eq(effective[1]),
        ]
        nan = nan_a | nan_b | (beyond_a & zero_b) | (beyond_b & zero_a)
        special = [(sign, "sign"), (nan, "nan"), (beyond_a | beyond_b, "infinite")]

        # Second cycle: the shift that puts the product where the least normal number's is, which may be negative; and
        # the place of the first bit in each byte of the mantissa.
        least = Signal(range(offset - 2 * largest, offset - 1), reset_less=True)
        m.d.sync += least.eq(rest - exponent_b)
        found = []
        for number, low in enumerate(range(0, places, 8)):
            m.submodules[f"zeros{number}"] = zeros = shared(LeadingZeroCount8)
            m.d.comb += zeros.i.eq(chosen[low:low + 8])
            found.append((delay(m, zeros.zero, 1, f"zero_byte{number}", payload=True),
                          Cat(delay(m, ~zeros.count, 1, f"place{number}", payload=True), Const(number, 2))))
        normal_2 = delay(m, both_normal, 1, "both_normal", payload=True)
        zero = delay(m, zero_a | zero_b, 1, "zero", payload=True)

        # Third cycle: the larger of the shifts that put the product and the least normal number in their places.
        first = found[0][1]
        for nothing, place in found[1:]:
            first = Mux(nothing, first, place)
        first = Mux(normal_2, places, first)[:places.bit_length()]
        room = Signal(range(-offset, places + 2 * largest - offset + 1))
        tiny = room[-1]
        exponent = Signal(form.exponent + 1, reset_less=True)
        shift = Signal(range(2 * places + 4), reset_less=True)
        vanishes = Signal(reset_less=True)
        m.d.comb += room.eq(first - least)
        m.d.sync += [
            exponent.eq(Mux(tiny | zero, 0, room)),
            shift.eq(Mux(tiny, least, first)),
            vanishes.eq(tiny & (least >> len(shift)).any() if offset - 2 >> len(shift) else 0),
        ]
        return exponent, shift, vanishes, special
