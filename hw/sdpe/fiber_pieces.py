"""Fibers of a range one after another, and how they lie in windows and rows."""

from amaranth.hdl import C, Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import ceil_log2

from hw.stream import PointerFifo
from hw.stream.select import any_of, is_single, lowest_bit, number_of

from .layouts import FiberRange

__all__ = ["FiberPieces", "Piece"]

_QUEUE = 8


class Piece(data.StructLayout):
    """A fiber with entries.

    ``window`` is the number of its first window, ``more`` how many follow that, ``single`` that none does, ``first``
    and ``last`` are the entries of the first and the last window that are not before it, and not behind it. ``fills``
    tells that the last one is the last entry of its row. ``number`` is which fiber of its range it is,
    ``first_of_range`` and ``last_of_range`` that none with entries is before it, or behind it.
    """

    def __init__(self, parameters, fibers, tag):
        p = parameters
        window = p.pointer_bits - ceil_log2(p.window)
        super().__init__({
            "window": window, "more": window, "single": 1, "first": p.window, "last": p.window, "fills": 1,
            "number": max(1, ceil_log2(fibers)), "first_of_range": 1, "last_of_range": 1, "tag": tag})


class FiberPieces(wiring.Component):
    """Ranges of fibers in, fibers with entries out: one a cycle. Latency 5 cycles.

    Members
    -------
    i : In(stream of FiberRange)
    o : Out(stream of Piece)
    busy : Out(1)
    """

    def __init__(self, parameters, fibers, tag):
        self._parameters, self._fibers, self._tag = parameters, fibers, tag
        self._range, self._piece = FiberRange(parameters, fibers, tag), Piece(parameters, fibers, tag)
        super().__init__({"i": In(stream.Signature(self._range)), "o": Out(stream.Signature(self._piece)),
                          "busy": Out(1)})

    def elaborate(self, platform):
        m = Module()
        p, fibers = self._parameters, self._fibers
        m.submodules.queue = queue = PointerFifo(self._piece, _QUEUE, counted=True)
        connect(m, queue.o, flipped(self.o))

        # A range, and which of its fibers have entries. The queue keeps what follows from the walk out of `i.ready`.
        m.submodules.ranges = ranges = PointerFifo(self._range, 2)
        connect(m, flipped(self.i), ranges.i)
        came, some, full = Signal(self._range, reset_less=True), Signal(fibers), Signal()
        wanted, taken = ranges.o.payload, Signal()
        m.d.comb += ranges.o.ready.eq(~full | taken)
        starts = [wanted.start, *(wanted.ends[n] for n in range(fibers - 1))]
        with m.If(ranges.o.ready):
            m.d.sync += [full.eq(ranges.o.valid), came.eq(wanted),
                         *(some[n].eq(start != wanted.ends[n]) for n, start in enumerate(starts))]

        # One of them after another, as often as the range is read. That one is the last, and that the range is not read
        # again, is found a cycle ahead.
        left, active, walk = Signal(fibers), Signal(), Signal(self._range, reset_less=True)
        every, times, fresh, room = Signal(fibers), Signal.like(walk.times), Signal(), Signal(init=1)
        final, every_final, again, over = Signal(), Signal(), Signal(), Signal()     # `over`: final, and not again
        one = lowest_bit(left)
        rest = left & ~one
        m.d.comb += taken.eq(full & (~active | (room & over)))
        start, end = Signal(p.pointer_bits, reset_less=True), Signal(p.pointer_bits, reset_less=True)
        found, valid = Signal(self._piece, reset_less=True), Signal()
        starts = [walk.start, *(walk.ends[n] for n in range(fibers - 1))]
        chosen = [one[n].replicate(p.pointer_bits) for n in range(fibers)]
        m.d.sync += [
            valid.eq(active & room),
            start.eq(any_of([value & here for value, here in zip(starts, chosen, strict=True)])),
            end.eq(any_of([walk.ends[n] & here for n, here in enumerate(chosen)])),
            found.number.eq(number_of(one)), found.first_of_range.eq(fresh), found.last_of_range.eq(final),
            found.tag.eq(walk.tag),
        ]
        with m.If(active & room):
            m.d.sync += [left.eq(Mux(final, every, rest)), fresh.eq(final),
                         final.eq(Mux(final, every_final, is_single(rest))), over.eq(is_single(rest) & ~again)]
            with m.If(final):
                m.d.sync += [times.eq(times - 1), active.eq(again), again.eq(times != 2),
                             over.eq(every_final & (times == 2))]
        with m.If(taken):
            m.d.sync += [active.eq(1), walk.eq(came), left.eq(some), every.eq(some), times.eq(came.times), fresh.eq(1),
                         final.eq(is_single(some)), every_final.eq(is_single(some)), again.eq(came.times != 1),
                         over.eq(is_single(some) & (came.times == 1))]

        # Where it lies.
        window_bits, row_bits = ceil_log2(p.window), ceil_log2(p.row_entries)
        piece, ready, before_end = Signal(self._piece, reset_less=True), Signal(), Signal(p.pointer_bits)
        m.d.comb += [before_end.eq(end - 1), queue.i.payload.eq(piece), queue.i.valid.eq(ready)]
        m.d.sync += [
            ready.eq(valid), piece.eq(found), piece.window.eq(start[window_bits:]),
            piece.more.eq(before_end[window_bits:] - start[window_bits:]),
            piece.single.eq(before_end[window_bits:] == start[window_bits:]),
            # Every entry of a window is at its last place or before, and at its first or behind.
            piece.first.eq(Cat(*(n >= start[:window_bits] for n in range(p.window - 1)), C(1, 1))),
            piece.last.eq(Cat(C(1, 1), *(n <= before_end[:window_bits] for n in range(1, p.window)))),
            piece.fills.eq(before_end[:row_bits].all() if row_bits else 1),
        ]
        # What is on its way has a place.
        stored = Signal(range(_QUEUE + 1))
        m.d.sync += [stored.eq(stored + ready - (queue.o.valid & queue.o.ready)), room.eq(stored < _QUEUE - 4)]
        m.d.comb += self.busy.eq(ranges.o.valid | full | active | valid | ready | queue.o.valid)
        return m
