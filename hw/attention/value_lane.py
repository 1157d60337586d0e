"""One channel of the output: multiply probabilities by values, accumulate, rescale."""

from amaranth.hdl import Cat, Module, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.arith import Multiply
from hw.shared import shared
from hw.stream.delay import delay
from hw.stream.register_file import RegisterFile

from .softmax import Scale, scaled

__all__ = ["ValueLane"]


class ValueLane(wiring.Component):
    """``total[row, fold] = scaled(total[row, fold]) + (p * value >> product_drop)``, see :class:`Scale`.

    With `last` the sum goes to ``result[row, fold]``. The rows of a batch may come in any order, also one row
    in every cycle: a total is read, changed and written in one cycle.

    Members
    -------
    probability, value : In
    enable, scale, last, row, fold : In
        Given with the operands.
    read_row, read_fold : In
    result : Out(signed(output_width))
        Sum of a finished row, from ``latency`` cycles after its last operands on.
    """

    latency = Multiply.latency + 1

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "probability": In(p.probability_width),
            "value": In(signed(p.element_width)),
            "enable": In(1),
            "scale": In(Scale),
            "last": In(1),
            "row": In(p.row_bits),
            "fold": In(p.fold_bits),
            "read_row": In(p.row_bits),
            "read_fold": In(p.fold_bits),
            "result": Out(signed(p.output_width)),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        m.submodules.multiply = multiply = Multiply(unsigned(p.probability_width), signed(p.element_width),
                                                    p.vendor)
        m.d.comb += [multiply.a.eq(self.probability), multiply.b.eq(self.value)]
        row_bits, fold_bits = ceil_log2(p.batch_rows), ceil_log2(p.folds)

        def place(row, fold):
            return Cat(row[:row_bits], fold[:fold_bits])

        enable, scale, last, here = (
            delay(m, value, Multiply.latency, name) for value, name in (
                (self.enable, "enable"), (self.scale, "scale"), (self.last, "last"),
                (place(self.row, self.fold), "here")))
        entries = 1 << (row_bits + fold_bits)
        m.submodules.totals = totals = shared(RegisterFile, p.output_width, entries)
        m.submodules.results = results = shared(RegisterFile, p.output_width, entries)
        current, before, total = (Signal(signed(p.output_width), name=name) for name in ("current", "before", "total"))
        m.d.comb += [
            totals.read_address.eq(here),
            current.eq(totals.read_data),
            before.eq(scaled(current, scale, p.rescale_step)),
            total.eq(before + (multiply.p >> p.product_drop)),
            totals.write_enable.eq(enable), totals.write_address.eq(here), totals.write_data.eq(total),
            results.write_enable.eq(enable & last), results.write_address.eq(here), results.write_data.eq(total),
            results.read_address.eq(place(self.read_row, self.read_fold)),
            self.result.eq(results.read_data),
        ]
        return m
