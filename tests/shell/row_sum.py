# amaranth: UnusedElaboratable=no
"""A very small engine that fetches rows, its model, and bytes for it."""

import enum
from dataclasses import dataclass

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import wiring

from hw.shell import TRAILER_MARKER, EngineSignature


class RowSumError(enum.Enum):
    NONE = 0


@dataclass(frozen=True)
class RowSumParameters:
    bus_width: int = 32


class RowSum(wiring.Component):
    """Each beat of a task asks for a row; the result has the sum of the words of each row."""

    counters = ()
    error_codes = RowSumError

    def __init__(self, parameters=None):
        self.parameters = RowSumParameters() if parameters is None else parameters
        super().__init__(EngineSignature(self.parameters.bus_width, fetch=True))

    def elaborate(self, platform):
        m = Module()
        asking, started = Signal(init=1), Signal()
        unanswered, total = Signal(16), Signal(self.parameters.bus_width)
        asked, answered = Signal(), Signal()
        row = self.fetched
        m.d.comb += [
            self.fetch.payload.eq(self.i.p.data),
            self.fetch.valid.eq(self.i.valid & asking),
            self.i.ready.eq(self.fetch.ready & asking),
            asked.eq(self.fetch.valid & self.fetch.ready),
            answered.eq(row.valid & row.ready & row.p.last),
            self.busy.eq(started),
        ]
        m.d.sync += unanswered.eq(unanswered + asked - answered)
        with m.If(asked):
            m.d.sync += [started.eq(1), asking.eq(~self.i.p.last)]
        with m.If(row.valid & row.ready):
            m.d.sync += total.eq(Mux(row.p.last, 0, total + row.p.data))

        with m.FSM():
            with m.State("SUM"):
                m.d.comb += [
                    row.ready.eq(self.o.ready | ~row.p.last),
                    self.o.valid.eq(row.valid & row.p.last),
                    self.o.p.data.eq(total + row.p.data),
                ]
                with m.If(~asking & (unanswered == 0)):
                    m.next = "TRAILER"
            with m.State("TRAILER"):
                m.d.comb += [
                    self.o.valid.eq(1),
                    self.o.p.data.eq(Const(TRAILER_MARKER << 8)),
                    self.o.p.last.eq(1),
                ]
                with m.If(self.o.ready):
                    m.d.sync += started.eq(0)
                    m.next = "DONE"
            with m.State("DONE"):
                m.d.comb += self.done.valid.eq(1)
                with m.If(self.done.ready):
                    m.d.sync += asking.eq(1)
                    m.next = "SUM"
        return m


def model(requests, rows, bus_width=32):
    """Beats of the result of a task; `rows` has the words of the rows that exist."""
    sums = [sum(rows.get(request, ())) % (1 << bus_width) for request in requests]
    return [*sums, TRAILER_MARKER << 8]


def to_bytes(beats, bus_width=32):
    """Bytes of a packet."""
    return b"".join(beat.to_bytes(bus_width // 8, "little") for beat in beats)


def random_rows(rng, count=12, *, longest=6, bus_width=32):
    """Rows of random length under random numbers."""
    return {rng.getrandbits(32): [rng.getrandbits(bus_width) for _ in range(rng.randint(1, longest))]
            for _ in range(count)}
