"""The number of a key from its segment and its position in it."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["KeyNumber"]


class KeyNumber(wiring.Component):
    """``key = base + position * step``.

    Of interleaved segments that is ``segment + position * segments``, of others ``segment * tile + position``.

    The position goes in digits of two bits: their multiples of `step` are made first, then added in pairs, and then to
    `base`, which is combinational. One key a cycle.

    Members
    -------
    enable : In(1)
        Moves the keys on; in other cycles nothing changes.
    position, base, step : In
    key : Out
        ``latency`` cycles later; those in which `enable` is low do not count.
    """

    latency = 2

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "enable": In(1), "position": In(p.position_bits), "base": In(p.key_bits), "step": In(p.key_bits),
            "key": Out(p.key_bits),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters

        def register(value, name):
            signal = Signal(p.key_bits, name=name, reset_less=True)
            with m.If(self.enable):
                m.d.sync += signal.eq(value)
            return signal

        multiples = [register(sum(Mux(self.position[bit], self.step << bit, 0)
                                  for bit in range(low, min(low + 2, p.position_bits))), f"multiple{low}")
                     for low in range(0, p.position_bits, 2)]
        offsets = [register(sum(multiples[place:place + 2]), f"offset{place}")
                   for place in range(0, len(multiples), 2)]
        base = register(register(self.base, "base1"), "base2")
        m.d.comb += self.key.eq(sum(offsets) + base)
        return m
