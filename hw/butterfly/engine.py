"""The `butterfly` engine: loader, array and results behind the contract of an engine."""

from amaranth.hdl import C, Cat, Module, Signal
from amaranth.lib import wiring

from hw.shared import shared
from hw.shell.engine import TRAILER_MARKER, CounterDescription, EngineSignature
from hw.stream import Buffer, PointerFifo, Word

from .array import ButterflyArray, walk_pieces
from .loader import ButterflyLoader
from .task import ButterflyError

__all__ = ["ButterflyEngine"]

_QUEUE = 16


class ButterflyEngine(wiring.Component):
    """Butterfly matrices and Fourier transforms of batches of vectors.

    Loading, computing and storing overlap: while the units work on a group of vectors, the results of the group before
    leave the other side of the memories, and the group after it takes their place, beat by beat. See
    :class:`~hw.butterfly.array.ButterflyArray` for what bounds the rate, and
    :class:`~hw.butterfly.loader.ButterflyLoader` for the packets.

    A result packet has the groups of the task as they came, and the trailer.
    """

    error_codes = ButterflyError

    def __init__(self, parameters):
        p = self.parameters = parameters
        self.counters = () if not p.counters else (
            CounterDescription("working", "cycles", "The units work on a step."),
            CounterDescription("loading", "beats", "Beats of vectors taken."),
            CounterDescription("storing", "beats", "Beats of results given."),
            CounterDescription("coefficient_rows", "rows", "Rows of coefficients stored."),
            CounterDescription("groups", "groups", "Groups of vectors that were worked on."),
            CounterDescription("starved", "cycles", "A task is at work and no step is, for want of a whole group."),
        )
        super().__init__(EngineSignature(p.bus_width, self.counters))

    def elaborate(self, platform):
        m = Module()
        p = self.parameters
        m.submodules.loader = loader = shared(ButterflyLoader, p)
        m.submodules.array = array = shared(ButterflyArray, p)
        wiring.connect(m, wiring.flipped(self.i), loader.i)
        m.d.comb += [
            array.shape.eq(loader.shape),
            array.coefficient_enable.eq(loader.coefficient_enable),
            array.coefficient_address.eq(loader.coefficient_address),
            array.coefficient_row.eq(loader.coefficient_row),
            array.load.eq(loader.load), array.load_place.eq(loader.load_place),
            array.load_beat.as_value().eq(loader.load_beat),
        ]

        # Groups: loaded and not begun, begun, computed and not stored.
        loaded, computed, working, side = Signal(range(3)), Signal(range(3)), Signal(range(3)), Signal()
        start, group_stored = Signal(), Signal()
        m.d.comb += [start.eq((loaded != 0) & array.ready), array.start.eq(start), array.side.eq(side)]
        m.d.sync += [
            loaded.eq(loaded + loader.group_loaded - start), working.eq(working + start - array.end),
            computed.eq(computed + array.end - group_stored),
        ]
        with m.If(start):
            m.d.sync += side.eq(~side)

        # Results: pieces are read as long as the queue has a place for them.
        m.submodules.queue = queue = PointerFifo(p.bus_width, _QUEUE)
        outstanding, room, store_side = Signal(range(_QUEUE + 1)), Signal(), Signal()
        storing = Signal()
        store = storing & room
        place, last = walk_pieces(m, p, loader.shape.last_row, store, ~storing)
        left = Signal()
        m.d.comb += [
            group_stored.eq(last), left.eq(queue.o.valid & queue.o.ready),
            array.store.eq(store), array.store_place.side.eq(store_side),
            *(array.store_place[name].eq(value) for name, value in place.items()),
            queue.i.payload.eq(array.store_beat.as_value()), queue.i.valid.eq(array.stored),
        ]
        m.d.sync += [
            outstanding.eq(outstanding + store - left), room.eq(outstanding + store < _QUEUE),
            storing.eq((storing | (computed != 0)) & ~group_stored),
        ]
        with m.If(group_stored):
            m.d.sync += store_side.eq(~store_side)

        # Results, then the trailer, when nothing of the task is left anywhere.
        m.submodules.output = output = Buffer(Word(p.bus_width))
        wiring.connect(m, output.o, wiring.flipped(self.o))
        over, finish = Signal(), Signal()
        m.d.comb += [loader.stored.eq(store), loader.finish.eq(finish)]
        m.d.sync += over.eq(loader.complete & ~Cat(loaded, working, computed, outstanding, storing).any())
        with m.FSM():
            with m.State("BEATS"):
                m.d.comb += [output.i.payload.data.eq(queue.o.payload), output.i.valid.eq(queue.o.valid),
                             queue.o.ready.eq(output.i.ready)]
                with m.If(over):
                    m.next = "TRAILER"
            with m.State("TRAILER"):
                m.d.comb += [output.i.payload.data.eq(Cat(loader.error, C(TRAILER_MARKER, 8))),
                             output.i.payload.last.eq(1), output.i.valid.eq(1)]
                with m.If(output.i.ready):
                    m.d.sync += [self.done.valid.eq(1), self.done.payload.error.eq(loader.error)]
                    m.next = "DONE"
            with m.State("DONE"):
                with m.If(self.done.ready):
                    m.d.comb += finish.eq(1)
                    m.d.sync += self.done.valid.eq(0)
                    m.next = "AFTER"
            with m.State("AFTER"):
                # `over` follows the end of the task by a cycle.
                with m.If(~over):
                    m.next = "BEATS"
        m.d.comb += self.busy.eq(loader.busy | self.o.valid | self.done.valid)

        events = {"working": array.working, "loading": loader.load, "storing": left,
                  "coefficient_rows": loader.coefficient_enable, "groups": array.end,
                  "starved": loader.running & ~array.working}
        m.d.sync += [self.events[counter.name].eq(events[counter.name]) for counter in self.counters]
        return m
