"""The number of a key from its segment and its position in it."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from hw.stream.delay import delay
from hw.stream.select import select

__all__ = ["KeyNumber"]


class KeyNumber(wiring.Component):
    """``key = segment + position * segments`` of interleaved segments, ``segment * tile + position`` of others.

    The position goes in digits of two bits, whose multiples of `segments` are chosen first and then added one a cycle.
    ``latency`` cycles, one key a cycle.

    Members
    -------
    segment, position : In
    segments, spread : In
        Number of segments; whether they are interleaved. Stable while keys are under way, and the two cycles before.
    key : Out
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        self._digits = -(-p.position_bits // 2)
        self.latency = 1 + self._digits
        super().__init__({
            "segment": In(p.segment_bits), "position": In(p.position_bits),
            "segments": In(bits_for(p.max_segments)), "spread": In(1),
            "key": Out(p.key_bits),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        triple = Signal(len(self.segments) + 2)
        m.d.sync += triple.eq(self.segments + (self.segments << 1))
        total = Signal(p.key_bits, name="total0", reset_less=True)
        m.d.sync += total.eq(Mux(self.spread, self.segment, self.segment << ceil_log2(p.tile)))
        for digit in range(self._digits):
            low = 2 * digit
            multiple = select(self.position[low:low + 2], [0, self.segments, self.segments << 1, triple])
            part, following = (Signal(p.key_bits, name=f"{name}{digit + 1}", reset_less=True)
                               for name in ("multiple", "total"))
            m.d.sync += part.eq(Mux(self.spread, multiple, self.position[low:low + 2]) << low)
            m.d.sync += following.eq(total + delay(m, part, digit, f"multiple{digit + 1}"))
            total = following
        m.d.comb += self.key.eq(total)
        return m
