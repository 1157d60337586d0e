"""The intersection of pairs of fibers: windows in, values to multiply out."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.shared import shared
from hw.stream import Buffer, PointerFifo
from hw.stream.delay import delay
from hw.stream.select import select

from .fiber_loader import FiberLoader
from .layouts import Job, Window
from .match import Match, Matches
from .merge import Merge
from .window_buffer import WindowBuffer

__all__ = ["Intersection"]

#: Jobs of which one compares while the first windows of the next one are fetched.
_MERGES = 2
_JOBS = 32
_MATCHES = 16


class Intersection(wiring.Component):
    """Two buffers of windows, and merges that walk through them in turn.

    A pair of windows a cycle; from one job to the next without a pause, if the one had two pairs or more. Matches
    follow 6 cycles behind their pair.

    Members
    -------
    valid_a, window_a, first_a, valid_b, window_b, first_b, job, another, long : In
        As of :class:`~hw.sdpe.fiber_fetch.FiberFetch`.
    room_a, room_b : Out(1)
    o : Out(stream of Matches)
    jobs : Out(stream of Job)
        In the order of the matches.
    compares, begins, starved : Out(1)
        A pair; a job begins; there is a job, but no pair.
    busy : Out(1)
    """

    #: Cycles from a comparison to its matches.
    latency = 1 + WindowBuffer.latency + Match.latency

    def __init__(self, parameters):
        p = self._parameters = parameters
        sides = {}
        for side in "ab":
            sides |= {f"room_{side}": Out(1), f"valid_{side}": In(1), f"window_{side}": In(Window(p)),
                      f"first_{side}": In(1)}
        super().__init__({
            **sides, "job": In(Job()), "another": In(1), "long": In(1),
            "o": Out(stream.Signature(Matches(p))), "jobs": Out(stream.Signature(Job())),
            "compares": Out(1), "begins": Out(1), "starved": Out(1), "busy": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        place = p.buffer_bits + 1
        buffers = {}
        for side in "ab":
            buffers[side] = m.submodules[f"buffer_{side}"] = buffer = shared(WindowBuffer, p, _MERGES, FiberLoader.late)
            m.d.comb += [buffer.valid.eq(getattr(self, f"valid_{side}")), getattr(self, f"room_{side}").eq(buffer.room),
                         buffer.window.eq(getattr(self, f"window_{side}"))]
        # Where fibers begin. A buffer has no more of them than windows.
        layouts = {"a": data.StructLayout({"place": place}),
                   "b": data.StructLayout({"place": place, "job": Job(), "another": 1, "long": 1})}
        fibers = {}
        for side, layout in layouts.items():
            fibers[side] = m.submodules[f"fibers_{side}"] = queue = PointerFifo(layout, p.buffer_windows)
            m.d.comb += [queue.i.valid.eq(getattr(self, f"first_{side}")),
                         queue.i.payload.place.eq(buffers[side].written)]
        came = fibers["b"].i.payload
        m.d.comb += [came.job.eq(self.job), came.another.eq(self.another), came.long.eq(self.long)]
        m.submodules.next_b = next_b = Buffer(layouts["b"])
        connect(m, fibers["b"].o, next_b.i)
        following = self._pair(m, fibers["a"].o, next_b.o)
        step = self._merge(m, buffers, following,
                           {"a": fibers["a"].o.valid, "b": fibers["b"].o.valid | next_b.o.valid})
        self._match(m, buffers, *step)
        return m

    def _pair(self, m, fibers_a, fibers_b):
        """The fibers of a job: the next one of b with the next one of a, or with the one before."""
        place = self._parameters.buffer_bits + 1
        m.submodules.following = buffer = Buffer(data.StructLayout({"a": place, "b": place, "job": Job(), "long": 1}))
        pair, head, before = buffer.i, fibers_b.payload, Signal(place)
        there = ~head.another | fibers_a.valid
        m.d.comb += [
            pair.valid.eq(fibers_b.valid & there),
            pair.payload.a.eq(Mux(head.another, fibers_a.payload.place, before)), pair.payload.b.eq(head.place),
            pair.payload.job.eq(head.job), pair.payload.long.eq(head.long),
            fibers_b.ready.eq(pair.ready & there),
            fibers_a.ready.eq(pair.ready & fibers_b.valid & head.another),
        ]
        with m.If(pair.valid & pair.ready):
            m.d.sync += before.eq(pair.payload.a)
        return buffer.o

    def _merge(self, m, buffers, following, waiting):
        """Merges begin jobs in turn, and the oldest one compares."""
        p, head = self._parameters, following.payload
        merges = []
        for number in range(_MERGES):
            merge = m.submodules[f"merge{number}"] = shared(Merge, p)
            merges.append(merge)
            for side, buffer in buffers.items():
                m.d.comb += [
                    getattr(merge, f"written_{side}").eq(buffer.written),
                    buffer.head_place[number].eq(getattr(merge, f"ahead_{side}")),
                    getattr(merge, f"came_{side}").eq(buffer.head[number]),
                ]
        m.submodules.queue = jobs = PointerFifo(Job(), _JOBS)
        connect(m, jobs.o, flipped(self.jobs))

        # Beginning of jobs.
        fill, turn, start, begins = Signal(range(_MERGES)), Signal(range(_MERGES)), Signal(p.buffer_bits + 1), Signal()
        here, here_long = Signal.like(start), Signal()          # of the fiber of a that is at work or was the last
        m.d.comb += [
            start.eq(head.a), following.ready.eq(begins),
            begins.eq(following.valid & jobs.i.ready & ~Cat(merge.busy for merge in merges).bit_select(fill, 1)),
            jobs.i.valid.eq(begins), jobs.i.payload.eq(head.job), self.begins.eq(begins),
        ]
        with m.If(begins):
            m.d.sync += [fill.eq(fill + 1), here.eq(start), here_long.eq(head.long)]
        starts, longs = [], []
        for number, merge in enumerate(merges):
            mine, own, long = Signal(), Signal.like(start, name=f"start{number}"), Signal(name=f"long{number}")
            m.d.comb += [mine.eq(begins & (fill == number)), merge.start.eq(mine), merge.start_a.eq(start),
                         merge.start_b.eq(head.b)]
            with m.If(mine):
                m.d.sync += [own.eq(start), long.eq(head.long)]
            starts.append(own)
            longs.append(long)

        # Comparison.
        room = Signal(init=1)
        active, ends = Signal(), Signal()
        for number, merge in enumerate(merges):
            m.d.comb += merge.run.eq(room & (turn == number))
        m.d.comb += [
            active.eq(Cat(merge.busy for merge in merges).bit_select(turn, 1)),
            self.compares.eq(Cat(merge.compares for merge in merges).any()),
            ends.eq(Cat(merge.ends for merge in merges).any()), self.starved.eq(active & room & ~self.compares),
            self.busy.eq(waiting["b"] | following.valid | active | self.jobs.valid),
        ]
        with m.If(ends):
            m.d.sync += turn.eq(turn + 1)
        places = {side: select(turn, [getattr(merge, f"place_{side}") for merge in merges]) for side in "ab"}

        # A buffer is free up to the job at work; without one, what is left of the one before is not needed either, but
        # a fiber of a that is not long stays. A fiber on its way from the queue is not to be passed over.
        rests = {side: Mux(following.valid, head[side],
                           Mux(waiting[side], buffer.free, buffer.written)) for side, buffer in buffers.items()}
        m.d.sync += [
            buffers["a"].free.eq(Mux(active, Mux(select(turn, longs), places["a"], select(turn, starts)),
                                     Mux(here_long, rests["a"], here))),
            buffers["b"].free.eq(Mux(active, places["b"], rests["b"])),
        ]
        return places, ends, room

    def _match(self, m, buffers, places, ends, room):
        """Entries of the pair, compared with each other, and a queue of what is to be multiplied."""
        p = self._parameters
        m.submodules.match = match = shared(Match, p)
        m.submodules.matches = matches = PointerFifo(Matches(p), _MATCHES, counted=True)
        connect(m, matches.o, flipped(self.o))
        for side, buffer in buffers.items():
            m.d.comb += [
                buffer.place.eq(delay(m, places[side], 1, f"pair_{side}", payload=True)),
                getattr(match, side).eq(buffer.entries), getattr(match, f"present_{side}").eq(buffer.present),
            ]
        m.d.comb += [
            match.valid.eq(delay(m, self.compares, 1 + WindowBuffer.latency, "valid")),
            match.ends.eq(delay(m, ends, 1 + WindowBuffer.latency, "ends")),
            matches.i.payload.eq(match.o), matches.i.valid.eq(match.o_valid),
        ]
        # Comparisons that are on their way may all match; `room` is a register.
        stored, left = Signal(range(_MATCHES + 1)), Signal()
        m.d.sync += [left.eq(self.o.valid & self.o.ready), stored.eq(stored + match.o_valid - left),
                     room.eq(stored < _MATCHES - self.latency - 2)]
