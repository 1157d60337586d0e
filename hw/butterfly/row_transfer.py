"""Handing over of computed groups from one column to the next."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.stream.counter import counter
from hw.stream.delay import delay

from .column import PiecePlace
from .group_places import group_places

__all__ = ["RowTransfer"]


class RowTransfer(wiring.Component):
    """Send the memory rows of a group on, one a cycle, each as soon as there is a place for it.

    A group takes as many cycles as a stage. The first two groups of a task find both sides of the next column free; a
    row of those behind takes the place of one that has left.

    Parameters
    ----------
    parameters : ButterflyParameters
    latency : int
        Cycles from `store` to the row.

    Members
    -------
    last_row : In
        Number of a group's last memory row.
    restart : In(1)
        Pulse: a task begins.
    computed : In(1)
        There is a group to be sent.
    row_left : In(1)
        Pulse: a memory row is being read from the next column, for the last time.
    store, store_place : Out(1), Out(PiecePlace)
        Read a memory row.
    load_place : Out(PiecePlace)
        Where it goes, ``latency`` cycles later.
    group_stored : Out(1)
        Pulse, with the last `store` of a group.
    group_loaded : Out(1)
        Pulse, ``latency`` cycles later.
    empty : Out(1)
        No row is on its way.
    """

    def __init__(self, parameters, latency):
        p = self._parameters = parameters
        self._latency = latency
        super().__init__({
            "last_row": In(p.address_bits), "restart": In(1), "computed": In(1), "row_left": In(1),
            "store": Out(1), "store_place": Out(PiecePlace(p)), "load_place": Out(PiecePlace(p)),
            "group_stored": Out(1), "group_loaded": Out(1), "empty": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        sending, side, flying = Signal(), Signal(), Signal(range(4))
        room = group_places(m, self.last_row, 1, 2 * p.memory_rows, self.restart, self.row_left, self.store)
        m.d.comb += self.store.eq(sending & room)
        row, end = counter(m, self.last_row, self.store, self.restart | ~sending, "row")
        m.d.comb += [
            self.group_stored.eq(self.store & end),
            self.store_place.row.eq(row), self.store_place.side.eq(side),
            self.load_place.eq(delay(m, self.store_place, self._latency, "place", payload=True)),
            self.group_loaded.eq(delay(m, self.group_stored, self._latency, "group_loaded")),
            self.empty.eq(~sending & (flying == 0)),
        ]
        m.d.sync += [
            sending.eq((sending | self.computed) & ~self.group_stored),
            flying.eq(flying + self.group_stored - self.group_loaded),
        ]
        with m.If(self.group_stored):
            m.d.sync += side.eq(~side)
        return m
