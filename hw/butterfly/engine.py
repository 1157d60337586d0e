"""The `butterfly` engine: loader, array and results behind the contract of an engine."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring

from hw.shared import shared
from hw.shell.engine import CounterDescription, EngineSignature
from hw.shell.result_packet import add_trailer_states
from hw.stream import Buffer, PointerFifo, Word
from hw.stream.delay import delay

from .array import ButterflyArray, walk_pieces
from .loader import ButterflyLoader
from .norm_task import NormTask
from .task import ButterflyError, Header

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
        m.submodules.array = array = shared(ButterflyArray, p)
        m.submodules.loader = loader = shared(ButterflyLoader, p, array.left_beats)
        norm = NormTask(p) if p.norm else None
        if norm is None:
            wiring.connect(m, wiring.flipped(self.i), loader.i)
        else:
            m.submodules.norm = norm
            self._route(m, loader, norm)
        m.d.comb += [
            array.shape.eq(loader.shape), array.restart.eq(loader.begun), loader.left.eq(array.left),
            array.coefficient_enable.eq(loader.coefficient_enable),
            array.coefficient_address.eq(loader.coefficient_address),
            array.coefficient_row.eq(loader.coefficient_row),
            array.load.eq(loader.load), array.load_place.eq(loader.load_place),
            array.load_beat.as_value().eq(loader.load_beat), array.group_loaded.eq(loader.group_loaded),
        ]

        # Results: pieces are read as long as the queue has a place for them.
        m.submodules.queue = queue = PointerFifo(p.bus_width, _QUEUE)
        outstanding, room, store_side = Signal(range(_QUEUE + 1)), Signal(), Signal()
        storing = Signal()
        store = storing & room
        relu = delay(m, loader.relu, 1, "relu", apart=True)
        place, row_stored, group_stored = walk_pieces(m, p, loader.shape.last_row, store, ~storing)
        left = Signal()
        m.d.comb += [
            array.row_stored.eq(row_stored), array.group_stored.eq(group_stored),
            left.eq(queue.o.valid & queue.o.ready),
            array.store.eq(store), array.store_place.side.eq(store_side),
            *(array.store_place[name].eq(value) for name, value in place.items()),
            queue.i.payload.eq(delay(m, Cat(
                element & ~(relu & element[-1]).replicate(p.element_width) for element in (
                    array.store_beat.as_value().word_select(number, p.element_width)
                    for number in range(p.bus_width // p.element_width))), 1, "result", payload=True)),
            queue.i.valid.eq(delay(m, array.stored, 1, "stored")),
        ]
        m.d.sync += [
            outstanding.eq(outstanding + store - left), room.eq(outstanding + store < _QUEUE),
            storing.eq((storing | array.computed) & ~group_stored),
        ]
        with m.If(group_stored):
            m.d.sync += store_side.eq(~store_side)

        # Results, then the trailer, when nothing of the task is left anywhere.
        m.submodules.beats = beats = Buffer(p.bus_width)
        wiring.connect(m, queue.o, beats.i)
        m.submodules.output = output = Buffer(Word(p.bus_width))
        wiring.connect(m, output.o, wiring.flipped(self.o))
        over, finish = Signal(), Signal()
        m.d.comb += loader.finish.eq(finish)
        complete, error = loader.complete & array.empty & ~Cat(outstanding, storing, beats.o.valid).any(), loader.error
        if norm is not None:
            m.d.comb += norm.finish.eq(finish)
            complete, error = complete | norm.complete, Mux(norm.complete, norm.error, loader.error)
        m.d.sync += over.eq(complete)
        with m.FSM():
            with m.State("BEATS"):
                m.d.comb += [output.i.payload.data.eq(beats.o.payload), output.i.valid.eq(beats.o.valid),
                             beats.o.ready.eq(output.i.ready)]
                if norm is not None:
                    # Only one of both has a task.
                    m.d.comb += norm.o.ready.eq(output.i.ready)
                    with m.If(norm.o.valid):
                        m.d.comb += [output.i.payload.data.eq(norm.o.payload.data), output.i.valid.eq(1)]
                with m.If(over):
                    m.next = "TRAILER"
            add_trailer_states(m, self, output.i, over, error, finish)
        m.d.comb += self.busy.eq(loader.busy | (0 if norm is None else norm.busy) | self.o.valid | self.done.valid)

        events = {"working": array.working, "loading": loader.load, "storing": left,
                  "coefficient_rows": loader.coefficient_enable, "groups": array.end,
                  "starved": loader.running & ~array.working}
        m.d.sync += [self.events[counter.name].eq(events[counter.name]) for counter in self.counters]
        return m

    def _route(self, m, loader, norm):
        """Packets to the part that they are for, once the other one has no task."""
        within, to_norm = Signal(), Signal()
        norm_flag = self.i.payload.data[Header()["norm"].offset]
        wanted = Mux(within, to_norm, norm_flag)
        may = within | Mux(norm_flag, ~loader.busy, ~norm.busy)
        for part, chosen in ((loader, ~wanted), (norm, wanted)):
            m.d.comb += [part.i.payload.eq(self.i.payload), part.i.valid.eq(self.i.valid & chosen & may)]
        m.d.comb += self.i.ready.eq(may & Mux(wanted, norm.i.ready, loader.i.ready))
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [within.eq(~self.i.payload.last), to_norm.eq(wanted)]
