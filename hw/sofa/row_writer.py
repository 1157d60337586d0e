"""Rows of results as words of the stream: the keys that a row kept, then its output."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from hw.stream import Fifo, Word

__all__ = ["RowWriter"]


class RowWriter(wiring.Component):
    """Pack a slice's results. One key or one word a cycle, keys of a row beside the outputs of the row before.

    With `return_keys` a row begins with its keys, 16 bits each in the order in which they were used, the
    upper bit set on the last one; a row without keys has the one entry 0xffff. Then the output channels
    follow on a new word. `last` marks the end of a row.

    Members
    -------
    return_keys, last_beat : In
        Of the head.
    key_id : In(stream of 15 + 1 bits)
    outputs : In(stream of beats)
    o : Out(stream of Word(bus_width))
    """

    _WORDS = 16

    def __init__(self, parameters):
        p = self._parameters = parameters
        beats = -(-p.max_head_dim // p.elements_per_beat)
        super().__init__({
            "return_keys": In(1),
            "last_beat": In(bits_for(max(1, beats - 1))),
            "key_id": In(stream.Signature(data.StructLayout({"key": 15, "last": 1}))),
            "outputs": In(stream.Signature(data.ArrayLayout(signed(p.element_width), p.elements_per_beat))),
            "o": Out(stream.Signature(Word(p.bus_width))),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        # Pack keys, also while the outputs of the row before are awaited. What is left of the word before stands
        # behind a row's last key.
        per_word = p.bus_width // 16
        m.submodules.words = words = Fifo(Word(p.bus_width), self._WORDS)
        packed, place = Signal(data.ArrayLayout(16, per_word)), Signal(range(max(2, per_word)))
        complete, last = Signal(), Signal()
        m.d.comb += [
            words.i.payload.data.eq(packed.as_value()),
            words.i.payload.last.eq(last),
            words.i.valid.eq(complete),
            self.key_id.ready.eq(~complete | words.i.ready),
        ]
        with m.If(self.key_id.ready):
            m.d.sync += complete.eq(0)
            with m.If(self.key_id.valid):
                key = self.key_id.payload
                full = (place == per_word - 1) | key.last
                m.d.sync += [complete.eq(full), last.eq(key.last), place.eq(Mux(full, 0, place + 1))]
                with m.Switch(place):
                    for index in range(per_word):
                        with m.Case(index):
                            m.d.sync += packed[index].eq(key.as_value())

        word, keys_out = self.o, Signal()          # the keys of this row are out
        beat = Signal.like(self.last_beat)
        with m.If(self.return_keys & ~keys_out):
            m.d.comb += [
                word.payload.data.eq(words.o.payload.data),
                word.valid.eq(words.o.valid),
                words.o.ready.eq(word.ready),
            ]
            with m.If(word.valid & word.ready):
                m.d.sync += keys_out.eq(words.o.payload.last)
        with m.Else():
            m.d.comb += [
                word.payload.data.eq(self.outputs.payload.as_value()),
                word.payload.last.eq(beat == self.last_beat),
                word.valid.eq(self.outputs.valid),
                self.outputs.ready.eq(word.ready),
            ]
            with m.If(word.valid & word.ready):
                m.d.sync += beat.eq(beat + 1)
                with m.If(word.payload.last):
                    m.d.sync += [beat.eq(0), keys_out.eq(0)]
        return m
