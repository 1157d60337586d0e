"""Sorted-updating softmax: the running maximum moves only on leading keys (SU-FA, SOFA sections III-C, IV-D)."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.arith import ScaledExp2
from hw.shared import shared
from hw.stream import Fifo
from hw.stream.delay import delay

__all__ = ["Probability", "Score", "Softmax"]


class Score(data.StructLayout):
    """Exact score of a key that a row keeps."""

    def __init__(self, parameters):
        p = parameters
        super().__init__({"score": signed(p.log_width), "key": p.key_bits, "lead": 1, "pair": 1, "last": 1,
                          "empty": 1})


class Probability(data.StructLayout):
    """One step of a row: rescale what is accumulated by 2^-rescale_step if `rescale`, then add `probability`."""

    def __init__(self, parameters):
        p = parameters
        super().__init__({"probability": p.probability_width, "key": p.key_bits, "rescale": 1, "last": 1})


class Softmax(wiring.Component):
    """Unnormalised probabilities ``p = 2^(s - M)`` of a row's keys, with M the running maximum.

    M is a multiple of ``rescale_step`` octaves, so that rescaling is a shift. A leading key raises M to the
    next multiple above its score, or above the larger of its score and its partner's when it leads a pair
    (max ensure); what was accumulated is then rescaled, one step with the key itself and any further step in
    a cycle of its own. Other keys leave M alone: their argument may be positive, up to ``zclip`` octaves.
    The result does not depend on M as long as nothing is clipped, since M cancels in the division.

    One key a cycle; a raise by n > 1 steps costs n - 1 cycles.

    Members
    -------
    i : In(stream of Score)
    o : Out(stream of Probability)
    raised, positive, clipped : Out(1)
        Events: M raised after a row's first key, argument above 0, argument clipped.
    """

    _DEPTH = 16

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "i": In(stream.Signature(Score(p))),
            "o": Out(stream.Signature(Probability(p))),
            "raised": Out(1),
            "positive": Out(1),
            "clipped": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        unit = p.log_fraction + ceil_log2(p.rescale_step)     # M counts units of 2^unit score steps
        level_width = p.log_width - unit + 1

        # A: a key waits for its partner's score.
        a, a_valid, a_go = Signal(Score(p)), Signal(), Signal()
        b, b_valid, b_go = Signal(Score(p)), Signal(), Signal()
        level = Signal(signed(level_width))
        partner = self.i.payload
        m.d.comb += [
            a_go.eq(a_valid & (~a.pair | self.i.valid) & (~b_valid | b_go)),
            self.i.ready.eq(~a_valid | a_go),
        ]
        with m.If(self.i.ready):
            m.d.sync += [a_valid.eq(self.i.valid), a.eq(self.i.payload)]
        highest = Signal(signed(p.log_width))
        m.d.comb += highest.eq(Mux(a.pair & (partner.score > a.score), partner.score, a.score))
        with m.If(a_go):
            m.d.sync += [b_valid.eq(1), b.eq(a), level.eq((highest + ((1 << unit) - 1)) >> unit)]
        with m.Elif(b_go):
            m.d.sync += b_valid.eq(0)

        # B: raise the maximum step by step, then let the key go.
        maximum = Signal(signed(level_width))
        first = Signal(init=1)
        higher, one_step = Signal(), Signal()
        difference = Signal(signed(level_width + 1))
        m.d.comb += [
            difference.eq(level - maximum),
            higher.eq(b.lead & ~first & (difference > 0)),
            one_step.eq(difference == 1),
        ]
        room, emit, emit_key = Signal(), Signal(), Signal()
        base = Signal(signed(level_width))
        m.d.comb += [
            emit.eq(b_valid & room),
            emit_key.eq(emit & (~higher | one_step)),
            b_go.eq(emit_key),
            base.eq(Mux(higher | (first & ~b.empty), level, maximum)),
            self.raised.eq(emit_key & higher),
        ]
        with m.If(emit_key):
            m.d.sync += [maximum.eq(base), first.eq(b.last)]
        with m.Elif(emit):
            m.d.sync += maximum.eq(maximum + 1)

        # C: argument, and the exponential.
        argument = Signal(signed(p.log_width + 1))
        m.d.sync += argument.eq(b.score - (base << unit))
        m.submodules.exp2 = exp2 = shared(ScaledExp2, p.log_integer + 2, p.log_fraction, p.zclip,
                                          p.probability_fraction)
        m.d.comb += exp2.i.eq(argument)
        latency = 1 + exp2.latency
        key, rescale, last, some = (
            delay(m, value, latency, name) for value, name in (
                (b.key, "key"), (emit & higher, "rescale"), (emit_key & b.last, "last"),
                (emit_key & ~b.empty, "some")))
        m.submodules.queue = queue = Fifo(Probability(p), self._DEPTH)
        wiring.connect(m, wiring.flipped(self.o), queue.o)
        m.d.comb += [
            queue.i.valid.eq(delay(m, emit, latency, "valid")),
            queue.i.payload.probability.eq(Mux(some, exp2.o, 0)),
            queue.i.payload.key.eq(key),
            queue.i.payload.rescale.eq(rescale),
            queue.i.payload.last.eq(last),
            self.positive.eq(some & exp2.positive),
            self.clipped.eq(some & exp2.clipped),
        ]
        outstanding = Signal(range(self._DEPTH + 1))
        m.d.sync += outstanding.eq(outstanding + emit - (self.o.valid & self.o.ready))
        m.d.comb += room.eq(outstanding < self._DEPTH)
        return m
