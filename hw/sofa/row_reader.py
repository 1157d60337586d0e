"""Reading of the queries of a head, and of the masks of its rows."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from hw.stream.counter import counter

from .row_placer import RowPlace
from .task import Task

__all__ = ["RowReader"]

_MASK_WORD = 16


class RowReader(wiring.Component):
    """Read row after row: the words of its query, each for ``query_parts`` cycles, then its mask, if there is one.

    A row begins when it has a place, which it takes; a cycle lies between two rows. Of a head from tokens there are
    masks only, and each row is ordered when its mask is there.

    Members
    -------
    run : In(1)
        Read rows, until `done`.
    early : In(1)
        Only as many as are needed for a start.
    task : In(Task), last_query_beat : In
        The head; the same from two cycles before `run` on.
    settled, next_free, complete, next_early : In(1), next : In(RowPlace), advance : Out(1)
        See :class:`~hw.sofa.row_placer.RowPlacer`.
    data, available : In
        Word of the packet, and whether there is one.
    free : In(1)
        It can be written.
    take : Out(1)
    write, query, mask : Out(1)
        A word is written, of a query or of a mask.
    fill : Out(1)
        The word of the query is one of zeros, which is not in the packet.
    place : Out(RowPlace)
        Of the row at work, also in the cycle of `row_end`.
    beat, part, mask_word, mask_data : Out
        See :class:`~hw.sofa.beat_write.BeatWrite`.
    row_end : Out(1)
        Pulse, in the cycle after: the row of a head that is not from tokens has all that belongs to it.
    order_valid : Out(1), order_ready : In(1)
        The row of a head from tokens is ordered.
    done : Out(1)
        There is nothing more to be read; while `run` is high.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "run": In(1), "early": In(1),
            "task": In(Task(p)), "last_query_beat": In(p.beat_bits),
            "settled": In(1), "next_free": In(1), "complete": In(1), "next_early": In(1), "next": In(RowPlace(p)),
            "advance": Out(1),
            "data": In(p.bus_width), "available": In(1), "free": In(1),
            "take": Out(1),
            "write": Out(1), "query": Out(1), "mask": Out(1), "fill": Out(1),
            "place": Out(RowPlace(p)),
            "beat": Out(p.beat_bits),
            "part": Out(max(1, ceil_log2(p.query_parts))),
            "mask_word": Out(p.key_bits - 4), "mask_data": Out(_MASK_WORD),
            "row_end": Out(1),
            "order_valid": Out(1), "order_ready": In(1),
            "done": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        p, task = self._parameters, self.task
        # One of five: between two rows, or what is read or waited for.
        between, in_query, in_mask, in_words = Signal(init=1), Signal(), Signal(), Signal()
        goes, mask_goes = Signal(), Signal()
        part, last_part = counter(m, p.query_parts - 1, goes, between, "part")
        beat, last_beat = counter(m, self.last_query_beat, goes & last_part, between, "beat")
        # The packet has this word, or not; what chooses the data is a register of its own.
        within, fill = Signal(init=1), self.fill
        last_within = beat == task.last_key_beat
        with m.If(between):
            m.d.sync += [within.eq(1), fill.eq(0)]
        with m.Elif(goes & last_part & last_within):
            m.d.sync += [within.eq(0), fill.eq(1)]
        # The word is taken when it goes: in its last part, which the next one may be.
        takes, parts = Signal(), p.query_parts
        with m.If(between):
            m.d.sync += takes.eq(self.advance & ~task.tokens & (parts == 1))
        with m.Elif(goes):
            m.d.sync += takes.eq(within & Mux(last_part, ~last_beat & ~last_within & (parts == 1), part == parts - 2))

        last_mask_word, bits = Signal(bits_for(p.max_keys // _MASK_WORD)), Signal(p.bus_width, reset_less=True)
        m.d.sync += last_mask_word.eq((task.keys - 1)[ceil_log2(_MASK_WORD):])
        mask_word, mask_ends = counter(m, last_mask_word, mask_goes, between, "mask_word")
        _, word_ends = counter(m, p.bus_width // _MASK_WORD - 1, mask_goes, between, "mask_part")

        begin, enough = Signal(), self.complete | (self.early & self.next_early)
        m.d.comb += [
            self.beat.eq(beat), self.part.eq(part), self.mask_word.eq(mask_word), self.mask_data.eq(bits[:_MASK_WORD]),
            self.query.eq(in_query), self.mask.eq(in_words), self.write.eq(goes | mask_goes),
            self.take.eq(in_mask | (takes & self.free)),
            goes.eq(in_query & self.free & (self.available | ~within)), mask_goes.eq(in_words & self.free),
            self.advance.eq(between & self.run & begin),
        ]
        m.d.sync += [
            begin.eq(self.settled & self.next_free & ~enough),
            self.done.eq(self.run & between & self.settled & enough),
        ]
        loads, words_follow = Signal(init=1), Signal()
        m.d.comb += words_follow.eq(
            (in_words & ~(mask_goes & (mask_ends | word_ends))) | (in_mask & self.available))
        query_done, mask_done = goes & last_part & last_beat, mask_goes & mask_ends
        m.d.sync += [
            between.eq((between & ~self.advance) | (query_done & ~task.mask) | (mask_done & ~task.tokens)
                       | (self.order_valid & self.order_ready)),
            in_query.eq((in_query & ~query_done) | (self.advance & ~task.tokens)),
            in_mask.eq((in_mask & ~self.available) | (self.advance & task.tokens) | (query_done & task.mask)
                       | (mask_goes & word_ends & ~mask_ends)),
            in_words.eq(words_follow), loads.eq(~words_follow),
            self.order_valid.eq((self.order_valid & ~self.order_ready) | (mask_done & task.tokens)),
            self.row_end.eq((query_done & ~task.mask) | (mask_done & ~task.tokens)),
        ]
        with m.If(between):
            m.d.sync += self.place.eq(self.next)
        # What is loaded is a word of the mask when its parts follow.
        with m.If(loads):
            m.d.sync += bits.eq(self.data)
        with m.Elif(self.free):
            m.d.sync += bits.eq(bits >> _MASK_WORD)
        return m
