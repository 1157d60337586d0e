"""Which engine is given which bundle."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.stream.select import any_of, lowest_bit

from .layouts import Bundle

__all__ = ["Dispatcher"]

#: Bundles that an engine may have: one at work, and those whose fibers are on their way.
MOST_BUNDLES = 3


class Dispatcher(wiring.Component):
    """A bundle a cycle to the engine that has the fewest, or to one after another; the same one every second cycle.

    With ``dispatch="least_loaded"`` ties go round; with ``"round_robin"``, the source's way, an engine that has
    `MOST_BUNDLES` holds all others up. Latency 1 cycle.

    Members
    -------
    i : In(stream of Bundle)
    bundle : Out(Bundle)
    valid : Out(engines)
        Engine that `bundle` is for, which has a place for it.
    finished : In(engines)
        Pulses: an engine is done with a bundle.
    busy : Out(1)
        An engine has a bundle.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({"i": In(stream.Signature(Bundle(p))), "bundle": Out(Bundle(p)), "valid": Out(p.engines),
                          "finished": In(p.engines), "busy": Out(1)})

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        engines = p.engines
        # The choice for the next bundle is made a cycle ahead, among the engines that are not given one now: how many
        # those then have is not known yet.
        pick, given, behind = Signal(engines, init=1), Signal(engines), Signal(engines)
        levels = [Signal(engines, name=f"level{level}") for level in range(MOST_BUNDLES)]
        goes = Signal()
        m.d.comb += [goes.eq(self.i.valid & pick.any()), self.i.ready.eq(pick.any()),
                     given.eq(pick & goes.replicate(engines))]
        some = Signal(engines)
        for number in range(engines):
            held = Signal(range(MOST_BUNDLES + 1), name=f"held{number}")
            m.d.comb += [some[number].eq(held != 0), *(level[number].eq((held == count) & ~given[number])
                                                       for count, level in enumerate(levels))]
            m.d.sync += held.eq(held + given[number] - self.finished[number])
        passed = Signal(engines)                               # up to the last choice
        m.d.comb += passed.eq(Mux(goes, lowest_ones(pick), behind))
        m.d.sync += [behind.eq(passed), self.bundle.eq(self.i.payload), self.valid.eq(given),
                     self.busy.eq(some.any() | goes)]
        if p.dispatch == "round_robin":
            turn = Signal(engines, init=1)
            following = Mux(goes, turn.rotate_left(1), turn) if engines > 1 else turn
            m.d.sync += [turn.eq(following), pick.eq(following & any_of(levels))]
        else:
            wanted = levels[-1]
            for level in reversed(levels[:-1]):
                wanted = Mux(level.any(), level, wanted)
            ahead = wanted & ~passed
            m.d.sync += pick.eq(Mux(ahead.any(), lowest_bit(ahead), lowest_bit(wanted)))
        return m


def lowest_ones(bit):
    """All bits up to the one that is set."""
    return (bit | (bit - 1))[:len(bit)]
