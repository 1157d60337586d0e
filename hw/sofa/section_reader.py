"""Reading of the weights of a head from tokens, section after section."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.generation.formats import Section, WeightWrite
from hw.stream import Buffer
from hw.stream.counter import counter

from .task import Projection

__all__ = ["SectionReader"]


class SectionReader(wiring.Component):
    """Number the words of a head's weights, and hold them back until nobody reads what they replace.

    A word a cycle, and up to ``section_cycles`` a section besides. Sections come in three parts: the codes, what makes
    queries, and what makes keys and values; each waits for leave of its own.

    Members
    -------
    projection : In(Projection)
    start : In(1)
        Pulse: the next section is the first one of a head.
    enable : In(1)
        Read the next part.
    codes_free, queries_free, keys_free : In(1)
        The part may be replaced.
    data, available : In
        Word of the packet, and whether there is one.
    take : Out(1)
    weights : Out(stream of WeightWrite)
        A cycle behind what is taken.
    part_end : Out(1)
        Pulse: all words of the part have left.
    part : Out(Section)
        The last section that was read.
    """

    section_cycles = 4

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "projection": In(Projection(p)),
            "start": In(1),
            "enable": In(1),
            "codes_free": In(1), "queries_free": In(1), "keys_free": In(1),
            "data": In(p.bus_width),
            "available": In(1),
            "take": Out(1),
            "weights": Out(stream.Signature(WeightWrite(p))),
            "part_end": Out(1),
            "part": Out(Section),
        })

    def elaborate(self, platform):
        m = Module()
        p, projection, section = self._parameters, self.projection, Signal(Section)
        m.submodules.buffer = buffer = Buffer(WeightWrite(p))
        wiring.connect(m, buffer.o, wiring.flipped(self.weights))
        write = buffer.i.payload
        beat_bits, codes_per_beat = ceil_log2(p.elements_per_beat), p.bus_width // 4

        # What a section is like: registers, which the counters need a cycle before they start.
        last_vector, last_word = Signal.like(write.vector), Signal.like(write.word)
        part_ends, leave = Signal(), Signal()
        with m.Switch(section):
            with m.Case(Section.CODES):
                m.d.sync += [last_vector.eq((projection.last_key_beat << beat_bits) | (p.elements_per_beat - 1)),
                             leave.eq(self.codes_free), part_ends.eq(1)]
                if codes_per_beat >= p.tree_lanes:
                    m.d.sync += last_word.eq(projection.last_token_fold >> ceil_log2(codes_per_beat // p.tree_lanes))
                else:
                    beats = p.tree_lanes // codes_per_beat
                    m.d.sync += last_word.eq((projection.last_token_fold << ceil_log2(beats)) | (beats - 1))
            for bias, matrix, last_beat, free in (
                    (Section.QUERY_BIAS, Section.QUERY, projection.last_query_beat, self.queries_free),
                    (Section.KEY_BIAS, Section.KEY, projection.last_key_beat, self.keys_free),
                    (Section.VALUE_BIAS, Section.VALUE, projection.last_value_beat, None)):
                with m.Case(bias):
                    m.d.sync += [last_vector.eq(last_beat), last_word.eq(0), part_ends.eq(0),
                                 leave.eq(1 if free is None else free)]
                with m.Case(matrix):
                    m.d.sync += [last_vector.eq((last_beat << beat_bits) | (p.elements_per_beat - 1)),
                                 last_word.eq(projection.last_word), leave.eq(1),
                                 part_ends.eq(matrix is not Section.KEY)]

        reading, taken = Signal(), Signal()
        m.d.comb += [
            self.take.eq(reading & buffer.i.ready), taken.eq(reading & self.available & buffer.i.ready),
            buffer.i.valid.eq(reading & self.available),
        ]
        word, word_ends = counter(m, last_word, taken, ~reading, "word")
        vector, vector_ends = counter(m, last_vector, taken & word_ends, ~reading, "vector")
        m.d.comb += [write.section.eq(section), write.vector.eq(vector), write.word.eq(word), write.data.eq(self.data)]

        # Three cycles until all of this is known, and one to find that nothing is left to be read.
        settled, begins = Signal(range(self.section_cycles - 1)), Signal()
        m.d.sync += [self.part_end.eq(0), reading.eq((reading & ~(taken & (word_ends & vector_ends))) | begins)]
        with m.FSM():
            with m.State("WAIT"):
                m.d.sync += settled.eq(settled + 1)
                with m.If(settled == self.section_cycles - 2):
                    m.d.sync += settled.eq(settled)
                    with m.If(self.enable & leave):
                        m.d.comb += begins.eq(1)
                        m.d.sync += settled.eq(0)
                        m.next = "READ"
            with m.State("READ"):
                with m.If(~reading & ~(part_ends & buffer.o.valid)):
                    m.d.sync += [self.part_end.eq(part_ends), self.part.eq(section), section.eq(section.as_value() + 1)]
                    m.next = "WAIT"
        with m.If(self.start):
            m.d.sync += [section.eq(Section.CODES), settled.eq(0)]
        return m
