"""Counters that describe themselves."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .engine import COUNTER_WIDTH, CounterDescription

__all__ = ["SHELL_COUNTERS", "CounterBank", "CycleTimer"]


#: What the shell counts around every engine, in the order of the registers that follow ``cycles``.
SHELL_COUNTERS = (
    CounterDescription("input_stalled", "cycles", "Cycles in which an open input packet waited for the host"),
    CounterDescription("output_stalled", "cycles", "Cycles in which a valid output beat waited for the host"),
    CounterDescription("input_words", "words", "Input beats accepted"),
    CounterDescription("output_words", "words", "Output beats taken"),
    CounterDescription("busy", "cycles", "Cycles in which anything was in flight"),
)


class CounterBank(wiring.Component):
    """A 32-bit register for each of some counters.

    Events reach the registers after 2 cycles: one register stage keeps the engine's event logic apart from
    the adders. ``clear`` sets all registers to zero and drops the events of earlier cycles; an event in the
    cycle of ``clear`` counts.

    Parameters
    ----------
    counters : sequence of :class:`~hw.shell.engine.CounterDescription`

    Members
    -------
    events : ``In(StructLayout({name: width, ...}))``
    clear : ``In(1)``
    values : ``Out(StructLayout({name: 32, ...}))``

    Raises
    ------
    TypeError
        If an element is not a description.
    """

    def __init__(self, counters):
        self._counters = tuple(counters)
        for counter in self._counters:
            if not isinstance(counter, CounterDescription):
                raise TypeError(f"Counter must be a CounterDescription, not {counter!r}")
        super().__init__({
            "events": In(data.StructLayout({counter.name: counter.width for counter in self._counters})),
            "clear": In(1),
            "values": Out(data.StructLayout({counter.name: COUNTER_WIDTH for counter in self._counters})),
        })

    def elaborate(self, platform):
        m = Module()
        events = Signal.like(self.events)
        m.d.sync += events.eq(self.events)
        for counter in self._counters:
            event, value = events[counter.name], self.values[counter.name]
            with m.If(self.clear):
                m.d.sync += value.eq(0)
            # A maximum has no more bits than its events.
            with m.Elif(event > value[:len(event)] if counter.kind == "max" else event != 0):
                m.d.sync += value.eq(event if counter.kind == "max" else value + event)
        return m


class CycleTimer(wiring.Component):
    """Cycles from the first input beat accepted to the last output beat taken, both included.

    Members
    -------
    start : ``In(1)``
        An input beat is accepted.
    stop : ``In(1)``
        The last output beat of a packet is taken.
    clear : ``In(1)``
        Forget: the next input beat is the first. A ``start`` in the same cycle is that beat.
    value : ``Out(32)``
        Cycles, as of the latest ``stop``; zero before.
    """

    start: In(1)
    stop: In(1)
    clear: In(1)
    value: Out(COUNTER_WIDTH)

    def elaborate(self, platform):
        m = Module()
        running = Signal()
        elapsed = Signal(COUNTER_WIDTH)
        m.d.sync += elapsed.eq(Mux(running & ~self.clear, elapsed + 1, 1))
        with m.If(self.start):
            m.d.sync += running.eq(1)
        with m.Elif(self.clear):
            m.d.sync += running.eq(0)
        with m.If(self.clear):
            m.d.sync += self.value.eq(0)
        # A packet that comes out before any went in belongs to what was forgotten.
        with m.Elif(self.stop & running):
            m.d.sync += self.value.eq(elapsed + 1)
        return m
