"""Running sums of the rows of a batch: rescale, add, and keep what a row has at its end."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from hw.shared import shared
from hw.stream.apart import APART
from hw.stream.delay import delay
from hw.stream.register_file import RegisterFile

__all__ = ["Accumulator"]


class Accumulator(wiring.Component):
    """``total[place] = (total[place] >> steps * step) + addend``, or ``addend`` alone with `clear`.

    One addition a cycle, in any order of places, also again and again in the same one: the total of the cycle before
    then takes the place of the one that was read. With `last` the sum goes to ``result[place]`` as well.

    Parameters
    ----------
    shape : Shape
        Of the totals.
    addend_shape : Shape
    places : int
    step : int
        Octaves of a rescaling step.
    most_steps : int
        Most steps of a shift, at least 2.

    Members
    -------
    enable, place, clear, steps, last : In
        What the addend is for.
    again : In(1)
        The cycle before was for the same place. Not together with steps, unless `clear` is high.
    addend : In
        Two cycles later.
    read_place, read : In
    result : Out
        One cycle after its place; of a finished row from ``latency`` cycles after its last `enable` on. 0 unless `read`
        is high with the place, so that OR can choose among accumulators.
    """

    latency = 3

    def __init__(self, shape, addend_shape, places, step, most_steps):
        self._shape, self._places, self._step = shape, places, step
        place_bits = max(1, ceil_log2(places))
        super().__init__({
            "enable": In(1), "place": In(place_bits), "clear": In(1), "steps": In(bits_for(most_steps)),
            "last": In(1), "again": In(1),
            "addend": In(addend_shape),
            "read_place": In(place_bits), "read": In(1),
            "result": Out(shape),
        })

    def elaborate(self, platform):
        m = Module()
        width = self._shape.width
        m.submodules.totals = totals = shared(RegisterFile, width, self._places)
        m.submodules.results = results = shared(RegisterFile, width, self._places)

        # Stage 1: read the total and shift it. The addend goes to the sum of the cycle before, or to what was read,
        # without the largest of the shifts or with it: of three registers two become 0, so that OR puts them together.
        enable_1, ends_1 = Signal(attrs=APART), Signal(attrs=APART)
        place_1, steps_1 = (Signal.like(value, attrs=APART, name=name, reset_less=True)
                            for value, name in ((self.place, "place_1"), (self.steps, "steps_1")))
        repeats_1, keeps_1, moves_1 = (Signal(attrs=APART, name=name) for name in ("repeats_1", "keeps_1", "moves_1"))
        *lower, upper = range(len(self.steps))
        reads = ~self.again & ~self.clear
        m.d.sync += [
            enable_1.eq(self.enable), ends_1.eq(self.enable & self.last), place_1.eq(self.place),
            steps_1.eq(self.steps), repeats_1.eq(self.again & ~self.clear), keeps_1.eq(reads & ~self.steps[upper]),
            moves_1.eq(reads & self.steps[upper]),
        ]
        read, kept, moved, added, repeated = (Signal(self._shape, name=name, reset_less=True)
                                              for name in ("read", "kept", "moved", "added", "repeated"))
        m.d.comb += [totals.read_address.eq(place_1), read.eq(totals.read_data)]
        shifted = read
        for bit in lower:
            shifted = Mux(steps_1[bit], shifted >> (self._step << bit), shifted)
        m.d.sync += [kept.eq(Mux(keeps_1, shifted, 0)), moved.eq(Mux(moves_1, shifted >> (self._step << upper), 0)),
                     repeated.eq(Mux(repeats_1, added, 0))]

        # Stage 2: add.
        enable_2, ends_2 = Signal(attrs=APART), Signal(attrs=APART)
        place_2 = Signal.like(self.place, attrs=APART, name="place_2", reset_less=True)
        m.d.sync += [enable_2.eq(enable_1), ends_2.eq(ends_1), place_2.eq(place_1)]
        m.d.comb += [
            added.eq((repeated | kept | moved) + self.addend),
            totals.write_enable.eq(enable_2), totals.write_address.eq(place_2), totals.write_data.eq(added),
            results.write_enable.eq(ends_2), results.write_address.eq(place_2), results.write_data.eq(added),
            results.read_address.eq(self.read_place),
        ]
        m.d.comb += self.result.eq(delay(m, Mux(self.read, results.read_data, 0), 1, "result", payload=True))
        return m
