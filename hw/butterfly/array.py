"""Columns of butterfly units one behind the other, with the handing over between them."""

from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.shared import shared
from hw.stream.counter import counter
from hw.stream.delay import delay

from .coefficients import CoefficientRow
from .column import ButterflyColumn, PiecePlace, column_beat
from .row_transfer import RowTransfer
from .stage_walk import Shape, Step

__all__ = ["ButterflyArray", "walk_pieces"]


def walk_pieces(m, parameters, last_row, advance, restart):
    """Walk the pieces of a group in the order of the stream: of a memory row, of all sets of rows, of all memory rows.

    Parameters
    ----------
    m : Module
        Module that the counters are added to.
    parameters : ButterflyParameters
    last_row : Value
        Number of the group's last memory row.
    advance, restart : Value
        See :func:`~hw.stream.counter.counter`.

    Returns
    -------
    place : dict of str to Signal
        ``piece``, ``row`` and ``set`` of a :class:`~hw.butterfly.column.PiecePlace`.
    row_end : Value
        The last piece of a memory row, of all rows of units, is passed in this cycle.
    end : Value
        The last piece is.
    """
    p = parameters
    piece, piece_end = counter(m, p.pieces - 1, advance, restart, "piece")
    set_, set_end = counter(m, p.row_sets - 1, advance & piece_end, restart, "set")
    passed = advance & piece_end & set_end
    row, last = counter(m, last_row, passed, restart, "row")
    return {"piece": piece, "row": row, "set": set_}, passed, passed & last


class ButterflyArray(wiring.Component):
    """Work through groups of vectors: a column after the other, each on its share of the stages.

    Stages of as many groups are in flight as there are columns, and while a column works on one side of its memories
    it is loaded with the next group on the other side, and rid of the last one (Multilayer Dataflow: several layers of
    the butterfly at once, streams of independent vectors). A group of ``n`` memory rows and S stages takes
    ``n S / columns`` cycles if its vectors are complex, twice that if they are real, and two of them: a butterfly a
    cycle and unit. That is the bound, unless

    * a beat of the bus for each piece of the group takes longer, coming or going, or
    * there are fewer than two stages for a column: handing over takes ``n`` cycles of the same memories.

    Members
    -------
    shape : In(Shape)
        Of the task.
    restart : In(1)
        Pulse: a task begins.
    load, load_place, load_beat : In(1), In(PiecePlace), In
        A beat of the bus to be written.
    group_loaded : In(1)
        Pulse, with the last beat of a group.
    left : Out(1)
        Pulse: ``left_beats`` beats may be loaded in place of what has left.
    store, store_place : In(1), In(PiecePlace)
        A beat to be read.
    row_stored, group_stored : In(1)
        Pulse, with the last beat of a memory row and of a group.
    stored, store_beat : Out(1), Out
        It is there, ``store_latency`` cycles later.
    computed : Out(1)
        There is a group to be stored.
    empty : Out(1)
        No group is in the array.
    working, end : Out(1)
        A step of the first column is given; a group is computed.
    coefficient_enable, coefficient_address, coefficient_row : In
        A row of coefficients to be stored.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        self.left_beats = 1 if p.columns == 1 else p.pieces * p.row_sets
        super().__init__({
            "shape": In(Shape(p)), "restart": In(1),
            "load": In(1), "load_place": In(PiecePlace(p)), "load_beat": In(column_beat(p, True)),
            "group_loaded": In(1), "left": Out(1),
            "store": In(1), "store_place": In(PiecePlace(p)), "row_stored": In(1), "group_stored": In(1),
            "stored": Out(1), "store_beat": Out(column_beat(p, True)),
            "computed": Out(1), "empty": Out(1), "working": Out(1), "end": Out(1),
            "coefficient_enable": In(1), "coefficient_address": In(Step(p)["coefficients"].shape),
            "coefficient_row": In(CoefficientRow(p)),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        columns = [shared(ButterflyColumn, p, column) for column in range(p.columns)]
        empty = []
        for number, column in enumerate(columns):
            m.submodules[f"column{number}"] = column
            # What concerns all columns reaches each by registers of its own: they are far apart.
            coefficients = (self.coefficient_enable, self.coefficient_address, self.coefficient_row.as_value())
            if p.columns > 1:
                coefficients = tuple(delay(m, value, 1, f"coefficients{number}_{part}")
                                     for part, value in enumerate(coefficients))
            m.d.comb += [
                column.shape.eq(self.shape), column.restart.eq(self.restart),
                column.coefficient_enable.eq(coefficients[0]), column.coefficient_address.eq(coefficients[1]),
                column.coefficient_row.as_value().eq(coefficients[2]),
            ]
            empty.append(column.empty)
        first, last = columns[0], columns[-1]
        m.d.comb += [
            first.load.eq(self.load), first.load_place.eq(self.load_place),
            first.load_beat.as_value().eq(self.load_beat.as_value()), first.group_loaded.eq(self.group_loaded),
            last.store.eq(self.store), last.store_place.eq(self.store_place), last.group_stored.eq(self.group_stored),
            self.stored.eq(last.stored), self.store_beat.as_value().eq(last.store_beat.as_value()),
            self.computed.eq(last.computed), self.end.eq(last.end), self.working.eq(first.working),
        ]

        # From column to column; a row that leaves makes place for one of the column before.
        left = self.store if p.columns == 1 else self.row_stored
        for number in reversed(range(p.columns - 1)):
            column, after = columns[number], columns[number + 1]
            m.submodules[f"transfer{number}"] = transfer = shared(RowTransfer, p, column.store_latency)
            m.d.comb += [
                transfer.last_row.eq(self.shape.last_row), transfer.restart.eq(self.restart),
                transfer.computed.eq(column.computed), transfer.row_left.eq(left),
                column.store.eq(transfer.store), column.store_place.eq(transfer.store_place),
                column.group_stored.eq(transfer.group_stored),
                after.load.eq(column.stored), after.load_place.eq(transfer.load_place),
                after.load_beat.as_value().eq(column.store_beat.as_value()),
                after.group_loaded.eq(transfer.group_loaded),
            ]
            empty.append(transfer.empty)
            left = transfer.store
        m.d.comb += [self.left.eq(left), self.empty.eq(Cat(empty).all())]
        return m
