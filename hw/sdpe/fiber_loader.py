"""Reading of fibers: rows of the memory in, windows of one fiber each out."""

from amaranth.hdl import C, Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.stream import PointerFifo
from hw.stream.select import select

from .layouts import Entry, FiberRange, Window
from .tensor_memory import read_latency

__all__ = ["FiberLoader"]


class FiberLoader(wiring.Component):
    """Ask for the rows of ranges of fibers, and cut them into windows.

    A row is asked for a cycle, for as many in advance as the latency of the memory needs, and a window comes out a
    cycle; an empty fiber takes a cycle, too. A row in which one fiber ends and the next begins is read once.

    Parameters
    ----------
    parameters : FlaashParameters
    fibers : int
        Most fibers of a range.
    base : int
        Row of the memory that the tensor begins with.
    tag : int
        Bits that accompany a range.

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
        Windows may come; those that are on their way do so anyway, at most 3.
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
    late = 3

    def __init__(self, parameters, fibers, base, tag):
        p = self._parameters = parameters
        self._fibers, self._base, self._tag = fibers, base, tag
        self._range = FiberRange(p, fibers, tag)
        self._queue = 1 << ceil_log2(read_latency(p) + 8)      # rows asked for that have not been cut yet
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
        # Ranges go to both halves.
        m.submodules.ranges = ranges = PointerFifo(self._range, 4)
        asking = Signal()
        m.d.comb += [
            ranges.i.payload.eq(self.i.payload), ranges.i.valid.eq(self.i.valid & ~asking),
            self.i.ready.eq(ranges.i.ready & ~asking),
        ]
        m.submodules.rows = rows = PointerFifo(self._row, self._queue)
        self._ask(m, asking, rows)
        split = self._split(m, ranges, rows)
        m.d.comb += self.busy.eq(asking | ranges.o.valid | split | self.valid)
        return m

    def _ask(self, m, asking, rows):
        """Rows of a range one after another, and again, as long as the queue behind the memory has places."""
        p, row_shift = self._parameters, ceil_log2(self._parameters.row_entries)
        wanted = self.i.payload
        first, row, last = (Signal(p.row_bits, name=name) for name in ("first_row", "next_row", "last_row"))
        times, at_last = Signal(4), Signal()
        places = Signal(range(self._queue + 1), init=self._queue)
        may = Signal(init=1)
        taken, goes = Signal(), Signal()
        m.d.comb += [
            taken.eq(rows.o.valid & rows.o.ready), goes.eq(self.request & self.granted),
            self.request.eq(asking & may), self.row.eq(row), at_last.eq(row == last),
        ]
        left = Signal.like(places)
        m.d.comb += left.eq(places - goes + taken)
        m.d.sync += [places.eq(left), may.eq(left != 0)]
        with m.If(self.i.valid & self.i.ready):
            start = self._base + (wanted.start >> row_shift)
            m.d.sync += [first.eq(start), row.eq(start), times.eq(wanted.times), asking.eq(1),
                         last.eq(self._base + ((wanted.ends[self._fibers - 1] - 1) >> row_shift))]
        with m.Elif(goes):
            m.d.sync += row.eq(Mux(at_last, first, row + 1))
            with m.If(at_last):
                m.d.sync += times.eq(times - 1)
                with m.If(times == 1):
                    m.d.sync += asking.eq(0)
        m.d.comb += [rows.i.payload.eq(self.arrived_row), rows.i.valid.eq(self.arrived)]

    def _split(self, m, ranges, rows):
        """A window a cycle, from the entry `place` on."""
        p = self._parameters
        window_bits, row_bits = ceil_log2(p.window), ceil_log2(p.row_entries)
        active, first = Signal(), Signal()
        current = Signal(self._range, reset_less=True)
        place, number, times = Signal(p.pointer_bits), Signal.like(self.number), Signal(4)
        fresh = Signal()
        ends = [Signal(p.pointer_bits, name=f"end{fiber}") for fiber in range(self._fibers)]
        wanted, range_end = ranges.o.payload, current.ends[self._fibers - 1]

        after, next_place = Signal(p.pointer_bits + 1), Signal(p.pointer_bits)
        empty, ending, over, goes = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            after.eq((place[window_bits:] + 1) << window_bits), empty.eq(place == ends[0]),
            ending.eq(after >= ends[0]), next_place.eq(Mux(ending, ends[0], after)),
            goes.eq(active & ~empty & rows.o.valid & self.room), over.eq(next_place == range_end),
            rows.o.ready.eq(goes & (over | (next_place[:row_bits] == 0 if row_bits else 1))),
        ]
        last_time = times == 1
        with m.If(goes):
            m.d.sync += [place.eq(next_place), first.eq(ending), fresh.eq(0)]
        with m.If((goes & ending) | (active & empty)):
            m.d.sync += [number.eq(number + 1), *(end.eq(later) for end, later in zip(ends, ends[1:], strict=False))]
        done = goes & over
        with m.If(done):
            m.d.sync += [active.eq(~last_time), times.eq(times - 1), place.eq(current.start), number.eq(0),
                         fresh.eq(1), *(end.eq(current.ends[n]) for n, end in enumerate(ends))]
        m.d.comb += ranges.o.ready.eq(~active | (done & last_time))
        with m.If(ranges.o.ready & ranges.o.valid):
            m.d.sync += [active.eq(1), current.eq(wanted), place.eq(wanted.start), number.eq(0), first.eq(1),
                         fresh.eq(1), times.eq(wanted.times), *(end.eq(wanted.ends[n]) for n, end in enumerate(ends))]

        # The entries are chosen, then the highest index of those of the fiber.
        groups = [Cat(*(rows.o.payload[group * p.window + n].as_value() for n in range(p.window)))
                  for group in range(p.windows_of_row)]
        chosen, present = Signal(data.ArrayLayout(Entry(p), p.window), reset_less=True), Signal(p.window)
        valid, last = Signal(), Signal()
        group = place[window_bits:row_bits]
        places = [Cat(C(n, window_bits), place[window_bits:]) for n in range(p.window)]
        beginning, number_1, ends_1, tag_1, fresh_1 = Signal(), Signal.like(number), Signal(), Signal(
            self._tag, reset_less=True), Signal()
        m.d.sync += [
            valid.eq(goes), last.eq(ending), chosen.as_value().eq(select(group, groups)),
            *(present[n].eq((at >= place) & (at < ends[0])) for n, at in enumerate(places)),
            beginning.eq(first), number_1.eq(number), ends_1.eq(ends[0] == range_end), tag_1.eq(current.tag),
            fresh_1.eq(fresh),
        ]
        highest = chosen[0].index
        for n in range(1, p.window):
            highest = Mux(present[n], chosen[n].index, highest)
        m.d.sync += [
            self.valid.eq(valid), self.window.entries.eq(chosen), self.window.present.eq(present),
            self.window.last.eq(last), self.window.highest.eq(highest), self.first.eq(beginning & valid),
            self.number.eq(number_1), self.last_of_range.eq(ends_1), self.tag.eq(tag_1),
            self.first_of_range.eq(fresh_1),
        ]
        return active | valid
