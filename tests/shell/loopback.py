# amaranth: UnusedElaboratable=no
"""A very small engine, its model, and packets for it."""

import enum
from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring

from hw.shell import TRAILER_MARKER, CounterDescription, EngineSignature

MAGIC = 0x4C50


class LoopbackError(enum.Enum):
    NONE = 0
    BAD_HEADER = 1
    SHORT_PACKET = 2
    LONG_PACKET = 3


@dataclass(frozen=True)
class LoopbackParameters:
    bus_width: int = 32
    bias: int = 5
    inverted: bool = False
    label: str = "loopback"


COUNTERS = (
    CounterDescription("items", "items", "Items echoed"),
    CounterDescription("longest", "items", "Longest task accepted", width=16, kind="max"),
)


class Loopback(wiring.Component):
    """Echoes running sums of the items that follow a header `{count: 16, magic: 16}`, plus a bias."""

    counters = COUNTERS
    error_codes = LoopbackError

    def __init__(self, parameters=None):
        self.parameters = LoopbackParameters() if parameters is None else parameters
        super().__init__(EngineSignature(self.parameters.bus_width, COUNTERS))

    def elaborate(self, platform):
        m = Module()
        width = self.parameters.bus_width
        total, remaining, error = Signal(width), Signal(16), Signal(2)
        taken = self.i.valid & self.i.ready
        count = self.i.p.data[:16]
        good = self.i.p.data[16:32] == MAGIC

        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("HEADER"))
            with m.State("HEADER"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [total.eq(self.parameters.bias), remaining.eq(count)]
                m.d.sync += error.eq(LoopbackError.NONE.value)
                with m.If(taken):
                    m.d.comb += self.events.longest.eq(Mux(good, count, 0))
                    with m.If(~good):
                        m.d.sync += error.eq(LoopbackError.BAD_HEADER.value)
                        m.next = "DRAIN"
                    with m.Else():
                        m.next = "ECHO"
                    with m.If(self.i.p.last):
                        m.next = "TRAILER"
                        with m.If(good & (count != 0)):
                            m.d.sync += error.eq(LoopbackError.SHORT_PACKET.value)
                    with m.Elif(good & (count == 0)):
                        m.d.sync += error.eq(LoopbackError.LONG_PACKET.value)
                        m.next = "DRAIN"
            with m.State("ECHO"):
                m.d.comb += [
                    self.o.valid.eq(self.i.valid),
                    self.o.p.data.eq(total + self.i.p.data),
                    self.i.ready.eq(self.o.ready),
                    self.events.items.eq(taken),
                ]
                with m.If(taken):
                    m.d.sync += [total.eq(self.o.p.data), remaining.eq(remaining - 1)]
                    with m.If(self.i.p.last):
                        m.d.sync += error.eq(Mux(remaining == 1, LoopbackError.NONE.value,
                                                 LoopbackError.SHORT_PACKET.value))
                        m.next = "TRAILER"
                    with m.Elif(remaining == 1):
                        m.d.sync += error.eq(LoopbackError.LONG_PACKET.value)
                        m.next = "DRAIN"
            with m.State("DRAIN"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(taken & self.i.p.last):
                    m.next = "TRAILER"
            with m.State("TRAILER"):
                m.d.comb += [
                    self.o.valid.eq(1),
                    self.o.p.data.eq(Cat(error, Const(0, 6), Const(TRAILER_MARKER, 8))),
                    self.o.p.last.eq(1),
                ]
                with m.If(self.o.ready):
                    m.next = "DONE"
            with m.State("DONE"):
                m.d.comb += [self.done.valid.eq(1), self.done.p.error.eq(error)]
                with m.If(self.done.ready):
                    m.next = "HEADER"
        return m


def packet(items, *, count=None, magic=MAGIC):
    """Beats of a task, by default a well-formed one."""
    return [magic << 16 | (len(items) if count is None else count), *items]


def model(beats, parameters=None):
    """Beats and error code that a packet leads to."""
    parameters = LoopbackParameters() if parameters is None else parameters
    header, *items = beats
    count = header & 0xFFFF
    if header >> 16 != MAGIC:
        error, echoed = LoopbackError.BAD_HEADER, []
    else:
        echoed = items[:count]
        error = (LoopbackError.SHORT_PACKET if len(items) < count else
                 LoopbackError.LONG_PACKET if len(items) > count else LoopbackError.NONE)
    total, out = parameters.bias, []
    for item in echoed:
        total = (total + item) % (1 << parameters.bus_width)
        out.append(total)
    return [*out, TRAILER_MARKER << 8 | error.value], error.value


def random_packet(rng, *, longest=9, bad=0.3):
    """A task of random length and content, malformed with probability `bad`."""
    items = [rng.getrandbits(32) for _ in range(rng.randint(0, longest))]
    if rng.random() >= bad:
        return packet(items)
    wrong = rng.choice([{"magic": rng.getrandbits(15)}, {"count": rng.randint(0, longest + 2)}])
    return packet(items, **wrong)
