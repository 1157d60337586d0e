"""One token of a batch against the words of a weight matrix."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.arith import Multiply, sum_tree, sum_tree_latency
from hw.shared import shared
from hw.stream.register_file import RegisterFile

__all__ = ["ProjectionUnit"]


class ProjectionUnit(wiring.Component):
    """``y[c] = clip(((sum_h x[h] * w[h, c]) >> shift) + bias[c])``, a word of features after the other.

    A word of the token stays while a word of each channel's weights passes, one a cycle; the sums of all channels
    are kept. With the last word of features the results come out, a channel a cycle, and are gathered to beats.
    Free running; what is given at which stage, in cycles after the weights:

    ==================== ==========================================
    ``latency``          `accumulate`, `first`, `channel`
    ``latency + 1``      `shift`
    ``latency + 2``      `bias`
    ``latency + 3``      `gather`
    ``latency + 4``      the beat is at `o`
    ==================== ==========================================

    Members
    -------
    word : In(half a beat of elements), word_low, word_high : In(1)
        Half of the next word of the token, to be stored.
    take : In(1)
        From the next cycle on the weights are for the next word.
    weights : In(beat of weights)
    accumulate, first, channel : In
        Add to the sum of a channel; the sum starts anew.
    shift : In(5), bias : In(signed(element_width))
    gather : In(1)
    o : Out(beat of elements)
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        self.latency = Multiply.latency + sum_tree_latency(p.elements_per_beat)
        super().__init__({
            "word": In(p.bus_width // 2),
            "word_low": In(1),
            "word_high": In(1),
            "take": In(1),
            "weights": In(data.ArrayLayout(signed(p.weight_width), p.elements_per_beat)),
            "accumulate": In(1),
            "first": In(1),
            "channel": In(range(p.folds * p.lanes)),
            "shift": In(5),
            "bias": In(signed(p.element_width)),
            "gather": In(1),
            "o": Out(data.ArrayLayout(signed(p.element_width), p.elements_per_beat)),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        elements = data.ArrayLayout(signed(p.element_width), p.elements_per_beat)
        following, token = Signal(elements, reset_less=True), Signal(elements, reset_less=True)
        half = p.bus_width // 2
        with m.If(self.word_low):
            m.d.sync += following.as_value()[:half].eq(self.word)
        with m.If(self.word_high):
            m.d.sync += following.as_value()[half:].eq(self.word)
        with m.If(self.take):
            m.d.sync += token.eq(following)

        terms = []
        for lane in range(p.elements_per_beat):
            m.submodules[f"multiply{lane}"] = multiply = shared(
                Multiply, signed(p.element_width), signed(p.weight_width), p.vendor)
            m.d.comb += [multiply.a.eq(token[lane]), multiply.b.eq(self.weights[lane])]
            terms.append(multiply.p)

        width = p.projection_width
        m.submodules.sums = sums = shared(RegisterFile, width, p.folds * p.lanes)
        total, summed = Signal(signed(width)), Signal(signed(width), reset_less=True)
        m.d.comb += [
            sums.read_address.eq(self.channel),
            total.eq(sum_tree(m, terms) + (sums.read_data & (~self.first).replicate(width)).as_signed()),
            sums.write_enable.eq(self.accumulate), sums.write_address.eq(self.channel), sums.write_data.eq(total),
        ]
        # The shift takes two stages: by multiples of 4, then by the rest with bias and clipping.
        coarse, fine = Signal(signed(width), reset_less=True), Signal(signed(width + 1))
        rest = Signal(2, reset_less=True)
        m.d.sync += [summed.eq(total), coarse.eq(summed >> (self.shift[2:] << 2)), rest.eq(self.shift[:2])]
        m.d.comb += fine.eq((coarse >> rest) + self.bias)
        limit = (1 << (p.element_width - 1)) - 1
        result = Signal(signed(p.element_width), reset_less=True)
        m.d.sync += result.eq(Mux(fine > limit, limit, Mux(fine < -limit, -limit, fine)))
        with m.If(self.gather):
            m.d.sync += self.o.as_value().eq(Cat(self.o.as_value(), result)[p.element_width:])
        return m
