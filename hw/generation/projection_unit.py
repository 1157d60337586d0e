"""One token of a batch against the words of a weight matrix."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.arith import Multiply, sum_tree, sum_tree_latency
from hw.shared import shared
from hw.stream.delay import delay
from hw.stream.register_file import RegisterFile

__all__ = ["ProjectionUnit"]


class ProjectionUnit(wiring.Component):
    """``y[c] = clip(((sum_h x[h] * w[h, c]) >> shift) + bias[c])``, a word of features after the other.

    A word of the token stays while a word of each channel's weights passes, one a cycle; the sums of all channels
    are kept. With the last word of features the results come out, a channel a cycle, and are gathered to beats.
    Free running; what is given at which stage, in cycles after the weights:

    ==================== ==========================================
    ``latency - 1``      `accumulate`, `first`, `channel`
    ``latency + 1``      `shift`
    ``latency + 4``      `bias`
    ``latency + 7``      `gather`
    ``latency + 8``      the beat is at `o`
    ==================== ==========================================

    A sum is read, added to and stored in three cycles: a channel comes again after 3 cycles or more.

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

        # A sum is read in a cycle, the products are added to it in the next, and the third one stores it.
        width = p.projection_width
        m.submodules.sums = sums = shared(RegisterFile, width, p.folds * p.lanes)
        kept, summed = Signal(signed(width), reset_less=True), Signal(signed(width), reset_less=True)
        m.d.comb += [
            sums.read_address.eq(self.channel), sums.write_enable.eq(delay(m, self.accumulate, 2, "accumulate")),
            sums.write_address.eq(delay(m, self.channel, 2, "channel")), sums.write_data.eq(summed),
        ]
        m.d.sync += [kept.eq(Mux(self.first, 0, sums.read_data)), summed.eq(sum_tree(m, terms) + kept)]

        # The shift by multiples of 8, of 2, and by the last bit; the bias; the comparisons, and the choice.
        wide, narrow, scaled = (Signal(signed(width), reset_less=True, name=name)
                                for name in ("wide", "narrow", "scaled"))
        rest, last = Signal(3), Signal()
        biased, limit = Signal(signed(width + 1), reset_less=True), (1 << (p.element_width - 1)) - 1
        low = Signal(signed(p.element_width), reset_less=True)
        above, below = Signal(), Signal()
        result = Signal(signed(p.element_width), reset_less=True)
        low_bits, upper, sign = biased[:p.element_width - 1], biased[p.element_width - 1:], biased[-1]
        m.d.sync += [
            wide.eq(summed >> (self.shift[3:] << 3)), rest.eq(self.shift[:3]),
            narrow.eq(wide >> (rest[1:] << 1)), last.eq(rest[0]),
            scaled.eq(Mux(last, narrow >> 1, narrow)),
            biased.eq(scaled + self.bias),
            # Beyond the range are numbers whose upper bits are not all as their sign, and the most negative one.
            low.eq(biased), above.eq(~sign & upper.any()), below.eq(sign & (~upper.all() | ~low_bits.any())),
            result.eq(Mux(above, limit, Mux(below, -limit, low))),
        ]
        gathered = Signal(elements, reset_less=True)
        with m.If(self.gather):
            m.d.sync += gathered.as_value().eq(Cat(gathered.as_value(), result)[p.element_width:])
        m.d.comb += self.o.as_value().eq(gathered.as_value())
        return m
