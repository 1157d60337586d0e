"""Division of a row's accumulated outputs by its sum of probabilities."""

from amaranth.hdl import C, Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from hw.arith import Multiply, Reciprocal
from hw.shared import shared
from hw.stream import Buffer
from hw.stream.counter import counter
from hw.stream.delay import delay
from hw.stream.select import any_of

__all__ = ["Normalise", "RECIPROCAL_BITS"]

RECIPROCAL_BITS = 16


class Normalise(wiring.Component):
    """``output = round(total * 2^product_drop / sum)``, an element of the width of a value.

    With ``e = floor(log2 sum)`` and ``r = round(2^(16 + e) / sum)`` the output is
    ``((total >> (e - 1 - product_drop)) * r + 2^16) >> 17``, clipped to 16 bits: one 18-bit multiplier a lane.
    A row without keys has sum 0 and gives zeros; channels from ``value_dim`` on are zero.

    A row is divided in 25 cycles and then read in ``ceil(value_dim / normalise_lanes)``, or more if its elements fill
    more than two beats, while the next row is divided: a row every 19 cycles, or as many as it takes to read one. All
    this is in the shadow of the next rows' keys.

    Members
    -------
    sum : In(stream of unsigned(sum_width))
        One element a row, once its totals are complete.
    fold, part : Out
        Fold to read, and a bit for each `normalise_lanes` value lanes, of which one is high: these are to be read.
    totals : In
        Their totals, one cycle later; those of other lanes are 0.
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
            "part": Out(p.lanes // p.normalise_lanes),
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

        m.submodules.reciprocal = divider = shared(Reciprocal, p.sum_width, RECIPROCAL_BITS, 1)
        wiring.connect(m, wiring.flipped(self.sum), divider.i)

        # Read the totals, `lanes` at a time; two beats may be on their way.
        part_bits, steps_per_fold = ceil_log2(per_beat), p.lanes // lanes
        step_bits = ceil_log2(steps_per_fold)
        in_flight, beat_start = Signal(2), Signal()
        go, finish = Signal(), Signal()
        step, final = counter(m, Cat(C(per_beat - 1, part_bits), self.last_beat), go, ~divider.o.valid, "step")
        m.d.comb += [
            beat_start.eq(step[:part_bits] == 0),
            go.eq(divider.o.valid & (~beat_start | ~in_flight[1])),
            finish.eq(go & final),
            divider.o.ready.eq(finish),
            self.release.eq(finish),
        ]
        m.d.sync += in_flight.eq(in_flight + (go & beat_start) - (self.o.valid & self.o.ready))

        # Stage 1: lanes show totals; 2: choose; 3, 4: align with the sum; 5 to 7: multiply; 8: round; 9, 10: clip.
        m.d.comb += [self.fold.eq(step[step_bits:]), self.part.eq(1 << step[:step_bits])]
        step_1 = delay(m, step, 1, "step")
        result = divider.o.payload
        shift_1, zero_1 = Signal(range(p.sum_width)), Signal()
        m.d.sync += [shift_1.eq(result.exponent - (1 + p.product_drop)), zero_1.eq(result.zero)]
        shift_2 = delay(m, shift_1, 1, "shift")
        shift_3 = delay(m, shift_2[:2], 1, "shift_low")
        factor_4 = delay(m, result.reciprocal, 4, "factor", payload=True)
        element = Signal(bits_for(2 * p.folds * p.lanes))
        m.d.comb += element.eq(step_1 * lanes)
        results = []
        for lane in range(lanes):
            chosen, coarse = (Signal(signed(p.output_width), name=f"{name}{lane}", reset_less=True)
                              for name in ("chosen", "coarse"))
            aligned = Signal(signed(18), name=f"aligned{lane}", reset_less=True)
            inside = Signal(name=f"inside{lane}")
            m.d.sync += [
                chosen.eq(any_of([self.totals[index * lanes + lane] for index in range(steps_per_fold)])),
                inside.eq((element + lane < self.value_dim) & ~zero_1),
                coarse.eq(chosen >> (shift_2[2:] << 2)),
                aligned.eq(Mux(delay(m, inside, 1, f"inside{lane}"), coarse >> shift_3, 0)),
            ]
            m.submodules[f"multiply{lane}"] = multiply = shared(
                Multiply, signed(18), unsigned(RECIPROCAL_BITS + 1), p.vendor)
            m.d.comb += [multiply.a.eq(aligned), multiply.b.eq(factor_4)]
            rounded = Signal(signed(20), name=f"rounded{lane}", reset_less=True)
            m.d.sync += rounded.eq((multiply.p + (1 << RECIPROCAL_BITS)) >> (RECIPROCAL_BITS + 1))
            limit = (1 << (p.element_width - 1)) - 1
            result_o, kept = (Signal(signed(p.element_width), name=f"{name}{lane}", reset_less=True)
                              for name in ("result", "kept"))
            over, under = Signal(name=f"over{lane}"), Signal(name=f"under{lane}")
            m.d.sync += [kept.eq(rounded), over.eq(rounded > limit), under.eq(rounded < -limit),
                         result_o.eq(Mux(over, limit, Mux(under, -limit, kept)))]
            results.append(result_o)
        latency = 4 + Multiply.latency + 3
        part_o = delay(m, step[:part_bits], latency, "part")
        valid_o = delay(m, go, latency, "valid")

        # Pack the elements of a beat.
        assembled = Signal(data.ArrayLayout(signed(p.element_width), p.elements_per_beat), reset_less=True)
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
