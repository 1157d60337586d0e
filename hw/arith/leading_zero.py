"""Leading-zero counters and the leading-zero code of a signed number."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.shared import shared
from hw.stream.delay import delay


class LeadingZeroCount8(wiring.Component):
    """Leading zeros of 8 bits: ``count = 7 - floor(log2 i)``.

    Combinational, a tree of three levels: with ``a`` the all-zero flag and ``z`` the count of a half, the
    whole has ``z = a_hi ? {1, z_lo} : {0, z_hi}`` and ``a = a_hi & a_lo``.

    Members
    -------
    i : In(8)
    zero : Out(1)
        Whether `i` is 0.
    count : Out(3)
        Leading zeros; 7 when `i` is 0, so that `zero` alone tells 0 from 1.
    """

    i: In(8)
    zero: Out(1)
    count: Out(3)

    def elaborate(self, platform):
        m = Module()
        # The first level has no counts to choose from, and a choice of 0 bits is no legal Verilog.
        level = [(~(self.i[n] | self.i[n + 1]), ~self.i[n + 1]) for n in range(0, 8, 2)]
        while len(level) > 1:
            merged = []
            for (zero_low, count_low), (zero_high, count_high) in zip(level[::2], level[1::2], strict=True):
                count = Cat(Mux(zero_high, count_low, count_high), zero_high)
                merged.append((zero_low & zero_high, count))
            level = merged
        m.d.comb += [
            self.zero.eq(level[0][0]),
            self.count.eq(level[0][1]),
        ]
        return m


class LeadingZeroEncoder(wiring.Component):
    """Two cascaded 8-bit leading-zero counters: two 8-bit results or one 16-bit result.

    In 8-bit mode the user reads `high` and `low`, two independent results; in 16-bit mode `wide`, with
    ``wide.count = high.zero ? 8 + low.count : high.count`` and ``wide.zero = high.zero & low.zero``. All
    three are driven at all times and what is not read costs nothing, so there is no mode input. Latency 1
    cycle: the two halves are in registers.

    The structure is that of SOFA's LZE (section on the leading-zero encoder).

    Members
    -------
    i : In(16)
        One 16-bit number, or two 8-bit numbers.
    high, low : Out(StructLayout({"count": 3, "zero": 1}))
        Leading zeros of ``i[8:16]`` and of ``i[0:8]``; count 7 for zero.
    wide : Out(StructLayout({"count": 4, "zero": 1}))
        Leading zeros of `i`; count 15 for zero.
    """

    latency = 1

    i: In(16)
    high: Out(data.StructLayout({"count": 3, "zero": 1}))
    low: Out(data.StructLayout({"count": 3, "zero": 1}))
    wide: Out(data.StructLayout({"count": 4, "zero": 1}))

    def elaborate(self, platform):
        m = Module()
        m.submodules.high = high = shared(LeadingZeroCount8)
        m.submodules.low = low = shared(LeadingZeroCount8)
        m.d.comb += [
            high.i.eq(self.i[8:16]),
            low.i.eq(self.i[0:8]),
            self.wide.count.eq(Cat(Mux(self.high.zero, self.low.count, self.high.count), self.high.zero)),
            self.wide.zero.eq(self.high.zero & self.low.zero),
        ]
        m.d.sync += [
            self.high.count.eq(high.count),
            self.high.zero.eq(high.zero),
            self.low.count.eq(low.count),
            self.low.zero.eq(low.zero),
        ]
        return m


class LogCode(wiring.Component):
    """Sign and floored base-2 logarithm of a signed number.

    ``exponent = floor(log2 |x|)`` with ``x = max(i, -(2**(width-1) - 1))``: the most negative number counts
    as its neighbour, so exponents of non-zero numbers end at ``width - 2`` and all ones is free to mean zero.
    ``{sign, exponent}`` alone is the 4-bit (8-bit numbers) or 5-bit (16-bit numbers) leading-zero format of
    SOFA's weights and queries. Latency 3 cycles (magnitude, count of each byte, count), one number a cycle.

    Parameters
    ----------
    width : int
        Width of the input, 8 or 16.

    Members
    -------
    i : In(signed(width))
    o : Out(StructLayout({"exponent": 3 or 4, "sign": 1, "zero": 1}))
        `exponent` is 0..`width` - 2, all ones when `zero`; `sign` is 0 when `zero`.

    Raises
    ------
    ValueError
        If `width` is neither 8 nor 16.
    """

    latency = 3

    def __init__(self, width):
        if width not in (8, 16):
            raise ValueError(f"width must be 8 or 16, not {width!r}")
        self._width = width
        super().__init__({
            "i": In(signed(width)),
            "o": Out(data.StructLayout({"exponent": self.exponent_width, "sign": 1, "zero": 1})),
        })

    @property
    def width(self):
        """Width of the input."""
        return self._width

    @property
    def exponent_width(self):
        """Width of the exponent: 3 or 4."""
        return 3 if self._width == 8 else 4

    def elaborate(self, platform):
        m = Module()
        # The most negative number is negated to 0 here, and its sign tells it from 0 in the end.
        negative, low_bits = self.i[-1], self.i[:-1]
        magnitude = Signal(self._width - 1, reset_less=True)
        m.d.sync += magnitude.eq((low_bits ^ negative.replicate(len(low_bits))) + negative)
        sign = delay(m, negative, 2, "sign")

        # One byte is counted by the upper half of an encoder.
        m.submodules.encoder = encoder = LeadingZeroEncoder()
        m.d.comb += encoder.i.eq(magnitude << (16 - self._width))
        half = encoder.wide if self._width == 16 else encoder.high
        lowest = half.zero & sign
        m.d.sync += [
            # width - 1 - count is the complement of count, and zero has all ones to itself.
            self.o.exponent.eq((~half.count | half.zero.replicate(self.exponent_width)) ^ lowest),
            self.o.sign.eq(sign),
            self.o.zero.eq(half.zero & ~sign),
        ]
        return m
