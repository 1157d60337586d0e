"""The weight matrices and biases of a head."""

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.shared import shared
from hw.stream import WidthConverter
from hw.stream.block_memory import BlockMemory
from hw.stream.delay import delay
from hw.stream.select import select

from .formats import Section, WeightWrite

__all__ = ["WeightMemory"]

_BLOCK = 2048                # words


class WeightMemory(wiring.Component):
    """Three matrices, of queries, keys and values, channel after channel; and a bias for each channel.

    Each matrix has ``matrix_words`` words of a beat's elements; channel `c` of a matrix of `n` words a channel begins
    at word ``c * n``. Of an element the lower ``weight_width`` bits are stored. The words are in blocks of memory that
    fill a block RAM of 9 bits; all are read, and one is chosen in the cycle after.

    Members
    -------
    i : In(stream of WeightWrite)
        All sections but the codes. A word of biases takes a cycle an element, and one more, in which nothing is taken.
    read_address : In
        Matrix `m` begins at ``m * matrix_words``.
    weights : Out(beat of weights)
        `latency` cycles later.
    bias_matrix : In(2), bias_channel : In
    bias : Out(signed(element_width))
        Two cycles later.
    """

    latency = 4

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "i": In(stream.Signature(WeightWrite(p))),
            "read_address": In(range(3 * p.matrix_words)),
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

        m.submodules.elements = elements = WidthConverter(p.bus_width, p.element_width)

        # Words come in the order of their addresses; they are stored two cycles after they came.
        address, came, first, of_matrix = Signal.like(self.read_address), Signal(), Signal(), Signal(2)
        idle = ~elements.o.valid
        m.d.sync += [
            came.eq(self.i.valid & ~is_bias & idle), of_matrix.eq(matrix),
            first.eq((write.vector == 0) & (write.word == 0)),
        ]
        with m.If(came):
            m.d.sync += address.eq(address + 1)
            with m.If(first):
                m.d.sync += address.eq(select(of_matrix, [number * p.matrix_words for number in range(3)]))
        store, stored = delay(m, came, 1, "store"), delay(m, write.data, 2, "stored", payload=True)
        cut = Cat(stored.word_select(lane, p.element_width)[:p.weight_width] for lane in range(p.elements_per_beat))
        lanes = max(1, 108 // p.weight_width)                # of a part, to fill block RAMs of 36 bits
        address_bits = ceil_log2(_BLOCK)
        blocks = []
        for number, begin in enumerate(range(0, 3 * p.matrix_words, _BLOCK)):
            words = []
            for start in range(0, p.elements_per_beat, lanes):
                piece = slice(start * p.weight_width, min(start + lanes, p.elements_per_beat) * p.weight_width)
                memory = shared(BlockMemory, piece.stop - piece.start, min(_BLOCK, 3 * p.matrix_words - begin),
                                latency=2, vendor=p.vendor)
                m.submodules[f"weights{number}_{start}"] = memory
                m.d.comb += [
                    memory.write_enable.eq(store & (address[address_bits:] == number)),
                    memory.write_address.eq(address[:address_bits]), memory.write_data.eq(cut[piece]),
                    memory.read_enable.eq(1),
                    memory.read_address.eq(delay(m, self.read_address[:address_bits], 1, f"address{number}_{start}",
                                                 payload=True, apart=True)),
                ]
                words.append(memory.read_data)
            blocks.append(Cat(words))
        block = delay(m, self.read_address[address_bits:], 3, "block")
        chosen = Signal.like(self.weights, reset_less=True)
        m.d.sync += chosen.as_value().eq(select(block, blocks))
        m.d.comb += self.weights.eq(chosen)

        channel, bias_matrix = Signal(range(channels)), Signal(2)
        biases = []
        for number in range(3):
            m.submodules[f"biases{number}"] = memory = shared(BlockMemory, p.element_width, channels, True)
            m.d.comb += [
                memory.write_enable.eq(elements.o.valid & (bias_matrix == number)),
                memory.write_data.eq(elements.o.payload.data), memory.write_address.eq(channel),
                memory.read_enable.eq(1), memory.read_address.eq(self.bias_channel),
            ]
            biases.append(memory.read_data)
        m.d.sync += self.bias.eq(select(delay(m, self.bias_matrix, 1, "bias_matrix"), biases))
        m.d.comb += [
            elements.i.payload.data.eq(write.data), elements.i.valid.eq(self.i.valid & is_bias & idle),
            elements.o.ready.eq(1), self.i.ready.eq(idle),
        ]
        with m.If(elements.o.valid):
            m.d.sync += channel.eq(channel + 1)
        with m.If(elements.i.valid):
            m.d.sync += bias_matrix.eq(matrix)
            with m.If(write.vector == 0):
                m.d.sync += channel.eq(0)
        return m
