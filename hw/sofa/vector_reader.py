"""Reading of the keys or the values of a head."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from hw.stream.counter import counter

__all__ = ["VectorReader"]


class VectorReader(wiring.Component):
    """Number the words of a head's keys, or of its values: a word a cycle.

    Members
    -------
    start : In(1)
        Pulse: read vectors from the next cycle on.
    vectors : In, last_beat : In
        How many, and the last word of each; the same from three cycles before `start` to the end.
    available, free : In(1)
        There is a word, and it can be written.
    take : Out(1)
    write : Out(1)
        A word is written, of this `vector` and `beat`.
    vector, beat : Out
    reading : Out(1)
        Until the last word has been taken.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "start": In(1),
            "vectors": In(bits_for(p.max_keys)),
            "last_beat": In(p.beat_bits),
            "available": In(1), "free": In(1),
            "take": Out(1), "write": Out(1),
            "vector": Out(bits_for(p.max_keys)),
            "beat": Out(p.beat_bits),
            "reading": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        reading = self.reading
        m.d.comb += [self.take.eq(reading & self.free), self.write.eq(self.take & self.available)]
        beat, last_beat = counter(m, self.last_beat, self.write, ~reading, "beat")
        last = Signal.like(self.vectors)
        m.d.sync += last.eq(self.vectors - 1)
        vector, last_vector = counter(m, last, self.write & last_beat, ~reading, "vector")
        m.d.comb += [self.beat.eq(beat), self.vector.eq(vector)]
        with m.If(self.start):
            m.d.sync += reading.eq(1)
        with m.Elif(self.write & last_beat & last_vector):
            m.d.sync += reading.eq(0)
        return m
