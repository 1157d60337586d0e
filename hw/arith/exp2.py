"""Powers of two of fixed-point numbers."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from hw.stream.delay import delay
from hw.stream.select import select

from ._check import require_range
from .bipartite import bipartite_exp2


class Exp2(wiring.Component):
    """``o = 2**(i / 2**fraction_bits)`` in [1, 2), by a bipartite table: two memories and an adder.

    The error ``|o / 2**output_bits - 2**f|`` is at most `max_error` for every argument (the attribute `error`
    is its exact largest value); as the result is at least 1 this bounds the relative error too. ``i = 0``
    gives exactly 1. The split of the argument is the one with the fewest ROM bits that meets `max_error`.

    Latency 3 cycles (tables in two stages, sum), one result a cycle, free running: no handshake and no enable.

    Parameters
    ----------
    fraction_bits : int
        Fraction bits of the argument, 1..`output_bits`.
    output_bits : int
        Fraction bits of the result, 2..24.
    max_error : number or None
        Largest error allowed, at least ``2**-(output_bits + 1)``; by default ``2**-(output_bits - 1)``.

    Members
    -------
    i : In(fraction_bits)
        Fraction f in [0, 1).
    o : Out(output_bits + 1)
        ``2**f`` with `output_bits` fraction bits.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not a number of the stated range.
    """

    latency = 3

    def __init__(self, fraction_bits=10, output_bits=14, max_error=None):
        self._table = bipartite_exp2(fraction_bits, output_bits, max_error)
        super().__init__({
            "i": In(fraction_bits),
            "o": Out(output_bits + 1),
        })

    @property
    def table(self):
        """The `BipartiteTable` in use; golden models read its contents."""
        return self._table

    @property
    def error(self):
        """Largest error over all arguments, exact."""
        return self._table.error

    def elaborate(self, platform):
        m = Module()
        table = self._table
        low = self.i[:table.low_bits]
        high = self.i[table.low_bits + table.middle_bits:]

        total = self._rom(m, "coarse", table.coarse, table.coarse_width, self.i[table.low_bits:])
        if table.fine:
            total = total + self._rom(m, "fine", table.fine, table.fine_width, Cat(low, high))

        fraction = Signal(table.output_bits, reset_less=True)
        m.d.sync += fraction.eq(total >> table.guard_bits)
        m.d.comb += [
            self.o[:-1].eq(fraction),
            self.o[-1].eq(1),
        ]
        return m

    @staticmethod
    def _rom(m, name, content, width, address):
        """A table in parts of 16 words, so that a look-up table holds a bit of one; then the choice of the part."""
        parts = []
        for first in range(0, len(content), 16):
            words = content[first:first + 16]
            m.submodules[f"{name}{first}"] = rom = memory.Memory(shape=width, depth=len(words), init=words)
            port = rom.read_port(domain="sync")
            m.d.comb += [port.addr.eq(address[:4]), port.en.eq(1)]
            parts.append(port.data)
        number, word = Signal(len(address[4:]), reset_less=True), Signal(width, reset_less=True)
        m.d.sync += [number.eq(address[4:]), word.eq(select(number, parts))]
        return word


class ScaledExp2(wiring.Component):
    """``o = 2**z`` of a signed fixed-point z, rounded to nearest and saturated at both ends.

    With ``z = i / 2**z_fraction_bits``, I its integer part (floor) and f its fraction::

        o / 2**output_fraction = 2**zclip               if z >= zclip
                                 round(2**I * Exp2(f))  else, ties up, on the grid of o

    A very negative z gives 0. ``z = 0`` gives exactly 1, and whole z exact powers. The error against 2**z for
    ``z < zclip`` is at most ``2**I * error + 2**-(output_fraction + 1)``, `error` being that of the table.
    With default parameters and ``z <= 0`` it is at most 3/4 of a unit, ``0.75 * 2**-output_fraction``.

    Latency 6 cycles (table in two stages, sum, shift in two, rounding), one result a cycle, free running: no handshake
    and no enable. `clipped` and `positive` come with the result they belong to.

    Parameters
    ----------
    z_integer_bits : int
        Integer bits of z with its sign, 1..16.
    z_fraction_bits : int
        Fraction bits of z, 1..`mantissa_bits` (24).
    zclip : int
        Octaves above 1 that are represented, 0..16; below ``2**(z_integer_bits - 1)``.
    output_fraction : int
        Fraction bits of the result, 1..22.
    mantissa_bits : int or None
        Fraction bits of ``2**f`` inside, 2..24; by default ``output_fraction + 2`` or, if that is more,
        `z_fraction_bits`.
    max_error : number or None
        Largest error of ``2**f``, as in `Exp2`; by default ``2**-(mantissa_bits - 1)``.

    Members
    -------
    i : In(signed(z_integer_bits + z_fraction_bits))
        z.
    o : Out(output_fraction + zclip + 1)
        ``2**z`` with `output_fraction` fraction bits, 0..``2**zclip``.
    clipped : Out(1)
        Whether ``z >= zclip``.
    positive : Out(1)
        Whether ``z > 0``.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not a number of the stated range.
    """

    latency = Exp2.latency + 3

    def __init__(self, z_integer_bits, z_fraction_bits, zclip, output_fraction, mantissa_bits=None,
                 max_error=None):
        require_range("z_integer_bits", z_integer_bits, 1, 16)
        require_range("z_fraction_bits", z_fraction_bits, 1, 24)
        require_range("output_fraction", output_fraction, 1, 22)
        if mantissa_bits is None:
            mantissa_bits = max(output_fraction + 2, z_fraction_bits)
        require_range("mantissa_bits", mantissa_bits, 2, 24)
        require_range("z_fraction_bits", z_fraction_bits, 1, mantissa_bits)
        require_range("zclip", zclip, 0, min(16, (1 << (z_integer_bits - 1)) - 1))
        self._z_integer_bits = z_integer_bits
        self._z_fraction_bits = z_fraction_bits
        self._zclip = zclip
        self._output_fraction = output_fraction
        self._table = bipartite_exp2(z_fraction_bits, mantissa_bits, max_error)
        self._max_error = max_error
        super().__init__({
            "i": In(signed(z_integer_bits + z_fraction_bits)),
            "o": Out(output_fraction + zclip + 1),
            "clipped": Out(1),
            "positive": Out(1),
        })

    @property
    def table(self):
        """The `BipartiteTable` in use; golden models read its contents."""
        return self._table

    @property
    def error(self):
        """Largest error of ``2**f``, exact."""
        return self._table.error

    def elaborate(self, platform):
        m = Module()
        mantissa_bits = self._table.output_bits
        m.submodules.exp2 = exp2 = Exp2(self._z_fraction_bits, mantissa_bits, self._max_error)
        integer = self.i[self._z_fraction_bits:].as_signed()
        fraction = self.i[:self._z_fraction_bits]
        # Shift right from the largest octave that is not clipped. Beyond `cutoff` not even the bit that
        # decides the rounding is left, so the shift needs no more values.
        cutoff = self._zclip + self._output_fraction + 1
        largest = self._zclip - 1

        m.d.comb += exp2.i.eq(fraction)

        # In step with the table: what the integer part means, then the shift, in two parts.
        clipped, positive, vanishes = (Signal(name=name, reset_less=True)
                                       for name in ("clipped", "positive", "vanishes"))
        below, shift = Signal(range(cutoff + 1), reset_less=True), Signal(range(cutoff + 1), reset_less=True)
        m.d.sync += [
            clipped.eq(integer >= self._zclip), positive.eq(~self.i[-1] & self.i[:-1].any()),
            vanishes.eq(integer < largest - cutoff), below.eq(largest - integer),
            shift.eq(Mux(clipped, 0, Mux(vanishes, cutoff, below))),
        ]
        shift = delay(m, shift, exp2.latency - 2, "shift")
        shift_low = delay(m, shift[:2], 1, "shift_low")
        clipped, positive = (delay(m, value, exp2.latency + 1, name)
                             for name, value in (("clipped", clipped), ("positive", positive)))

        # One fraction bit more than the output has: the rounding bit.
        excess = mantissa_bits - (self._output_fraction + 1) - largest
        scaled = exp2.o << -excess if excess < 0 else exp2.o
        coarse = Signal(len(scaled), reset_less=True)
        aligned = Signal(self._output_fraction + 1 + self._zclip, reset_less=True)
        m.d.sync += [
            coarse.eq(scaled >> (shift[2:] << 2)),
            aligned.eq((coarse >> shift_low) >> max(excess, 0)),
            self.o.eq(Mux(clipped, 1 << (self._output_fraction + self._zclip), (aligned + 1) >> 1)),
            self.clipped.eq(clipped),
            self.positive.eq(positive),
        ]
        return m
