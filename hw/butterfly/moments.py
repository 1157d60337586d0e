"""Exact sums of a vector's elements and of their squares."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.arith import FP16, Multiply, sum_tree
from hw.arith.sum_tree import sum_tree_latency
from hw.shared import shared
from hw.stream.delay import delay

__all__ = ["MAGNITUDE_BITS", "Moments", "significand"]

#: Bits of the magnitude of an fp16 number in units of 2^-24, the exponent of infinity taken for the next octave.
MAGNITUDE_BITS = 41
_SQUARE_BITS = 2 * MAGNITUDE_BITS
_LOW = 48


def significand(element):
    """Significand of an fp16 number, and the places that it is shifted to the left by in units of 2^-24."""
    normal = element.exponent.any()
    return Cat(element.mantissa, normal), (element.exponent - normal)[:len(element.exponent)]


class Moments(wiring.Component):
    """``total = sum H`` and ``squares = sum H^2`` of fp16 elements, as integers H in units of 2^-24, exactly.

    A product of two significands for each element of a piece, shifted to its place, a tree of adders, and an
    accumulator, that of the squares in two parts. Free running, a piece a cycle; the sums come `latency` cycles after
    the last piece, which is ``Multiply.latency + 4 + log2 lanes``.

    Parameters
    ----------
    lanes : int
        Elements of a piece, a power of two.
    max_points : int
        Longest vector, a power of two.
    vendor : str
        As of `Multiply`.

    Members
    -------
    elements : In(lanes of FP16)
    valid, first, last : In(1)
        A piece is there, and is the first or last one of its vector.
    o_valid : Out(1)
        Pulse with the sums.
    total : Out(signed(42 + log2 max_points))
    squares : Out(82 + log2 max_points)
    """

    def __init__(self, lanes, max_points, vendor="generic"):
        self._lanes, self._vendor = lanes, vendor
        stages = ceil_log2(max_points)
        self.total_shape, self.squares_shape = signed(MAGNITUDE_BITS + 1 + stages), _SQUARE_BITS + stages
        super().__init__({
            "elements": In(data.ArrayLayout(FP16.layout, lanes)),
            "valid": In(1), "first": In(1), "last": In(1),
            "o_valid": Out(1), "total": Out(self.total_shape), "squares": Out(self.squares_shape),
        })

    @property
    def latency(self):
        """Cycles from the last piece to the sums."""
        return Multiply.latency + 4 + sum_tree_latency(self._lanes)

    def elaborate(self, platform):
        m = Module()
        numbers, squares = [], []
        for lane in range(self._lanes):
            element = self.elements[lane]
            value, places = significand(element)
            m.submodules[f"square{lane}"] = square = shared(Multiply, len(value), len(value), self._vendor)
            m.d.comb += [square.a.eq(value), square.b.eq(value)]
            value, places, sign = (delay(m, each, Multiply.latency, f"{name}{lane}", payload=True) for each, name in (
                (value, "value"), (places, "places"), (element.sign, "sign")))

            # Places are shifted in two cycles, the smaller shifts first; squares by twice as many.
            fine, fine_square = Signal(18, reset_less=True), Signal(36, reset_less=True)
            number, product = Signal(signed(MAGNITUDE_BITS + 1), reset_less=True), Signal(_SQUARE_BITS, reset_less=True)
            coarse, sign = delay(m, places[3:], 1, f"coarse{lane}", payload=True), delay(
                m, sign, 1, f"later_sign{lane}", payload=True)
            magnitude = (fine << Cat(Const(0, 3), coarse))[:MAGNITUDE_BITS]
            m.d.sync += [
                fine.eq(value << places[:3]), fine_square.eq(square.p << Cat(Const(0, 1), places[:3])),
                number.eq(Cat(magnitude ^ sign.replicate(MAGNITUDE_BITS), sign).as_signed() + sign),
                product.eq(fine_square << Cat(Const(0, 4), coarse)),
            ]
            numbers.append(number)
            squares.append(Cat(product, Const(0, 1)).as_signed())
        number, square = sum_tree(m, numbers), sum_tree(m, squares)[:_SQUARE_BITS + ceil_log2(self._lanes)]
        valid, first, last = (
            delay(m, each, Multiply.latency + 2 + sum_tree_latency(self._lanes), name) for each, name in (
                (self.valid, "valid"), (self.first & self.valid, "first"), (self.last & self.valid, "last")))

        # The upper part of the squares is added a cycle later, with the carry of the lower one.
        total, low = Signal(self.total_shape, reset_less=True), Signal(_LOW + 1, reset_less=True)
        high = Signal(self.squares_shape - _LOW, reset_less=True)
        valid_high, first_high, square_high = (delay(m, each, 1, name, payload=True) for each, name in (
            (valid, "valid_high"), (first, "first_high"), (square[_LOW:], "square_high")))
        with m.If(valid):
            m.d.sync += [total.eq(Mux(first, 0, total) + number),
                         low.eq(Mux(first, 0, low[:_LOW]) + square[:_LOW])]
        with m.If(valid_high):
            m.d.sync += high.eq(Mux(first_high, 0, high) + square_high + low[_LOW])
        m.d.comb += [
            self.o_valid.eq(delay(m, last, 2, "ended")),
            self.total.eq(delay(m, total, 1, "whole_total", payload=True)),
            self.squares.eq(Cat(delay(m, low[:_LOW], 1, "whole_low", payload=True), high)),
        ]
        return m
