"""One channel of the output: multiply probabilities by values, accumulate, rescale."""

from amaranth.hdl import Module, Shape, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.arith import Multiply
from hw.shared import shared

from .accumulator import Accumulator

__all__ = ["ValueLane"]


class ValueLane(wiring.Component):
    """``total[place] = (total[place] >> steps * rescale_step) + (p * value >> product_drop)``: an :class:`Accumulator`.

    A place is a row of the batch and a fold of its channels.

    Members
    -------
    probability, value : In
        Operands.
    enable, place, clear, steps, last, again : In
        What they are for, ``control_delay`` cycles later.
    read_place, read : In
    result : Out(signed(output_width))
        One cycle after its place; of a finished row from ``latency`` cycles after its last operands on. 0 unless `read`
        is high with the place.
    """

    control_delay = Multiply.latency - 2
    latency = control_delay + Accumulator.latency

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "probability": In(p.probability_width),
            "value": In(signed(p.element_width)),
            "enable": In(1), "place": In(p.place_bits), "clear": In(1), "steps": In(range(p.clear_steps)),
            "last": In(1), "again": In(1),
            "read_place": In(p.place_bits), "read": In(1),
            "result": Out(signed(p.output_width)),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        m.submodules.multiply = multiply = Multiply(unsigned(p.probability_width), signed(p.element_width), p.vendor)
        product_shape = Shape.cast(multiply.p.shape())
        m.submodules.sums = sums = shared(
            Accumulator, signed(p.output_width), signed(product_shape.width - p.product_drop), 1 << p.place_bits,
            p.rescale_step, p.clear_steps - 1)
        m.d.comb += [multiply.a.eq(self.probability), multiply.b.eq(self.value),
                     sums.addend.eq(multiply.p >> p.product_drop), self.result.eq(sums.result)]
        m.d.comb += [getattr(sums, name).eq(getattr(self, name))
                     for name in ("enable", "place", "clear", "steps", "last", "again", "read_place", "read")]
        return m
