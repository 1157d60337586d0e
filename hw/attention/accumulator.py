"""Running sums of the rows of a batch: scale, add, and keep what a row has at its end."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.shared import shared
from hw.stream.register_file import RegisterFile
from hw.stream.select import select

from .softmax import Scale

__all__ = ["Accumulator"]


class Accumulator(wiring.Component):
    """``total[place] = scaled(total[place]) + addend``, see :class:`~hw.attention.softmax.Scale`.

    One addition a cycle, in any order of places, also again and again in the same one: the total of the cycle before
    takes the place of the one that was read. With `last` the sum goes to ``result[place]`` as well.

    Parameters
    ----------
    shape : Shape
        Of the totals.
    addend_shape : Shape
    places : int
    step : int
        Octaves of a rescaling step.

    Members
    -------
    enable, place, scale, last : In
        What the addend is for.
    again : In(1)
        The cycle before was for the same place. Not together with a scale of a step.
    addend : In
        Two cycles later.
    read_place : In
    result : Out
        One cycle after its place; of a finished row from ``latency`` cycles after its last `enable` on.
    """

    latency = 4

    def __init__(self, shape, addend_shape, places, step):
        self._shape, self._places, self._step = shape, places, step
        place_bits = max(1, ceil_log2(places))
        super().__init__({
            "enable": In(1), "place": In(place_bits), "scale": In(Scale), "last": In(1), "again": In(1),
            "addend": In(addend_shape),
            "read_place": In(place_bits),
            "result": Out(shape),
        })

    def elaborate(self, platform):
        m = Module()
        width = self._shape.width
        m.submodules.totals = totals = shared(RegisterFile, width, self._places)
        m.submodules.results = results = shared(RegisterFile, width, self._places)

        # Stage 1: read the total and scale it.
        enable_1, last_1, again_1 = Signal(), Signal(), Signal()
        place_1, scale_1 = Signal.like(self.place), Signal(Scale)
        m.d.sync += [enable_1.eq(self.enable), place_1.eq(self.place), scale_1.eq(self.scale), last_1.eq(self.last),
                     again_1.eq(self.again & (self.scale == Scale.KEEP))]
        read = Signal(self._shape)
        m.d.comb += [totals.read_address.eq(place_1), read.eq(totals.read_data)]
        stored = Signal(self._shape, reset_less=True)
        with m.If(scale_1 == Scale.CLEAR):
            m.d.sync += stored.eq(0)
        with m.Else():
            m.d.sync += stored.eq(select(Value.cast(scale_1), [read, read >> self._step, read >> 3 * self._step]))

        # Stage 2: add.
        enable_2, last_2, again_2 = Signal(), Signal(), Signal()
        place_2 = Signal.like(self.place)
        total, added = Signal(self._shape, reset_less=True), Signal(self._shape)
        m.d.sync += [enable_2.eq(enable_1), place_2.eq(place_1), last_2.eq(last_1), again_2.eq(again_1),
                     total.eq(added)]
        m.d.comb += [
            added.eq(Mux(again_2, total, stored) + self.addend),
            totals.write_enable.eq(enable_2), totals.write_address.eq(place_2), totals.write_data.eq(added),
        ]

        # Stage 3: keep the result.
        ended, place_3 = Signal(), Signal.like(self.place)
        m.d.sync += [ended.eq(enable_2 & last_2), place_3.eq(place_2), self.result.eq(results.read_data)]
        m.d.comb += [
            results.write_enable.eq(ended), results.write_address.eq(place_3), results.write_data.eq(total),
            results.read_address.eq(self.read_place),
        ]
        return m
