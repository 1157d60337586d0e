"""The merge of two fibers: which pairs of windows are compared."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .window_buffer import Head

__all__ = ["Merge"]


class Merge(wiring.Component):
    """One dot product: a pair of windows a cycle until a fiber has ended.

    Both sides show the heads of their windows. The side with the lower highest index goes on to its next window, both
    do when these are equal: no entry of the window that is left can equal one that is still to come. Nothing else
    depends on the comparison in its cycle, entries follow later.

    A job starts with two cycles in which the first windows are fetched; another merge works meanwhile. Throughput 1
    pair a cycle.

    Members
    -------
    start : In(1)
        Pulse, while not `busy`: begin with the windows at `start_a` and `start_b`, which are written.
    start_a, start_b : In
    written_a, written_b : In
        Places behind those that are written.
    head_place_a, head_place_b : Out; head_a, head_b : In
        Of the buffers.
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
            sides |= {f"start_{side}": In(places), f"written_{side}": In(places), f"head_place_{side}": Out(places),
                      f"head_{side}": In(Head(p)), f"place_{side}": Out(places)}
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
        """Head of the present window and of the next one, both in registers."""
        p = self._parameters
        places = p.buffer_bits + 1
        head, following = (Signal(Head(p), name=f"{name}_{side}", reset_less=True) for name in ("head", "following"))
        there, more = Signal(name=f"there_{side}"), Signal(name=f"more_{side}")
        ahead, whole = Signal(places, name=f"ahead_{side}"), Signal(name=f"whole_{side}")
        place, shift, fetch = getattr(self, f"place_{side}"), Signal(name=f"shift_{side}"), Signal(name=f"fetch_{side}")
        came = getattr(self, f"head_{side}")
        m.d.comb += [
            getattr(self, f"head_place_{side}").eq(ahead),
            shift.eq(passes | ~there),
            fetch.eq(self.busy & ~whole & (ahead != getattr(self, f"written_{side}")) & (shift | ~more)),
        ]
        with m.If(shift):
            m.d.sync += [head.eq(following), there.eq(more), more.eq(0)]
        with m.If(passes):
            m.d.sync += place.eq(place + 1)
        with m.If(fetch):
            m.d.sync += [following.eq(came), more.eq(1), ahead.eq(ahead + 1), whole.eq(came.last)]
        with m.If(self.start | self.ends):
            m.d.sync += [there.eq(0), more.eq(0), whole.eq(0)]
        with m.If(self.start):
            start = getattr(self, f"start_{side}")
            m.d.sync += [ahead.eq(start), place.eq(start)]
        return head, there
