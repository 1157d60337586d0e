"""Both fibers of the jobs of an engine, out of the memory."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import bits_for

from hw.shared import shared
from hw.stream import PointerFifo
from hw.stream.delay import delay

from .fiber_loader import FiberLoader
from .layouts import Bundle, Job, Window
from .tensor_memory import ReadPort, read_latency

__all__ = ["FiberFetch", "retained_entries"]

_BUNDLES = 4


def retained_entries(parameters):
    """Most entries of a fiber of a that stays in its buffer: there is place for the first window of the next."""
    return (parameters.buffer_windows - FiberLoader.late - 5) * parameters.window


class _Tag(data.StructLayout):
    """What is known of a range of fibers of b."""

    def __init__(self):
        super().__init__({"destination": 32, "another": 1, "long": 1})


class FiberFetch(wiring.Component):
    """Read the fibers of bundles: that of a once, if the engine has it not, and those of b one after another.

    A fiber of a of more than `retained_entries` is read again for each fiber of b. Loaders share the engine's port;
    that of a, which is seldom at work, goes first.

    Members
    -------
    i : In(stream of Bundle)
        With entries of a, and of at least one fiber of b.
    restart : In(1)
        Pulse, while not busy: the memory has other tensors.
    read : Out(ReadPort)
    room_a, room_b : In(1)
        Windows may come; `FiberLoader.late` of them do so when they may not.
    valid_a, window_a, valid_b, window_b : Out
    first_a, first_b : Out(1)
        The window is the first one of a fiber.
    job : Out(Job)
        Of the fiber of b.
    another : Out(1)
        It is to be multiplied with the next fiber of a that has come, and not with the one before.
    long : Out(1)
        That does not stay.
    waits : Out(1)
        A row is wanted, and it is not its bank's turn.
    busy : Out(1)
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        sides = {}
        for side in "ab":
            sides |= {f"room_{side}": In(1), f"valid_{side}": Out(1), f"window_{side}": Out(Window(p)),
                      f"first_{side}": Out(1)}
        super().__init__({
            **sides, "i": In(stream.Signature(Bundle(p))), "restart": In(1), "read": Out(ReadPort(p)),
            "job": Out(Job()), "another": Out(1), "long": Out(1), "waits": Out(1), "busy": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        m.submodules.load_a = load_a = shared(FiberLoader, p, 1, 0, 1)
        m.submodules.load_b = load_b = shared(FiberLoader, p, p.bundle, p.rows // 2, _Tag().size)
        waiting = self._accept(m, load_a, load_b)
        self._read(m, load_a, load_b)
        for side, loader in (("a", load_a), ("b", load_b)):
            m.d.comb += [
                loader.room.eq(getattr(self, f"room_{side}")), getattr(self, f"valid_{side}").eq(loader.valid),
                getattr(self, f"window_{side}").eq(loader.window), getattr(self, f"first_{side}").eq(loader.first),
            ]
        tag = data.View(_Tag(), load_b.tag)
        m.d.comb += [
            self.job.destination.eq(tag.destination + load_b.number), self.job.last.eq(load_b.last_of_range),
            self.long.eq(tag.long), self.another.eq(tag.long | (tag.another & load_b.first_of_range)),
            self.busy.eq(waiting | load_a.busy | load_b.busy),
        ]
        return m

    def _accept(self, m, load_a, load_b):
        """A bundle goes to both loaders at once, behind three registers where what they need to know is found out.

        A register takes the next one when it is empty, so that no handshake waits for another: a bundle every second
        cycle, and a loader is at work on one for longer.
        """
        p = self._parameters
        m.submodules.bundles = bundles = PointerFifo(Bundle(p), _BUNDLES)
        connect(m, flipped(self.i), bundles.i)
        came, known, bundle = (Signal(Bundle(p), name=name, reset_less=True) for name in ("came", "known", "bundle"))
        came_full, known_full, full, may, goes = Signal(), Signal(), Signal(), Signal(), Signal()
        filled, length = Signal(p.bundle, reset_less=True), Signal(p.pointer_bits, reset_less=True)
        another, long, jobs = Signal(), Signal(), Signal(bits_for(p.bundle))
        held, number = Signal(), Signal.like(came.a_number)
        # Loaders that may take a bundle may do so a cycle later, too, if they have taken none meanwhile.
        m.d.sync += may.eq(load_a.i.ready & load_b.i.ready & ~goes)
        m.d.comb += [goes.eq(full & may), bundles.o.ready.eq(~came_full)]
        m.d.sync += [
            came_full.eq(Mux(came_full, known_full, bundles.o.valid)),
            known_full.eq(Mux(known_full, full, came_full)), full.eq(Mux(full, ~goes, known_full)),
        ]
        with m.If(~came_full):
            m.d.sync += came.eq(bundles.o.payload)
        starts = [came.b_start, *(came.b_ends[n] for n in range(p.bundle - 1))]
        with m.If(~known_full):
            m.d.sync += [
                known.eq(came), length.eq(came.a_end - came.a_start),
                filled.eq(Cat(start != came.b_ends[n] for n, start in enumerate(starts))),
            ]
        is_long = length > retained_entries(p)
        with m.If(~full):
            m.d.sync += [bundle.eq(known), long.eq(is_long), jobs.eq(sum(filled))]
        with m.If(~full & known_full):
            m.d.sync += [another.eq(~held | (number != known.a_number) | is_long),
                         held.eq(~is_long), number.eq(known.a_number)]
        with m.If(self.restart):
            m.d.sync += held.eq(0)
        a, b = load_a.i.payload, load_b.i.payload
        tag = Signal(_Tag())
        m.d.comb += [
            tag.destination.eq(bundle.destination), tag.another.eq(another), tag.long.eq(long),
            load_a.i.valid.eq(goes & another), a.start.eq(bundle.a_start), a.ends[0].eq(bundle.a_end),
            a.times.eq(Mux(long, jobs, 1)),
            load_b.i.valid.eq(goes), b.start.eq(bundle.b_start), b.ends.eq(bundle.b_ends), b.times.eq(1),
            b.tag.eq(tag),
        ]
        return full | known_full | came_full | bundles.o.valid

    def _read(self, m, load_a, load_b):
        """The port is for the loader whose bank's turn it is."""
        p = self._parameters
        may = [loader.request if p.memory == "ideal" or not p.bank_bits
               else loader.request & (loader.row[:p.bank_bits] == self.read.turn) for loader in (load_a, load_b)]
        m.d.comb += [
            load_a.granted.eq(may[0]), load_b.granted.eq(may[1] & ~may[0]),
            self.read.row.eq(Mux(may[0], load_a.row, load_b.row)),
            self.waits.eq((load_a.request | load_b.request) & ~may[0] & ~may[1]),
        ]
        for loader, name in ((load_a, "a"), (load_b, "b")):
            m.d.comb += [
                loader.arrived.eq(delay(m, loader.granted & loader.request, read_latency(p), f"arrived_{name}")),
                loader.arrived_row.as_value().eq(self.read.data),
            ]
