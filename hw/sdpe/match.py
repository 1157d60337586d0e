"""Comparison of all pairs of entries of two windows."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.stream.delay import delay
from hw.stream.select import any_of

from .layouts import Entry

__all__ = ["Match", "Matches"]

_PART = 8                    # bits of an index


class Matches(data.StructLayout):
    """Pairs of values to multiply, in ascending order of their index: those that `hits` tells, and whether the dot
    product ends with them."""

    def __init__(self, parameters):
        p = parameters
        values = data.ArrayLayout(p.value_width, p.window)
        super().__init__({"hits": p.window, "a": values, "b": values, "ends": 1})


class Match(wiring.Component):
    """Values of equal index of two windows. A pair of windows a cycle; latency 3 cycles, free running.

    Members
    -------
    valid, ends : In(1)
    a, b : In, entries of windows; present_a, present_b : In
    o_valid : Out(1)
        There is something to multiply, or the dot product ends.
    o : Out(Matches)
    """

    latency = 3

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
        a, b = (delay(m, Cat(entry.value for entry in side), 2, name, payload=True)
                for side, name in ((self.a, "values_a"), (self.b, "values_b")))
        # Indices are compared in parts, as they come late out of their memories.
        equal = [Signal(width, name=f"equal{n}") for n in range(width)]
        valid, ends = Signal(), delay(m, self.ends & self.valid, 2, "ends")
        bits = len(self.a[0].index)
        m.d.sync += valid.eq(self.valid)
        for i in range(width):
            for j in range(width):
                parts = [self.a[i].index[start:start + _PART] == self.b[j].index[start:start + _PART]
                         for start in range(0, bits, _PART)]
                parts.append(self.present_a[i] & self.present_b[j])
                same = Signal(len(parts), name=f"same{i}_{j}", reset_less=True)
                m.d.sync += [same.eq(Cat(parts)), equal[i][j].eq(same.all() & valid)]
        value = self._parameters.value_width
        m.d.sync += [self.o_valid.eq(ends | Cat(equal).any()), self.o.ends.eq(ends)]
        for i in range(width):
            m.d.sync += [
                self.o.hits[i].eq(equal[i].any()), self.o.a[i].eq(a.word_select(i, value)),
                self.o.b[i].eq(any_of([b.word_select(j, value) & equal[i][j].replicate(value)
                                       for j in range(width)])),
            ]
        return m
