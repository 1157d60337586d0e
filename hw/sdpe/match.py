"""Comparison of all pairs of entries of two windows."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.stream.delay import delay
from hw.stream.select import any_of

from .layouts import Entry

__all__ = ["Match", "Matches"]


class Matches(data.StructLayout):
    """Pairs of values to multiply, in ascending order of their index: those that `hits` tells, and whether the dot
    product ends with them."""

    def __init__(self, parameters):
        p = parameters
        values = data.ArrayLayout(p.value_width, p.window)
        super().__init__({"hits": p.window, "a": values, "b": values, "ends": 1})


class Match(wiring.Component):
    """Values of equal index of two windows. A pair of windows a cycle; latency 2 cycles, free running.

    Members
    -------
    valid, ends : In(1)
    a, b : In, entries of windows; present_a, present_b : In
    o_valid : Out(1)
        There is something to multiply, or the dot product ends.
    o : Out(Matches)
    """

    latency = 2

    def __init__(self, parameters):
        p = self._parameters = parameters
        window = data.ArrayLayout(Entry(p), p.window)
        super().__init__({
            "valid": In(1), "ends": In(1), "a": In(window), "b": In(window),
            "present_a": In(p.window), "present_b": In(p.window), "o_valid": Out(1), "o": Out(Matches(p)),
        })

    def elaborate(self, platform):
        m = Module()
        width = self._parameters.window
        a, b = (delay(m, Cat(entry.value for entry in side), 1, name, payload=True)
                for side, name in ((self.a, "values_a"), (self.b, "values_b")))
        equal = [Signal(width, name=f"equal{n}") for n in range(width)]
        valid, ends = Signal(), Signal()
        m.d.sync += [
            valid.eq(self.valid), ends.eq(self.ends & self.valid),
            *(equal[i][j].eq((self.a[i].index == self.b[j].index) & self.present_a[i] & self.present_b[j] & self.valid)
              for i in range(width) for j in range(width)),
        ]
        value = self._parameters.value_width
        m.d.sync += [self.o_valid.eq(ends | Cat(equal).any()), self.o.ends.eq(ends)]
        for i in range(width):
            m.d.sync += [
                self.o.hits[i].eq(equal[i].any()), self.o.a[i].eq(a.word_select(i, value)),
                self.o.b[i].eq(any_of([b.word_select(j, value) & equal[i][j].replicate(value)
                                       for j in range(width)])),
            ]
        return m
