"""The merge of two fibers: which pairs of windows are compared."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .window_buffer import Head

__all__ = ["Merge"]


class Merge(wiring.Component):
    """One dot product: a pair of windows a cycle until a fiber has ended.

    Both sides show the heads of their windows. The side with the lower highest index goes on to its next window, both
    do when these are equal: no entry of the window that is left can equal one that is still to come. Nothing else
    depends on the comparison in its cycle, entries follow later.

    A job starts with a cycle in which the first windows are fetched; another merge works meanwhile. Places follow what
    is offered until then, so that in the comparison's cycle nothing else is chosen from. Throughput 1 pair a cycle. A
    window behind the last one of a fiber may be fetched, when the other fiber ends with it, and is not seen.

    Members
    -------
    start : In(1)
        Pulse, while not `busy`: begin with the windows at `start_a` and `start_b`.
    start_a, start_b : In
    written_a, written_b : In
        Places behind those that are written.
    ahead_a, ahead_b : Out
    came_a, came_b : In(Head)
        Places of the next windows, and their heads.
    run : In(1)
        Compare, if there are windows to.
    busy : Out(1)
    compares : Out(1)
        The windows at `place_a` and `place_b` are a pair. Combinational with `run`.
    ends : Out(1)
        It is the last one. Combinational with `run`.
    place_a, place_b : Out
        Of the present windows, or of the next ones that are not there yet.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        places = p.buffer_bits + 1
        sides = {}
        for side in "ab":
            sides |= {f"start_{side}": In(places), f"written_{side}": In(places), f"ahead_{side}": Out(places),
                      f"came_{side}": In(Head(p)), f"place_{side}": Out(places)}
        super().__init__({**sides, "start": In(1), "run": In(1), "busy": Out(1), "compares": Out(1), "ends": Out(1)})

    def elaborate(self, platform):
        m = Module()
        heads, there, passes = {}, {}, {side: Signal(name=f"passes_{side}") for side in "ab"}
        for side in "ab":
            heads[side], there[side] = self._cursor(m, side, passes[side])
        a, b = heads["a"], heads["b"]
        m.d.comb += [
            self.compares.eq(self.run & there["a"] & there["b"]),
            passes["a"].eq(self.compares & (a.highest <= b.highest)),
            passes["b"].eq(self.compares & (b.highest <= a.highest)),
            self.ends.eq((passes["a"] & a.last) | (passes["b"] & b.last)),
        ]
        with m.If(self.start):
            m.d.sync += self.busy.eq(1)
        with m.Elif(self.ends):
            m.d.sync += self.busy.eq(0)
        return m

    def _cursor(self, m, side, passes):
        """Head of the present window, in a register; that of the next one is at the port of the buffer."""
        p = self._parameters
        places = p.buffer_bits + 1
        head, there = Signal(Head(p), name=f"head_{side}", reset_less=True), Signal(name=f"there_{side}")
        ahead, fetch = Signal(places, name=f"ahead_{side}"), Signal(name=f"fetch_{side}")
        place, came = getattr(self, f"place_{side}"), getattr(self, f"came_{side}")
        m.d.comb += [
            getattr(self, f"ahead_{side}").eq(ahead),
            fetch.eq(self.busy & (ahead != getattr(self, f"written_{side}")) & (passes | ~there)),
        ]
        start = getattr(self, f"start_{side}")
        with m.If(~self.busy | passes):
            m.d.sync += [place.eq(Mux(self.busy, place + 1, start)), there.eq(0)]
        with m.If(fetch):
            m.d.sync += [head.eq(came), there.eq(1)]
        with m.If(~self.busy | fetch):
            m.d.sync += ahead.eq(Mux(self.busy, ahead + 1, start))
        with m.If(self.ends):
            m.d.sync += there.eq(0)
        return head, there
