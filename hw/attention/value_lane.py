"""One channel of the output: multiply probabilities by values, accumulate, rescale."""

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.arith import Multiply
from hw.stream.delay import delay

__all__ = ["ValueLane"]


class ValueLane(wiring.Component):
    """``total[fold] = (total[fold] >> rescale_step if rescale) + (p * value >> product_drop)``.

    With `last` the sum goes to ``result[fold]`` and the total starts again from 0.

    Members
    -------
    probability, value : In
    enable, rescale, last, fold : In
        Given with the operands.
    result : Out(ArrayLayout(signed(output_width), folds))
        Sum of the last finished row, ``latency`` cycles after its last operands.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        self.latency = Multiply.latency + 1
        super().__init__({
            "probability": In(p.probability_width),
            "value": In(signed(p.element_width)),
            "enable": In(1),
            "rescale": In(1),
            "last": In(1),
            "fold": In(max(1, ceil_log2(p.folds))),
            "result": Out(data.ArrayLayout(signed(p.output_width), p.folds)),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        m.submodules.multiply = multiply = Multiply(unsigned(p.probability_width), signed(p.element_width),
                                                    p.vendor)
        m.d.comb += [multiply.a.eq(self.probability), multiply.b.eq(self.value)]
        enable, rescale, last, fold = (
            delay(m, value, Multiply.latency, name) for value, name in (
                (self.enable, "enable"), (self.rescale, "rescale"), (self.last, "last"), (self.fold, "fold")))
        totals = Signal(data.ArrayLayout(signed(p.output_width), p.folds))
        current, total = Signal(signed(p.output_width)), Signal(signed(p.output_width))
        m.d.comb += [
            current.eq(totals[fold]),
            total.eq(Mux(rescale, current >> p.rescale_step, current) + (multiply.p >> p.product_drop)),
        ]
        for index in range(p.folds):
            with m.If(enable & (fold == index)):
                with m.If(last):
                    m.d.sync += [self.result[index].eq(total), totals[index].eq(0)]
                with m.Else():
                    m.d.sync += totals[index].eq(total)
        return m
