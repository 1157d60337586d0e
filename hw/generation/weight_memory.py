"""The weight matrices and biases of a head."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.shared import shared
from hw.stream import WidthConverter
from hw.stream.block_memory import BlockMemory
from hw.stream.register_file import RegisterFile

from .formats import Section, WeightWrite

__all__ = ["WeightMemory"]


class WeightMemory(wiring.Component):
    """Three matrices, of queries, keys and values, channel after channel; and a bias for each channel.

    Each matrix has ``matrix_words`` words of a beat's elements; channel `c` of a matrix of `n` words a channel begins
    at word ``c * n``. Of an element the lower ``weight_width`` bits are stored.

    Members
    -------
    i : In(stream of WeightWrite)
        All sections but the codes; biases take a cycle an element.
    read_matrix : In(2), read_word : In
    weights : Out(beat of weights)
        One cycle later.
    bias_matrix : In(2), bias_channel : In
    bias : Out(signed(element_width))
        In the same cycle.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "i": In(stream.Signature(WeightWrite(p))),
            "read_matrix": In(2),
            "read_word": In(range(p.matrix_words)),
            "weights": Out(data.ArrayLayout(signed(p.weight_width), p.elements_per_beat)),
            "bias_matrix": In(2),
            "bias_channel": In(range(p.folds * p.lanes)),
            "bias": Out(signed(p.element_width)),
        })

    def elaborate(self, platform):
        m = Module()
        p, write = self._parameters, self.i.payload
        channels = p.folds * p.lanes

        matrix, is_bias = Signal(2), Signal()
        with m.Switch(write.section):
            for number, (bias, section) in enumerate(((Section.QUERY_BIAS, Section.QUERY),
                                                      (Section.KEY_BIAS, Section.KEY),
                                                      (Section.VALUE_BIAS, Section.VALUE))):
                with m.Case(bias):
                    m.d.comb += [matrix.eq(number), is_bias.eq(1)]
                with m.Case(section):
                    m.d.comb += matrix.eq(number)

        def base(matrix, size):
            return Mux(matrix[1], 2 * size, Mux(matrix[0], size, 0))

        # Words come in the order of their addresses.
        word, first = Signal(range(p.matrix_words)), (write.vector == 0) & (write.word == 0)
        address = Mux(first, 0, word)
        write_word = self.i.valid & ~is_bias
        with m.If(write_word):
            m.d.sync += word.eq(address + 1)
        cut = Cat(write.data.word_select(lane, p.element_width)[:p.weight_width] for lane in range(p.elements_per_beat))
        lanes = max(1, 108 // p.weight_width)                # of a part, to fill block RAMs of 36 bits
        for start in range(0, p.elements_per_beat, lanes):
            piece = slice(start * p.weight_width, min(start + lanes, p.elements_per_beat) * p.weight_width)
            m.submodules[f"weights{start}"] = memory = shared(BlockMemory, piece.stop - piece.start, 3 * p.matrix_words)
            m.d.comb += [
                memory.write_enable.eq(write_word),
                memory.write_address.eq(base(matrix, p.matrix_words) + address),
                memory.write_data.eq(cut[piece]),
                memory.read_enable.eq(1),
                memory.read_address.eq(base(self.read_matrix, p.matrix_words) + self.read_word),
                self.weights.as_value()[piece].eq(memory.read_data),
            ]

        m.submodules.elements = elements = WidthConverter(p.bus_width, p.element_width)
        m.submodules.biases = biases = shared(RegisterFile, p.element_width, 3 * channels)
        channel, bias_matrix = Signal(range(channels)), Signal(2)
        m.d.comb += [
            elements.i.payload.data.eq(write.data), elements.i.valid.eq(self.i.valid & is_bias), elements.o.ready.eq(1),
            self.i.ready.eq(~is_bias | elements.i.ready),
            biases.write_enable.eq(elements.o.valid), biases.write_data.eq(elements.o.payload.data),
            biases.write_address.eq(base(bias_matrix, channels) + channel),
            biases.read_address.eq(base(self.bias_matrix, channels) + self.bias_channel),
            self.bias.eq(biases.read_data),
        ]
        with m.If(elements.o.valid):
            m.d.sync += channel.eq(channel + 1)
        with m.If(elements.i.valid & elements.i.ready):
            m.d.sync += bias_matrix.eq(matrix)
            with m.If(write.vector == 0):
                m.d.sync += channel.eq(0)
        return m
