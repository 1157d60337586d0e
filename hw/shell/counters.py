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

    Events reach the registers after 3 cycles: register stages keep the engine's event logic apart from the adders,
    and what is added from whether it is. ``clear`` sets all registers to zero and drops the events of earlier cycles;
    an event in the cycle of ``clear`` counts. A reset clears them, too, and through the same register: one with a
    fan-out like this has no logic behind it.

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
        clear = Signal(init=1)
        m.d.sync += clear.eq(self.clear)
        for counter in self._counters:
            event, value = self.events[counter.name], Signal(COUNTER_WIDTH, name=counter.name, reset_less=True)
            first, second = (Signal(len(event), name=f"{counter.name}_{stage}") for stage in (1, 2))
            m.d.sync += [first.eq(event), second.eq(first)]
            if counter.kind == "max":
                # A maximum has no more bits than its events. One that is about to be stored is beaten, too.
                counts, result = Signal(name=f"{counter.name}_counts"), second
                m.d.sync += counts.eq(clear | ((first > value[:len(event)]) & ~(counts & (first <= second))))
            else:
                counts, result = Signal(name=f"{counter.name}_counts"), value + second
                m.d.sync += counts.eq(first != 0)
            m.d.comb += self.values[counter.name].eq(value)
            with m.If(clear):
                m.d.sync += value.eq(0)
            with m.Elif(counts):
                m.d.sync += value.eq(result)
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
        # Cycles up to this one, this one included, if it is not the first.
        elapsed = Signal(COUNTER_WIDTH, init=2)
        m.d.sync += elapsed.eq(Mux(running & ~self.clear, elapsed + 1, 2))
        with m.If(self.start):
            m.d.sync += running.eq(1)
        with m.Elif(self.clear):
            m.d.sync += running.eq(0)
        with m.If(self.clear):
            m.d.sync += self.value.eq(0)
        # A packet that comes out before any went in belongs to what was forgotten.
        with m.Elif(self.stop & running):
            m.d.sync += self.value.eq(elapsed)
        return m
