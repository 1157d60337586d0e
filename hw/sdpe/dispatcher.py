"""Which engine is given which bundle."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.stream.delay import delay
from hw.stream.select import any_of, lowest_bit

from .layouts import Bundle

__all__ = ["Dispatcher"]

#: Bundles that an engine may have: one at work, and those whose fibers are on their way.
MOST_BUNDLES = 3


class Dispatcher(wiring.Component):
    """A bundle a cycle to the engine that has the fewest, or to one after another.

    With ``dispatch="least_loaded"`` ties go round, and an engine is given one every third cycle at most, for how many
    it has counts two cycles later; with ``"round_robin"``, the source's way, an engine that has `MOST_BUNDLES` holds
    all others up. Latency 1 cycle.

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
        # The choice is made ahead, in two cycles: those that have the fewest, then one of them. An engine that is given
        # one meanwhile is not chosen again: how many it then has is not known yet.
        pick, given, behind = Signal(engines, init=1), Signal(engines), Signal(engines)
        # Engines that have none, one, and so on.
        having = [Signal(engines, name=f"having{count}", init=-1 if count == 0 else 0)
                  for count in range(MOST_BUNDLES + 1)]
        goes, some = Signal(), Signal(init=1)                  # `some`: one is picked
        m.d.comb += [goes.eq(self.i.valid & some), self.i.ready.eq(some), given.eq(pick & goes.replicate(engines))]
        more, less = given & ~self.finished, self.finished & ~given
        for count, engines_having in enumerate(having):
            fewer = having[count - 1] & more if count else 0
            others = having[count + 1] & less if count < MOST_BUNDLES else 0
            m.d.sync += engines_having.eq((engines_having & ~more & ~less) | fewer | others)
        levels = [engines_having & ~given for engines_having in having[:-1]]
        m.d.sync += [self.bundle.eq(self.i.payload), self.valid.eq(given), self.busy.eq(~having[0].all() | goes)]
        with m.If(goes):                                       # up to the last choice
            m.d.sync += behind.eq(Cat(pick[number:].any() for number in range(engines)))
        if p.dispatch == "round_robin":
            turn = Signal(engines, init=1)
            following = Mux(goes, turn.rotate_left(1), turn) if engines > 1 else turn
            chosen = following & any_of(levels)
            m.d.sync += [turn.eq(following), pick.eq(chosen), some.eq(chosen.any())]
        else:
            fewest = levels[-1]
            for level in reversed(levels[:-1]):
                fewest = Mux(level.any(), level, fewest)
            wanted = delay(m, fewest, 1, "wanted") & ~given
            # What is given in this cycle is not wanted, so that the choice before is as good to go on from.
            ahead = wanted & ~behind
            m.d.sync += [pick.eq(Mux(ahead.any(), lowest_bit(ahead), lowest_bit(wanted))), some.eq(wanted.any())]
        return m
