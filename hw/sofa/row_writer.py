"""Rows of results as words of the stream: the keys that a row kept, then its output."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from hw.stream import Buffer, Fifo, Word

__all__ = ["RowWriter"]


class RowWriter(wiring.Component):
    """Pack a slice's results. One word a cycle.

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

    _KEYS = 512

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
        m.submodules.queue = queue = Fifo(self.key_id.payload.shape(), self._KEYS)
        m.submodules.output = output = Buffer(Word(p.bus_width))
        wiring.connect(m, wiring.flipped(self.key_id), queue.i)
        wiring.connect(m, wiring.flipped(self.o), output.o)

        per_word = p.bus_width // 16
        packed = Signal(data.ArrayLayout(16, per_word))
        place = Signal(range(max(2, per_word)))
        beat = Signal.like(self.last_beat)
        key = queue.o.payload
        fields = Signal(data.ArrayLayout(16, per_word))
        m.d.comb += fields.eq(packed)
        for index in range(per_word):
            with m.If(place == index):
                m.d.comb += fields[index].eq(key.as_value())

        word, in_keys = output.i, Signal()
        full = (place == per_word - 1) | key.last
        outputs_phase = Signal()                 # the keys of this row are out
        m.d.comb += in_keys.eq(self.return_keys & ~outputs_phase)
        with m.If(in_keys):
            m.d.comb += [
                word.payload.data.eq(fields.as_value()),
                word.valid.eq(queue.o.valid & full),
                queue.o.ready.eq(~full | word.ready),
            ]
            with m.If(queue.o.valid & queue.o.ready):
                m.d.sync += [packed.eq(Mux(full, 0, fields.as_value())), place.eq(Mux(full, 0, place + 1)),
                             outputs_phase.eq(key.last)]
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
                    m.d.sync += [beat.eq(0), outputs_phase.eq(0)]
        return m
