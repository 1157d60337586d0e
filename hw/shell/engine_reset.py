"""Reset of an engine, long enough to reach all of it through registers."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["RESET_CYCLES", "EngineReset"]

#: Cycles for which an engine is reset, and again for which it stays alone afterwards. The reset of a large component
#: passes a register on its way into each level of the hierarchy, so that it comes and goes later in some parts than in
#: others; there are fewer levels than this.
RESET_CYCLES = 8


class EngineReset(wiring.Component):
    """Stretch the reset of an engine.

    A net from one register to all flip-flops of an engine is far too slow, so an engine's reset spreads over registers
    (see :class:`gen.emit.emission.Emission`). Until it is over everywhere nothing may go in, and what comes out
    does not count.

    Members
    -------
    request : In(1)
        Pulse: reset the engine. The reset of the whole design does, too.
    reset : Out(1)
        To the engine, for ``RESET_CYCLES`` cycles from the one after the request.
    alone : Out(1)
        The engine is not to be listened to, nor given anything: from the cycle after the request.
    """

    request: In(1)
    reset: Out(1, init=1)
    alone: Out(1, init=1)

    def elaborate(self, platform):
        m = Module()
        left = Signal(range(2 * RESET_CYCLES), init=2 * RESET_CYCLES - 1)
        with m.If(self.request):
            m.d.sync += [left.eq(left.init), self.reset.eq(1), self.alone.eq(1)]
        with m.Elif(self.alone):
            m.d.sync += [left.eq(left - 1), self.reset.eq(left > RESET_CYCLES), self.alone.eq(left != 0)]
        return m
