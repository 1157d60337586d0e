"""Division of a row's accumulated outputs by its sum of probabilities."""

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from hw.arith import Multiply, Reciprocal
from hw.shared import shared
from hw.stream import Buffer
from hw.stream.delay import delay
from hw.stream.select import select

__all__ = ["Normalise", "RECIPROCAL_BITS"]

RECIPROCAL_BITS = 16


class Normalise(wiring.Component):
    """``output = round(total * 2^product_drop / sum)``, an element of the width of a value.

    With ``e = floor(log2 sum)`` and ``r = round(2^(16 + e) / sum)`` the output is
    ``((total >> (e - 1 - product_drop)) * r + 2^16) >> 17``, clipped to 16 bits: one 18-bit multiplier a lane.
    A row without keys has sum 0 and gives zeros; channels from ``value_dim`` on are zero.

    A row takes ``13 + ceil(value_dim / normalise_lanes)`` cycles, in the shadow of the next row's keys.

    Members
    -------
    sum : In(stream of unsigned(sum_width))
        One element a row, once its totals are complete.
    fold, totals : Out, In
        Fold to read, and its totals from the value lanes, in the same cycle.
    release : Out(1)
        Pulse: the row's totals have been read.
    value_dim, last_beat : In
        Of the task.
    o : Out(stream of beats)
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        beats = -(-p.max_head_dim // p.elements_per_beat)
        super().__init__({
            "sum": In(stream.Signature(p.sum_width)),
            "fold": Out(p.fold_bits),
            "totals": In(data.ArrayLayout(signed(p.output_width), p.lanes)),
            "release": Out(1),
            "value_dim": In(bits_for(p.max_head_dim)),
            "last_beat": In(bits_for(max(1, beats - 1))),
            "o": Out(stream.Signature(data.ArrayLayout(signed(p.element_width), p.elements_per_beat))),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        lanes, per_beat = p.normalise_lanes, p.elements_per_beat // p.normalise_lanes

        m.submodules.reciprocal = divider = shared(Reciprocal, p.sum_width, RECIPROCAL_BITS, 2)
        wiring.connect(m, wiring.flipped(self.sum), divider.i)

        # Read the totals, `lanes` at a time; two beats may be on their way.
        step = Signal(range(-(-p.folds * p.lanes // lanes)))
        part = Signal(range(max(2, per_beat)))
        beat = Signal.like(self.last_beat)
        in_flight = Signal(2)
        go, last_part, finish = Signal(), Signal(), Signal()
        taken = self.o.valid & self.o.ready
        m.d.comb += [
            go.eq(divider.o.valid & ((part != 0) | (in_flight < 2))),
            last_part.eq(part == per_beat - 1),
            finish.eq(go & last_part & (beat == self.last_beat)),
            divider.o.ready.eq(finish),
            self.release.eq(finish),
        ]
        m.d.sync += in_flight.eq(in_flight + (go & (part == 0)) - taken)
        with m.If(go):
            m.d.sync += [step.eq(step + 1), part.eq(Mux(last_part, 0, part + 1)), beat.eq(beat + last_part)]
        with m.If(finish):
            m.d.sync += [step.eq(0), beat.eq(0)]

        # Stage 1: choose the totals; 2: align with the sum; 3, 4: multiply; 5: round and clip.
        steps_per_fold = p.lanes // lanes
        step_bits = ceil_log2(steps_per_fold)
        m.d.comb += self.fold.eq(step[step_bits:])
        shift_1 = Signal(range(p.sum_width))
        factor_1, factor_2 = Signal(RECIPROCAL_BITS + 1), Signal(RECIPROCAL_BITS + 1)
        m.d.sync += [
            shift_1.eq(divider.o.payload.exponent - (1 + p.product_drop)),
            factor_1.eq(divider.o.payload.reciprocal),
            factor_2.eq(factor_1),
        ]
        element = Signal(bits_for(2 * p.folds * p.lanes))
        m.d.comb += element.eq(step * lanes)
        results = []
        for lane in range(lanes):
            chosen = Signal(signed(p.output_width), name=f"chosen{lane}", reset_less=True)
            aligned = Signal(signed(18), name=f"aligned{lane}", reset_less=True)
            inside = Signal(name=f"inside{lane}")
            m.d.sync += [
                chosen.eq(select(step[:step_bits], [self.totals[index * lanes + lane]
                                                    for index in range(steps_per_fold)])),
                inside.eq((element + lane < self.value_dim) & ~divider.o.payload.zero),
                aligned.eq(Mux(inside, chosen >> shift_1, 0)),
            ]
            m.submodules[f"multiply{lane}"] = multiply = shared(
                Multiply, signed(18), unsigned(RECIPROCAL_BITS + 1), p.vendor)
            m.d.comb += [multiply.a.eq(aligned), multiply.b.eq(factor_2)]
            rounded = Signal(signed(20), name=f"rounded{lane}")
            m.d.comb += rounded.eq((multiply.p + (1 << RECIPROCAL_BITS)) >> (RECIPROCAL_BITS + 1))
            limit = (1 << (p.element_width - 1)) - 1
            result = Signal(signed(p.element_width), name=f"result{lane}", reset_less=True)
            m.d.sync += result.eq(Mux(rounded > limit, limit, Mux(rounded < -limit, -limit, rounded)))
            results.append(result)
        latency = 2 + Multiply.latency + 1
        part_o = delay(m, part, latency, "part")
        valid_o = delay(m, go, latency, "valid")

        # Pack the elements of a beat.
        assembled = Signal(data.ArrayLayout(signed(p.element_width), p.elements_per_beat))
        m.submodules.buffer = buffer = Buffer(assembled.shape())
        wiring.connect(m, wiring.flipped(self.o), buffer.o)
        for index in range(per_beat):
            for lane in range(lanes):
                place = index * lanes + lane
                if index == per_beat - 1:
                    m.d.comb += buffer.i.payload[place].eq(results[lane])
                else:
                    m.d.comb += buffer.i.payload[place].eq(assembled[place])
                    with m.If(valid_o & (part_o == index)):
                        m.d.sync += assembled[place].eq(results[lane])
        m.d.comb += buffer.i.valid.eq(valid_o & (part_o == per_beat - 1))
        return m
