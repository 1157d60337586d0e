"""Places of query rows: which slice, which of its groups, and which tree of the predictor."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

__all__ = ["RowPlacer"]


class RowPlacer(wiring.Component):
    """Assign the rows of a head to the slices in turn, a group of ``trees`` rows at a time.

    Each slice holds ``query_groups`` groups in a ring; a group begins when one of them is free.

    Members
    -------
    start : In(1)
        Pulse: the next row is the first one of a head.
    queries : In(16)
        Rows of the head.
    advance : In(1)
        Pulse: the row has its place; on to the next one. Only when `free`.
    row, slice, slot, tree : Out
        Of the next row; `slice` is one-hot.
    free : Out(1)
        There is a place for the row.
    group_end : Out(1)
        The row is the last one of its group.
    complete : Out(1)
        All rows of the head have a place.
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
            "row": Out(16),
            "slice": Out(p.slices),
            "slot": Out(range(p.query_groups)),
            "tree": Out(max(1, ceil_log2(p.trees))),
            "free": Out(1),
            "group_end": Out(1),
            "complete": Out(1),
            "group_done": In(p.slices),
            "held": Out(range(p.slices * p.query_groups + 1)),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        turn = Signal(range(max(2, p.slices)))
        slots = [Signal(range(p.query_groups), name=f"slot{index}") for index in range(p.slices)]
        free = [Signal(range(p.query_groups + 1), name=f"free{index}", init=p.query_groups)
                for index in range(p.slices)]
        slot_free, ends = Signal(), Signal()
        with m.Switch(turn):
            for index in range(p.slices):
                with m.Case(index):
                    m.d.comb += [self.slot.eq(slots[index]), slot_free.eq(free[index] != 0), self.slice[index].eq(1)]
        m.d.comb += [
            self.complete.eq(self.row == self.queries),
            self.free.eq(slot_free),
            self.group_end.eq((self.tree == p.trees - 1) | (self.row + 1 == self.queries)),
            ends.eq(self.advance & self.group_end),
            self.held.eq(p.slices * p.query_groups - sum(free)),
        ]
        with m.If(self.advance):
            m.d.sync += [self.row.eq(self.row + 1), self.tree.eq(self.tree + 1)]
            with m.If(self.group_end):
                m.d.sync += [self.tree.eq(0), turn.eq(Mux(turn == p.slices - 1, 0, turn + 1))]
        with m.If(self.start):
            m.d.sync += [self.row.eq(0), self.tree.eq(0), turn.eq(0)]
        for index in range(p.slices):
            ends_here = ends & (turn == index)
            m.d.sync += free[index].eq(free[index] + self.group_done[index] - ends_here)
            with m.If(ends_here):
                m.d.sync += slots[index].eq(Mux(slots[index] == p.query_groups - 1, 0, slots[index] + 1))
        return m
