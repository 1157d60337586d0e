"""Places of query rows: which slice, which of its groups, and which tree of the predictor."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.stream.delay import delay

__all__ = ["RowPlace", "RowPlacer"]


class RowPlace(data.StructLayout):
    """A row and its place; `slices` is one-hot. With ``group_end`` it is the last row of its group."""

    def __init__(self, parameters):
        p = parameters
        super().__init__({
            "row": 16, "slices": p.slices, "slot": range(p.query_groups), "tree": max(1, ceil_log2(p.trees)),
            "group_end": 1,
        })


class RowPlacer(wiring.Component):
    """Assign the rows of a head to the slices in turn, a group of ``trees`` rows at a time.

    Each slice holds ``query_groups`` groups in a ring; a group begins when one of them is free. All outputs are
    registers: they are those of the next row four cycles after `start` or `advance`, when `settled` is high again.

    Members
    -------
    start : In(1)
        Pulse: the next row is the first one of a head.
    queries : In(16)
        Rows of the head, from two cycles after `start` on.
    advance : In(1)
        Pulse: the row has its place; on to the next one. Only when `settled` and `free`.
    settled : Out(1)
        What follows holds.
    place : Out(RowPlace)
        Of the next row.
    free : Out(1)
        There is a place for the row.
    complete : Out(1)
        All rows of the head have a place.
    early : Out(1)
        The row is the first one that is not needed for a start: as many as ``early_rows`` have a place.
    group_done : In(slices)
        Pulses: a group's queries are no longer needed.
    held : Out
        Groups that are held, in all slices.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "start": In(1),
            "queries": In(16),
            "advance": In(1),
            "settled": Out(1, init=1),
            "place": Out(RowPlace(p)),
            "free": Out(1),
            "complete": Out(1),
            "early": Out(1),
            "group_done": In(p.slices),
            "held": Out(range(p.slices * p.query_groups + 1)),
        })

    def elaborate(self, platform):
        m = Module()
        p, place = self._parameters, self.place
        row, tree, turn = Signal(16), Signal(place.tree.shape()), Signal(range(max(2, p.slices)))
        slots = [Signal(range(p.query_groups), name=f"slot{index}") for index in range(p.slices)]
        free = [Signal(range(p.query_groups + 1), name=f"free{index}", init=p.query_groups)
                for index in range(p.slices)]
        left, started, begun, moved, changed = Signal(16), Signal(), Signal(), Signal(), Signal()
        m.d.sync += [
            started.eq(self.start), moved.eq(self.advance), changed.eq(started | moved),
            self.settled.eq(~(self.start | self.advance | started | moved | changed)),
            begun.eq(started),
            place.row.eq(row), place.tree.eq(tree), place.group_end.eq((tree == p.trees - 1) | (left == 1)),
            self.complete.eq(left == 0), self.early.eq(row == p.early_rows),
        ]
        with m.Switch(turn):
            for index in range(p.slices):
                with m.Case(index):
                    m.d.sync += [place.slot.eq(slots[index]), place.slices.eq(1 << index),
                                 self.free.eq(free[index] != 0)]
        with m.If(begun):
            m.d.sync += left.eq(self.queries)
        with m.Elif(moved):
            m.d.sync += left.eq(left - 1)
        ends = moved & place.group_end
        m.d.sync += self.held.eq(self.held + ends - sum(self.group_done))
        with m.If(moved):
            m.d.sync += [row.eq(row + 1), tree.eq(tree + 1)]
            with m.If(place.group_end):
                m.d.sync += [tree.eq(0), turn.eq(Mux(turn == p.slices - 1, 0, turn + 1))]
        with m.If(started):
            m.d.sync += [row.eq(0), tree.eq(0), turn.eq(0)]
        for index in range(p.slices):
            ends_here = ends & (turn == index)
            # Known in the third cycle behind the row, as all that follows from it.
            filled = delay(m, ends_here, 1, f"filled{index}")
            m.d.sync += free[index].eq(free[index] + self.group_done[index] - filled)
            with m.If(ends_here):
                m.d.sync += slots[index].eq(Mux(slots[index] == p.query_groups - 1, 0, slots[index] + 1))
        return m
