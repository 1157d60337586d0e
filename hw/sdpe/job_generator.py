"""Enumeration of a contraction: bundles of jobs from fiber pointers."""

from amaranth.hdl import C, Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect
from amaranth.utils import bits_for, ceil_log2

from hw.stream import Buffer, PointerFifo
from hw.stream.credits import credits
from hw.stream.delay import delay
from hw.stream.select import select

from .layouts import Bundle
from .pointer_memory import PointerRow, pointer_row_bits

__all__ = ["JobGenerator"]

_QUEUE = 16


class JobGenerator(wiring.Component):
    """For each portion, each fiber of a that has entries: bundles of fibers of b, in order.

    A row of pointers a cycle, or a part of one: bundles become smaller, down to one fiber, when few jobs are left for
    each engine, so that all engines end together. Bundles without entries are left out. Up to ``bundle`` jobs a cycle,
    and a fiber of a.

    Members
    -------
    begin : In(1)
        Pulse, while not `busy`; what follows is to stay from then on.
    fibers_a, fibers_b : In
        Of a portion.
    portions : In
    jobs : In(32)
        Product of both numbers of fibers.
    row_a, row_b : Out; data_a, data_b : In
        Ports of the memories of pointers.
    o : Out(stream of Bundle)
    busy : Out(1)
        A bundle may follow.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        row = pointer_row_bits(p)
        fibers = bits_for(p.fibers)
        super().__init__({
            "begin": In(1), "fibers_a": In(fibers), "fibers_b": In(fibers), "portions": In(fibers), "jobs": In(32),
            "row_a": Out(row), "data_a": In(PointerRow(p)), "row_b": Out(row), "data_b": In(PointerRow(p)),
            "o": Out(stream.Signature(Bundle(p))), "busy": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        fibers, walking_a = self._fibers_of_a(m)
        rows, walking_b = self._rows_of_b(m, fibers)
        cutting = self._cut(m, rows)
        m.d.sync += self.busy.eq(self.begin | walking_a | walking_b | cutting)
        return m

    def _fibers_of_a(self, m):
        """Fibers of a with entries, a number a cycle, and which rows of pointers of b they go with."""
        p = self._parameters
        select_bits, number_bits = ceil_log2(p.bundle), ceil_log2(p.fibers)
        number, fiber, portion = Signal(number_bits), Signal.like(self.fibers_a), Signal.like(self.portions)
        first_b, last_b = Signal(bits_for(2 * p.fibers)), Signal(bits_for(2 * p.fibers))
        destination, left = Signal(32), Signal(32)
        walking, goes, room = Signal(), Signal(), Signal(init=1)
        last_fiber, last_portion = Signal.like(fiber), Signal.like(portion)
        m.d.comb += [goes.eq(walking & room), self.row_a.eq(number[select_bits:])]
        m.d.sync += [last_fiber.eq(self.fibers_a - 1), last_portion.eq(self.portions - 1)]
        with m.If(self.begin):
            m.d.sync += [walking.eq(1), number.eq(0), fiber.eq(0), portion.eq(0), first_b.eq(0),
                         last_b.eq(self.fibers_b - 1), destination.eq(0), left.eq(self.jobs)]
        with m.Elif(goes):
            m.d.sync += [number.eq(number + 1), fiber.eq(fiber + 1), destination.eq(destination + self.fibers_b),
                         left.eq(left - self.fibers_b)]
            with m.If(fiber == last_fiber):
                m.d.sync += [fiber.eq(0), portion.eq(portion + 1), first_b.eq(first_b + self.fibers_b),
                             last_b.eq(last_b + self.fibers_b), left.eq(self.jobs),
                             walking.eq(portion != last_portion)]
        # Fibers of a bundle, less one: as many as leave each engine two bundles of what is left.
        mask = Cat(left >= (2 * p.engines << bit) for bit in range(1, select_bits + 1)) if select_bits else C(0, 1)
        # The pointers are there two cycles later, and chosen then.
        sub_bits = max(1, select_bits)
        layout = data.StructLayout({
            "start": p.pointer_bits, "end": p.pointer_bits, "number": number_bits, "offset": 32, "first_row":
            len(self.row_b), "last_row": len(self.row_b), "single": 1, "low": sub_bits, "high": sub_bits,
            "mask": sub_bits})
        with_it = delay(m, Cat(
            number, (destination - first_b[:select_bits])[:32], first_b[select_bits:][:len(self.row_b)],
            last_b[select_bits:][:len(self.row_b)], first_b[select_bits:] == last_b[select_bits:],
            low_bits(first_b, select_bits), low_bits(last_b, select_bits), mask), 2, "with_it", payload=True)
        there = delay(m, goes, 2, "there")
        sub, found, valid = with_it[:select_bits], Signal(layout, reset_less=True), Signal()
        m.d.sync += [
            valid.eq(there), found.as_value()[2 * p.pointer_bits:].eq(with_it),
            found.end.eq(select(sub, list(self.data_a.ends))),
            found.start.eq(select(sub, [self.data_a.start, *list(self.data_a.ends)[:-1]])),
        ]
        # Empty ones are left out.
        tested, some, none, empty = Signal(layout, reset_less=True), Signal(), Signal(), found.start == found.end
        m.d.sync += [tested.eq(found), some.eq(valid & ~empty), none.eq(valid & empty)]
        m.submodules.fibers = queue = PointerFifo(layout, _QUEUE, counted=True)
        m.d.comb += [queue.i.payload.eq(tested), queue.i.valid.eq(some)]
        stored = credits(m, _QUEUE, room, delay(m, goes, 1, "came"),
                         (none, queue.o.valid & queue.o.ready), "fibers")
        return queue.o, walking | stored

    def _rows_of_b(self, m, fibers):
        """For each of them the rows of pointers of b, one a cycle."""
        p = self._parameters
        came, a = fibers.payload, Signal.like(fibers.payload, reset_less=True)
        have, goes, room, first, at_last = Signal(), Signal(), Signal(init=1), Signal(), Signal()
        row, offset = Signal.like(self.row_b), Signal(32)
        m.d.comb += [goes.eq(have & room), fibers.ready.eq(~have | (goes & at_last)), self.row_b.eq(row)]
        with m.If(goes):
            m.d.sync += [row.eq(row + 1), offset.eq(offset + p.bundle), first.eq(0), at_last.eq(row + 1 == a.last_row)]
        with m.If(fibers.ready):
            m.d.sync += [have.eq(fibers.valid), a.eq(came), row.eq(came.first_row), offset.eq(came.offset),
                         first.eq(1), at_last.eq(came.single)]
        layout = data.StructLayout({
            "pointers": PointerRow(p), "a_start": p.pointer_bits, "a_end": p.pointer_bits,
            "a_number": ceil_log2(p.fibers), "destination": 32, "low": len(a.low), "high": len(a.high),
            "mask": len(a.mask)})
        m.submodules.rows = queue = PointerFifo(layout, _QUEUE, counted=True)
        with_it = delay(m, Cat(a.start, a.end, a.number, offset, Mux(first, a.low, 0),
                               Mux(at_last, a.high, p.bundle - 1), a.mask), 2, "with_row", payload=True)
        found = queue.i.payload
        m.d.comb += [
            queue.i.valid.eq(delay(m, goes, 2, "row_there")), found.pointers.eq(self.data_b),
            Cat(found.a_start, found.a_end, found.a_number, found.destination, found.low, found.high,
                found.mask).eq(with_it),
        ]
        stored = credits(m, _QUEUE, room, delay(m, goes, 1, "row_came"), (queue.o.valid & queue.o.ready,), "rows")
        m.submodules.row = buffer = Buffer(layout)
        connect(m, queue.o, buffer.i)
        return buffer.o, have | stored

    def _cut(self, m, rows):
        """Parts of a row: fibers that are not of the part are made empty."""
        p = self._parameters
        select_bits = ceil_log2(p.bundle)
        row, place = rows.payload, Signal(max(1, select_bits))
        within, advance = Signal(), Signal()
        lowest, highest, part_end = (Signal(max(1, select_bits), name=name)
                                     for name in ("lowest", "highest", "part_end"))
        # Parts are aligned.
        m.d.comb += [
            lowest.eq(Mux(within, place, row.low)), part_end.eq(lowest | row.mask),
            highest.eq(Mux(part_end > row.high, row.high, part_end)),
        ]
        at_last = part_end >= row.high
        m.d.comb += rows.ready.eq(advance & at_last)
        with m.If(advance & rows.valid):
            m.d.sync += [within.eq(~at_last), place.eq(part_end + 1)]
        # Its bounds, then all pointers within them.
        one, two = Signal(), Signal()
        pointers, bounds = Signal(PointerRow(p), reset_less=True), Signal(2 * p.pointer_bits, reset_less=True)
        with_it = Signal(len(Cat(row.a_start, row.a_end, row.a_number, row.destination)), reset_less=True)
        low_1, high_1 = Signal.like(lowest), Signal.like(highest)
        ends = list(row.pointers.ends)
        with m.If(advance):
            m.d.sync += [
                one.eq(rows.valid), pointers.eq(row.pointers), low_1.eq(lowest), high_1.eq(highest),
                bounds.eq(Cat(select(lowest[:select_bits], [row.pointers.start, *ends[:-1]]),
                              select(highest[:select_bits], ends))),
                with_it.eq(Cat(row.a_start, row.a_end, row.a_number, row.destination)),
            ]
        start, end = bounds[:p.pointer_bits], bounds[p.pointer_bits:]
        bundle = Signal(Bundle(p), reset_less=True)
        with m.If(advance):
            m.d.sync += [
                two.eq(one & (start != end)),
                Cat(bundle.a_start, bundle.a_end, bundle.a_number, bundle.destination).eq(with_it),
                bundle.b_start.eq(start),
                *(bundle.b_ends[n].eq(Mux(n < low_1, start, Mux(n >= high_1, end, pointers.ends[n])))
                  for n in range(p.bundle - 1)), bundle.b_ends[-1].eq(end),
            ]
        m.d.comb += [self.o.payload.eq(bundle), self.o.valid.eq(two), advance.eq(~two | self.o.ready)]
        return rows.valid | one | two


def low_bits(value, bits):
    """The lowest bits of a value, at least one, which is 0 if there are none."""
    return value[:bits] if bits else C(0, 1)
