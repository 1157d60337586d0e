"""Exact reciprocal by an iterative restoring divider."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.stream.delay import delay

from ._check import require_range


class Reciprocal(wiring.Component):
    """``1 / l`` as a normalised reciprocal and an exponent, exact to the last bit.

    For ``l > 0``, with ``exponent = floor(log2 l)`` and the mantissa ``m = l / 2**exponent`` in [1, 2)::

        reciprocal = round(2**output_bits / m) = round(2**(output_bits + exponent) / l)
        x / l     ~= (x * reciprocal) >> (output_bits + exponent)

    `reciprocal` lies in ``2**(output_bits - 1)``..``2**output_bits``; its error is at most half a unit, and
    there are no ties. ``l = 0`` gives reciprocal 0, exponent 0 and `zero`.

    A restoring divider: one subtractor for each of `bits_per_cycle` quotient bits. With
    ``steps = ceil((output_bits + 1) / bits_per_cycle)`` and ``places = ceil(log2(width))`` the result appears at `o`
    `latency` = ``places + steps + 3`` cycles after its argument is taken, and one argument is taken every
    `period` = ``max(places, steps) + 2`` cycles at best: the next argument is normalised meanwhile. `o` is registered
    and is taken while the next division runs; `i.ready` is a function of the state.

    Parameters
    ----------
    width : int
        Width of l, 1..64.
    output_bits : int
        Fraction bits of the reciprocal, 1..64.
    bits_per_cycle : int
        Quotient bits a cycle: 1, 2 or 4. Each is a subtraction of `width` bits on the longest path.

    Members
    -------
    i : In(stream.Signature(unsigned(width)))
        l.
    o : Out(stream.Signature(StructLayout(...)))
        Fields ``reciprocal`` (`output_bits` + 1 bits), ``exponent`` (range(width)) and ``zero`` (1 bit).

    Raises
    ------
    TypeError, ValueError
        If a parameter is not an integer of the stated range.
    """

    def __init__(self, width, output_bits=17, bits_per_cycle=1):
        require_range("width", width, 1, 64)
        require_range("output_bits", output_bits, 1, 64)
        if bits_per_cycle not in (1, 2, 4):
            raise ValueError(f"bits_per_cycle must be 1, 2 or 4, not {bits_per_cycle!r}")
        self._width = width
        self._output_bits = output_bits
        self._bits_per_cycle = bits_per_cycle
        super().__init__({
            "i": In(stream.Signature(width)),
            "o": Out(stream.Signature(data.StructLayout({
                "reciprocal": output_bits + 1,
                "exponent": range(width),
                "zero": 1,
            }))),
        })

    @property
    def width(self):
        """Width of the argument."""
        return self._width

    @property
    def output_bits(self):
        """Fraction bits of the reciprocal."""
        return self._output_bits

    @property
    def steps(self):
        """Cycles spent on quotient bits: the fraction and one bit to round by."""
        return -(-(self._output_bits + 1) // self._bits_per_cycle)

    @property
    def _places(self):
        return (self._width - 1).bit_length()

    @property
    def latency(self):
        """Cycles from the argument taken to the result offered."""
        return self._places + self.steps + 3

    @property
    def period(self):
        """Cycles from one argument taken to the next, when nothing stalls."""
        return max(self._places, self.steps) + 2

    def elaborate(self, platform):
        m = Module()
        width = self._width
        bits = self.steps * self._bits_per_cycle

        # The next argument is normalised while one is divided: it goes through places of 2^n bits, the largest first, a
        # register behind each, which all keep what they show until the divider takes it. Whether a place's bits are
        # empty is told a cycle ahead. Of 0 the top bit stays empty to the end.
        def top_is_empty(value, place):
            return value[width - (1 << place):] == 0

        busy, normalised, taken = Signal(), Signal(), Signal()
        value, empty = Signal(width, reset_less=True), Signal(reset_less=True)
        places, leading = list(reversed(range(self._places))), []
        m.d.comb += self.i.ready.eq(~busy)
        arrives = delay(m, self.i.valid & ~busy, 1 + len(places), "arrives")
        with m.If(self.i.ready):
            m.d.sync += [value.eq(self.i.payload), busy.eq(self.i.valid)]
            if places:
                m.d.sync += empty.eq(top_is_empty(self.i.payload, places[0]))
        for place in places:
            shifted = Mux(empty, value << (1 << place), value)[:width]
            leading.insert(0, empty)
            value, empty = (Signal.like(signal, name=f"{name}{place}", reset_less=True)
                            for name, signal in (("value", value), ("empty", empty)))
            m.d.sync += value.eq(shifted)
            if place:
                m.d.sync += empty.eq(top_is_empty(shifted, place - 1))
        waiting = Signal()
        m.d.comb += normalised.eq(arrives | waiting)
        m.d.sync += waiting.eq(normalised & ~taken)
        with m.If(taken):
            m.d.sync += busy.eq(0)

        mantissa, remainder = Signal(width, reset_less=True), Signal(width, reset_less=True)
        quotient = Signal(bits, reset_less=True)
        exponent, zero = Signal(range(width), reset_less=True), Signal(reset_less=True)
        step = Signal(range(self.steps))
        result = Signal.like(self.o.payload, reset_less=True)
        valid = Signal()
        m.d.comb += [
            self.o.valid.eq(valid),
            self.o.payload.eq(result),
        ]
        with m.If(self.o.ready):
            m.d.sync += valid.eq(0)
        with m.FSM():
            with m.State("IDLE"):
                # The dividend is 1. A mantissa of exactly 1 leaves a remainder as large as itself and the
                # quotient 0.111..., which rounding turns into 1.
                m.d.sync += [
                    mantissa.eq(value), exponent.eq(width - 1 - Cat(leading)), zero.eq(~value[-1]),
                    remainder.eq(1 << (width - 1)), step.eq(self.steps - 1),
                ]
                m.d.comb += taken.eq(normalised)
                with m.If(normalised):
                    m.next = "DIVIDE"
            with m.State("DIVIDE"):
                rest, digits = remainder, []
                for n in range(self._bits_per_cycle):
                    difference = Signal(width + 2, name=f"difference{n}")
                    m.d.comb += difference.eq((rest << 1) - mantissa)
                    digits.append(~difference[-1])
                    rest = Mux(difference[-1], rest << 1, difference)[:width]
                m.d.sync += [
                    remainder.eq(rest),
                    quotient.eq(Cat(*reversed(digits), quotient)),
                    step.eq(step - 1),
                ]
                with m.If(step == 0):
                    m.next = "ROUND"
            with m.State("ROUND"):
                with m.If(~valid):
                    rounded = (quotient[bits - self._output_bits - 1:] + 1) >> 1
                    m.d.sync += [
                        result.reciprocal.eq(Mux(zero, 0, rounded)),
                        result.exponent.eq(Mux(zero, 0, exponent)),
                        result.zero.eq(zero),
                        valid.eq(1),
                    ]
                    m.next = "IDLE"
        return m
