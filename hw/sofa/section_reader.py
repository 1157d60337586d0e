"""Reading of the weights of a head from tokens, section after section."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.generation.formats import Section, WeightWrite

from .task import Projection

__all__ = ["SectionReader"]


class SectionReader(wiring.Component):
    """Number the words of a head's weights, and hold them back until nobody reads what they replace.

    A word a cycle, and a cycle before each section. Sections come in three parts: the codes, what makes queries, and
    what makes keys and values; each waits for leave of its own.

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
    part_end : Out(1)
        Pulse: the part ends with this word.
    section : Out(Section)
    """

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
            "section": Out(Section),
        })

    def elaborate(self, platform):
        m = Module()
        p, projection, section = self._parameters, self.projection, self.section
        write = self.weights.payload
        vector, word = Signal.like(write.vector), Signal.like(write.word)
        last_vector, last_word = Signal.like(vector), Signal.like(word)
        beat_bits, codes_per_beat = ceil_log2(p.elements_per_beat), p.bus_width // 4
        free, part_last = Signal(init=1), Signal()
        with m.Switch(section):
            with m.Case(Section.CODES):
                m.d.comb += [last_vector.eq((projection.last_key_beat << beat_bits) | (p.elements_per_beat - 1)),
                             free.eq(self.codes_free), part_last.eq(1)]
                if codes_per_beat >= p.tree_lanes:
                    m.d.comb += last_word.eq(projection.last_token_fold >> ceil_log2(codes_per_beat // p.tree_lanes))
                else:
                    beats = p.tree_lanes // codes_per_beat
                    m.d.comb += last_word.eq((projection.last_token_fold << ceil_log2(beats)) | (beats - 1))
            for bias, matrix, last_beat in ((Section.QUERY_BIAS, Section.QUERY, projection.last_query_beat),
                                            (Section.KEY_BIAS, Section.KEY, projection.last_key_beat),
                                            (Section.VALUE_BIAS, Section.VALUE, projection.last_value_beat)):
                with m.Case(bias):
                    m.d.comb += last_vector.eq(last_beat)
                    if bias is Section.QUERY_BIAS:
                        m.d.comb += free.eq(self.queries_free)
                    if bias is Section.KEY_BIAS:
                        m.d.comb += free.eq(self.keys_free)
                with m.Case(matrix):
                    m.d.comb += [last_vector.eq((last_beat << beat_bits) | (p.elements_per_beat - 1)),
                                 last_word.eq(projection.last_word), part_last.eq(matrix is not Section.KEY)]
        m.d.comb += [write.section.eq(section), write.vector.eq(vector), write.word.eq(word), write.data.eq(self.data)]
        with m.FSM():
            with m.State("WAIT"):
                with m.If(self.enable & free):
                    m.next = "READ"
            with m.State("READ"):
                m.d.comb += [self.weights.valid.eq(self.available), self.take.eq(self.weights.ready)]
                with m.If(self.available & self.weights.ready):
                    m.d.sync += word.eq(word + 1)
                    with m.If(word == last_word):
                        m.d.sync += [word.eq(0), vector.eq(vector + 1)]
                        with m.If(vector == last_vector):
                            m.d.comb += self.part_end.eq(part_last)
                            m.d.sync += [vector.eq(0), section.eq(section.as_value() + 1)]
                            m.next = "WAIT"
        with m.If(self.start):
            m.d.sync += section.eq(Section.CODES)
        return m
