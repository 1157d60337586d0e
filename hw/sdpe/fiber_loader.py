"""Reading of fibers: rows of the memory in, windows of one fiber each out."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect
from amaranth.utils import ceil_log2

from hw.stream import PointerFifo
from hw.stream.credits import credits
from hw.stream.delay import delay

from .fiber_pieces import FiberPieces
from .layouts import Entry, FiberRange, Window
from .tensor_memory import read_latency
from .window_cutter import WindowCutter

__all__ = ["FiberLoader"]


class FiberLoader(wiring.Component):
    """Ask for the rows of ranges of fibers, and cut them into windows.

    A row is asked for a cycle, for as many in advance as the latency of the memory needs, and a window comes out a
    cycle; empty fibers take none. A row in which one fiber ends and the next begins is read once.

    Parameters
    ----------
    parameters : FlaashParameters
    fibers : int
        Most fibers of a range.
    base : int
        Row of the memory that the tensor begins with.
    tag : int
        Bits that accompany a range, at least 1.

    Members
    -------
    i : In(stream of FiberRange)
        At least one of the fibers has entries.
    request, row : Out
        A row is wanted, and which.
    granted : In(1)
        It is read in this cycle.
    arrived, arrived_row : In
        Rows, in the order of the grants. They are not refused.
    room : In(1)
        Windows may come; those that are on their way do so anyway, at most 4.
    valid, window : Out
    first : Out(1)
        The window is the first one of its fiber; then these tell about the fiber:
    number : Out
        Which one of the range it is.
    first_of_range, last_of_range : Out(1)
        No fiber of the range before it, or behind it, has entries.
    tag : Out(tag)
    busy : Out(1)
        There are ranges of which windows follow.
    """

    #: Windows that may come once `room` is low.
    late = 4

    def __init__(self, parameters, fibers, base, tag):
        p = self._parameters = parameters
        self._fibers, self._base, self._tag = fibers, base, tag
        self._range = FiberRange(p, fibers, tag)
        self._queue = 1 << ceil_log2(read_latency(p) + 10)     # rows asked for that have not been cut yet
        self._row = data.ArrayLayout(Entry(p), p.row_entries)
        super().__init__({
            "i": In(stream.Signature(self._range)),
            "request": Out(1), "row": Out(p.row_bits), "granted": In(1),
            "arrived": In(1), "arrived_row": In(self._row),
            "room": In(1), "valid": Out(1), "window": Out(Window(p)),
            "first": Out(1), "number": Out(max(1, ceil_log2(fibers))), "tag": Out(tag),
            "first_of_range": Out(1), "last_of_range": Out(1), "busy": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        # Ranges go to both halves.
        m.submodules.pieces = pieces = FiberPieces(p, self._fibers, self._tag)
        m.submodules.cutter = cutter = WindowCutter(p, self._fibers, self._tag)
        taken = Signal()
        m.d.comb += [
            pieces.i.payload.eq(self.i.payload), pieces.i.valid.eq(self.i.valid & ~taken),
            self.i.ready.eq(pieces.i.ready & ~taken),
        ]
        m.submodules.rows = rows = PointerFifo(self._row, self._queue, counted=True)
        self._ask(m, taken, rows)
        connect(m, rows.o, cutter.rows)
        connect(m, pieces.o, cutter.pieces)
        m.d.comb += [
            cutter.room.eq(delay(m, self.room, 1, "room", apart=True)),
            self.busy.eq(taken | pieces.busy | cutter.busy),
            *(getattr(self, name).eq(getattr(cutter, name)) for name in (
                "valid", "window", "first", "number", "tag", "first_of_range", "last_of_range")),
        ]
        return m

    def _ask(self, m, taken, rows):
        """Rows of a range one after another, and again, as long as the queue behind the memory has places."""
        p, row_shift = self._parameters, ceil_log2(self._parameters.row_entries)
        wanted, bits = self.i.payload, self._parameters.pointer_bits - ceil_log2(self._parameters.row_entries)
        start, end = Signal(bits), Signal(bits)
        first, row, last = (Signal(p.row_bits, name=name) for name in ("first_row", "next_row", "last_row"))
        before_last = Signal.like(last)
        times, last_time = Signal.like(wanted.times), Signal()
        may, goes, asking = Signal(init=1), Signal(), Signal()
        begins, single, at_last = Signal(), Signal(), Signal()
        m.d.comb += [
            goes.eq(self.request & self.granted), self.request.eq(asking & may), self.row.eq(row),
            start.eq(wanted.start >> row_shift), end.eq((wanted.ends[self._fibers - 1] - 1) >> row_shift),
        ]
        credits(m, self._queue, may, delay(m, goes, 1, "goes"), (rows.o.valid & rows.o.ready,), "rows")
        # Whether a row is the last one is a register.
        takes = self.i.valid & self.i.ready
        m.d.sync += begins.eq(takes)
        with m.If(takes):
            m.d.sync += [first.eq(self._base + start), row.eq(self._base + start), last.eq(self._base + end),
                         times.eq(wanted.times), last_time.eq(wanted.times == 1)]
        with m.If(begins):
            m.d.sync += [single.eq(first == last), at_last.eq(first == last), before_last.eq(last - 1), asking.eq(1)]
        with m.Elif(goes):
            m.d.sync += [row.eq(row + 1), at_last.eq(row == before_last)]
            with m.If(at_last):
                m.d.sync += [row.eq(first), at_last.eq(single), times.eq(times - 1), last_time.eq(times == 2),
                             asking.eq(~last_time)]
        m.d.comb += taken.eq(asking | begins)
        m.d.comb += [rows.i.payload.eq(self.arrived_row), rows.i.valid.eq(self.arrived)]
