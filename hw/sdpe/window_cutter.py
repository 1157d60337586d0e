"""Windows of fibers out of the rows that they lie in."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.stream.select import select

from .fiber_pieces import Piece
from .layouts import Entry, Window

__all__ = ["WindowCutter"]


class WindowCutter(wiring.Component):
    """A window a cycle, from one fiber to the next, too. A row stays until all fibers that lie in it have been cut.

    Members
    -------
    pieces : In(stream of Piece)
    rows : In(stream of rows)
        Of all ranges that the pieces are of.
    room : In(1)
        Windows may come; those that are on their way do so anyway, at most 2.
    valid, window, first, number, first_of_range, last_of_range, tag : Out
        As of :class:`~hw.sdpe.fiber_loader.FiberLoader`.
    busy : Out(1)
    """

    def __init__(self, parameters, fibers, tag):
        p = self._parameters = parameters
        self._piece = Piece(p, fibers, tag)
        self._row = data.ArrayLayout(Entry(p), p.row_entries)
        super().__init__({
            "pieces": In(stream.Signature(self._piece)), "rows": In(stream.Signature(self._row)),
            "room": In(1), "valid": Out(1), "window": Out(Window(p)), "first": Out(1),
            "number": Out(self._piece["number"].shape), "tag": Out(tag), "first_of_range": Out(1),
            "last_of_range": Out(1), "busy": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        group_bits = ceil_log2(p.windows_of_row)
        piece, next_piece = Signal(self._piece, reset_less=True), self.pieces.payload
        active, begins, ends, goes = Signal(), Signal(), Signal(), Signal()
        window, left = Signal.like(piece.window, reset_less=True), Signal.like(piece.more, reset_less=True)
        row_ends = window[:group_bits].all() if group_bits else 1
        m.d.comb += [
            goes.eq(active & self.rows.valid & self.room), self.pieces.ready.eq(~active | (goes & ends)),
            self.rows.ready.eq(goes & Mux(ends, piece.fills | piece.last_of_range, row_ends)),
        ]
        with m.If(goes):
            m.d.sync += [window.eq(window + 1), left.eq(left - 1), begins.eq(0), ends.eq(left == 1)]
        with m.If(self.pieces.ready):
            m.d.sync += [active.eq(self.pieces.valid), piece.eq(next_piece), window.eq(next_piece.window),
                         left.eq(next_piece.more), begins.eq(1), ends.eq(next_piece.single)]

        # The entries, then the highest index of those that are present.
        entries, present = Signal(data.ArrayLayout(Entry(p), p.window), reset_less=True), Signal(p.window)
        groups = [Cat(self.rows.payload[group * p.window + n].as_value() for n in range(p.window))
                  for group in range(p.windows_of_row)]
        valid, last, first = Signal(), Signal(), Signal()
        of_fiber = Cat(piece.number, piece.first_of_range, piece.last_of_range, piece.tag)
        fiber, whole = Signal(len(of_fiber), reset_less=True), (1 << p.window) - 1
        m.d.sync += [
            valid.eq(goes), last.eq(ends), first.eq(begins & goes), fiber.eq(of_fiber),
            entries.as_value().eq(select(window[:group_bits], groups)),
            present.eq(Mux(begins, piece.first, whole) & Mux(ends, piece.last, whole)),
        ]
        highest = entries[0].index
        for n in range(1, p.window):
            highest = Mux(present[n], entries[n].index, highest)
        m.d.sync += [
            self.valid.eq(valid), self.window.entries.eq(entries), self.window.present.eq(present),
            self.window.last.eq(last), self.window.highest.eq(highest), self.first.eq(first),
            Cat(self.number, self.first_of_range, self.last_of_range, self.tag).eq(fiber),
        ]
        m.d.comb += self.busy.eq(active | valid | self.valid)
        return m
