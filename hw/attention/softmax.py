"""Sorted-updating softmax: the running maximum moves only on leading keys (SU-FA, SOFA sections III-C, IV-D)."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.arith import ScaledExp2
from hw.shared import shared
from hw.stream import Fifo
from hw.stream.delay import delay
from hw.stream.select import select

__all__ = ["Probability", "Scale", "Score", "Softmax", "scaled"]


class Score(data.StructLayout):
    """Exact score of a key that row number `row` of the batch keeps; `load` and `wrap` as in `IssuedKey`."""

    def __init__(self, parameters):
        p = parameters
        super().__init__({"score": signed(p.log_width), "key": p.key_bits, "row": p.row_bits, "lead": 1, "last": 1,
                          "empty": 1, "load": 1, "wrap": 1})


class Scale(enum.Enum, shape=unsigned(2)):
    """What becomes of a row's accumulated sums: nothing, a shift by one or three rescaling steps, or 0."""

    KEEP = 0
    ONE_STEP = 1
    THREE_STEPS = 2
    CLEAR = 3


class Probability(data.StructLayout):
    """One step of a row: scale what is accumulated as `scale` says (:class:`Scale`), then add `probability`."""

    def __init__(self, parameters):
        p = parameters
        super().__init__({"probability": p.probability_width, "key": p.key_bits, "row": p.row_bits, "scale": Scale,
                          "last": 1, "load": 1, "wrap": 1})


def scaled(value, scale, step):
    """A sum after :class:`Scale`, with rescaling steps of ``step`` octaves."""
    return select(Value.cast(scale), [value, value >> step, value >> 3 * step, 0])


class Softmax(wiring.Component):
    """Unnormalised probabilities ``p = 2^(s - M)`` of a row's keys, with M the row's running maximum.

    M is a multiple of ``rescale_step`` octaves, so that rescaling is a shift. A row's first key sets M to the next
    multiple above its score. Later a leading key raises M to the next multiple above its score; any other key
    leaves M alone, and its argument may be positive, up to ``zclip`` octaves. A key beyond that raises M although
    it does not lead, so that nothing is ever clipped. What was accumulated is then rescaled, by one step or three
    with the key itself, and by what is missing in cycles of their own. A raise by ``clear_steps`` and more clears
    it: it is less than the probability of a key can tell. The result does not depend on M, which cancels in the
    division. The keys of ``batch_rows`` rows may come in any order.

    One key a cycle; a raise by 2, 4, 6 steps costs a cycle more, by 5, 7 two.

    Members
    -------
    i : In(stream of Score)
    o : Out(stream of Probability)
    raised, positive, forced : Out(1)
        Events: M raised after a row's first key, argument above 0, M raised by a key that does not lead.
    """

    _DEPTH = 16

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "i": In(stream.Signature(Score(p))),
            "o": Out(stream.Signature(Probability(p))),
            "raised": Out(1),
            "positive": Out(1),
            "forced": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        unit = p.log_fraction + ceil_log2(p.rescale_step)     # M counts units of 2^unit score steps
        level_width = p.log_width - unit + 1

        # Stage 1: the multiple above the score.
        b, b_valid, b_go = Signal(Score(p)), Signal(), Signal()
        level = Signal(signed(level_width))
        m.d.comb += self.i.ready.eq(~b_valid | b_go)
        with m.If(self.i.ready):
            m.d.sync += [b_valid.eq(self.i.valid), b.eq(self.i.payload),
                         level.eq((self.i.payload.score + ((1 << unit) - 1)) >> unit)]

        # Stage 2: raise the row's maximum step by step, then let the key go.
        maxima = [Signal(signed(level_width), name=f"maximum{row}") for row in range(p.batch_rows)]
        begun = Signal(p.batch_rows)
        row = b.row[:ceil_log2(p.batch_rows)]
        maximum, first = Signal(signed(level_width)), Signal()
        higher, above, final = Signal(), Signal(), Signal()
        raising = Signal()                                    # the key at hand has begun to raise
        difference = Signal(signed(level_width + 1))
        m.d.comb += [
            maximum.eq(select(row, maxima)),
            first.eq(~select(row, list(begun))),
            difference.eq(level - maximum),
            above.eq(difference > p.zclip // p.rescale_step),
            higher.eq(~first & ~b.empty & (above | ((b.lead | raising) & (difference > 0)))),
            final.eq((difference == 1) | (difference == 3) | (difference >= p.clear_steps)),
        ]
        room, emit, emit_key = Signal(), Signal(), Signal()
        base = Signal(signed(level_width))
        m.d.comb += [
            emit.eq(b_valid & room),
            emit_key.eq(emit & (~higher | final)),
            b_go.eq(emit_key),
            base.eq(Mux(higher | first, level, maximum)),
            self.raised.eq(emit_key & higher),
            self.forced.eq(emit & higher & ~b.lead & ~raising),
        ]
        with m.If(emit):
            m.d.sync += raising.eq(higher & ~emit_key)
        scale = Signal(Scale)
        short = (difference == 1) | (difference == 2)
        m.d.comb += scale.eq(Mux(higher, Mux(short, Scale.ONE_STEP, Scale.THREE_STEPS), Scale.KEEP))
        with m.If(first | (higher & (difference >= p.clear_steps))):
            m.d.comb += scale.eq(Scale.CLEAR)
        for index in range(p.batch_rows):
            here = b.row == index if p.batch_rows > 1 else 1
            with m.If(emit_key & here):
                m.d.sync += [maxima[index].eq(base), begun[index].eq(~b.last)]
            with m.Elif(emit & here):
                m.d.sync += maxima[index].eq(maximum + Mux(short, 1, 3))

        # Stage 3: argument, and the exponential.
        argument = Signal(signed(p.log_width + 1))
        m.d.sync += argument.eq(b.score - (base << unit))
        m.submodules.exp2 = exp2 = shared(ScaledExp2, p.log_integer + 2, p.log_fraction, p.zclip,
                                          p.probability_fraction)
        m.d.comb += exp2.i.eq(argument)
        latency = 1 + exp2.latency
        m.submodules.queue = queue = Fifo(Probability(p), self._DEPTH)
        wiring.connect(m, wiring.flipped(self.o), queue.o)
        some = delay(m, emit_key & ~b.empty, latency, "some")
        last = emit_key & b.last
        accompanying = Cat(b.key, b.row, b.load, b.wrap, scale, last, emit)
        delayed = delay(m, accompanying, latency, "accompanying")
        fields = queue.i.payload
        m.d.comb += [
            Cat(fields.key, fields.row, fields.load, fields.wrap, fields.scale, fields.last, queue.i.valid).eq(delayed),
            fields.probability.eq(Mux(some, exp2.o, 0)),
            self.positive.eq(some & exp2.positive),
        ]
        outstanding = Signal(range(self._DEPTH + 1))
        m.d.sync += outstanding.eq(outstanding + emit - (self.o.valid & self.o.ready))
        m.d.comb += room.eq(outstanding < self._DEPTH)
        return m
