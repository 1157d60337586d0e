"""Sorted-updating softmax: the running maximum moves only on leading keys (SU-FA, SOFA sections III-C, IV-D)."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.arith import ScaledExp2
from hw.shared import shared
from hw.stream import Fifo
from hw.stream.delay import delay
from hw.stream.select import select

__all__ = ["Probability", "Scale", "Score", "Softmax"]


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
    """One step of a row: scale what is accumulated as `scale` says (:class:`Scale`), then add `probability`.

    With `again` the step before was of the same row.
    """

    def __init__(self, parameters):
        p = parameters
        super().__init__({"probability": p.probability_width, "key": p.key_bits, "row": p.row_bits, "scale": Scale,
                          "last": 1, "load": 1, "wrap": 1, "again": 1})


class Softmax(wiring.Component):
    """Unnormalised probabilities ``p = 2^(s - M)`` of a row's keys, with M the row's running maximum.

    M is a multiple of ``rescale_step`` octaves, so that rescaling is a shift. A row's first key sets M to the next
    multiple above its score. Later a leading key raises M to the next multiple above its score; any other key
    leaves M alone, and its argument may be positive, up to ``zclip`` octaves. A key beyond that raises M although
    it does not lead, so that nothing is ever clipped. What was accumulated is then rescaled, by one step or three
    with the key itself, and by what is missing in cycles of their own. A raise by ``clear_steps`` and more clears
    it: it is less than the probability of a key can tell. The result does not depend on M, which cancels in the
    division. The keys of ``batch_rows`` rows may come in any order.

    One key a cycle; a raise by 2, 4, 6 steps costs a cycle more, by 5, 7 two. M of a key is known when those of the
    two keys before it are not yet written: three differences are made, and the right one is chosen.

    Members
    -------
    i, i_valid : In(Score)
        There has to be room for a score: of ``depth`` scores that came, all but these have been `taken`.
    taken : Out(1)
        Pulse: a score has left the queue.
    o : Out(stream of Probability)
    raised, positive, forced : Out(1)
        Events: M raised after a row's first key, argument above 0, M raised by a key that does not lead.
    """

    #: Scores that can be on their way.
    depth = 32
    _DEPTH = 16

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "i": In(Score(p)),
            "i_valid": In(1),
            "taken": Out(1),
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
        difference_shape = signed(level_width + 1)
        row_bits = ceil_log2(p.batch_rows)

        # Stage 1: the multiple above the score, and whether the row begins.
        a, a_valid, a_first = Signal(Score(p)), Signal(), Signal()
        a_level = Signal(signed(level_width))
        begun = Signal(p.batch_rows)
        row = self.i.row[:row_bits]
        m.d.sync += [a.eq(self.i), a_valid.eq(self.i_valid), a_first.eq(~select(row, list(begun))),
                     a_level.eq((self.i.score + ((1 << unit) - 1)) >> unit)]
        for index in range(p.batch_rows):
            with m.If(self.i_valid & (row == index if row_bits else 1)):
                m.d.sync += begun[index].eq(~self.i.last)

        # Stage 2: differences to the maximum of the row and to what the two keys before may make of it.
        maxima = [Signal(signed(level_width), name=f"maximum{row}") for row in range(p.batch_rows)]
        b, b_valid, b_first = Signal(Score(p)), Signal(), Signal()
        c, c_valid, c_first = Signal(Score(p)), Signal(), Signal()
        b_level, c_level, c_sets = Signal(signed(level_width)), Signal(signed(level_width)), Signal()
        to_stored, to_second, to_first = (Signal(difference_shape, name=name)
                                          for name in ("to_stored", "to_second", "to_first"))
        second_sets, first_sets = Signal(), Signal()
        m.d.sync += [
            b.eq(a), b_valid.eq(a_valid), b_first.eq(a_first), b_level.eq(a_level),
            to_stored.eq(a_level - select(a.row[:row_bits], maxima)),
            to_second.eq(a_level - c_level), second_sets.eq(c_sets & (c.row[:row_bits] == a.row[:row_bits])),
            to_first.eq(a_level - b_level),
        ]

        # Stage 3: what the differences mean.
        kind = data.StructLayout({"above": 1, "raises": 1, "clears": 1, "difference": difference_shape})

        def at_least(difference, least):
            """Whether a signed number is `least` or more, which is more than 0: by its upper bits, and few others."""
            low = least.bit_length()
            return ~difference[-1] & ((difference[low:-1] != 0) | (difference[:low] >= least))

        def classified(difference):
            value = Signal(kind)
            m.d.comb += [
                value.above.eq(at_least(difference, p.zclip // p.rescale_step + 1)),
                value.raises.eq(at_least(difference, 1)), value.clears.eq(at_least(difference, p.clear_steps)),
                value.difference.eq(difference),
            ]
            return value

        older, newer = Signal(kind), Signal(kind)
        m.d.sync += [
            c.eq(b), c_valid.eq(b_valid), c_first.eq(b_first), c_level.eq(b_level),
            older.eq(classified(Mux(second_sets, to_second, to_stored))), newer.eq(classified(to_first)),
            first_sets.eq(c_sets & (c.row[:row_bits] == b.row[:row_bits])),
        ]

        # Stage 4: raise the maximum or not.
        chosen, higher = Signal(kind), Signal()
        m.d.comb += [
            chosen.eq(Mux(first_sets, newer, older)),
            higher.eq(~c_first & ~c.empty & (chosen.above | (c.lead & chosen.raises))),
            c_sets.eq(c_valid & (higher | c_first)),
        ]
        for index in range(p.batch_rows):
            with m.If(c_sets & (c.row[:row_bits] == index if row_bits else 1)):
                m.d.sync += maxima[index].eq(c_level)
        # The argument is score - maximum * 2^unit: the lower bits of the score, below its multiple, and the difference.
        decided = data.StructLayout({
            "fraction": unit, "octaves": difference_shape, "key": p.key_bits, "row": p.row_bits, "load": 1, "wrap": 1,
            "last": 1, "empty": 1, "clears": 1, "raises": 1, "steps": range(p.clear_steps)})
        m.submodules.scores = scores = Fifo(decided, self.depth)
        d, d_valid = Signal(decided), Signal()
        low = c.score[:unit]
        m.d.sync += [
            d_valid.eq(c_valid),
            Cat(d[name] for name in ("key", "row", "load", "wrap", "last", "empty")).eq(
                Cat(c[name] for name in ("key", "row", "load", "wrap", "last", "empty"))),
            d.fraction.eq(low),
            d.octaves.eq(Mux(c_first | higher, 0, chosen.difference) - (low != 0)),
            d.clears.eq(c_first | (higher & chosen.clears)), d.raises.eq(higher & ~chosen.clears),
            d.steps.eq(chosen.difference),
            self.raised.eq(c_valid & higher), self.forced.eq(c_valid & higher & ~c.lead),
        ]
        m.d.comb += [scores.i.payload.eq(d), scores.i.valid.eq(d_valid)]

        # Stage 5: one or three steps of rescaling a cycle, the last ones with the key.
        e, e_valid, last_step, again = Signal(decided), Signal(), Signal(), Signal()
        room, emit, load = Signal(), Signal(), Signal()
        steps, short = Signal(range(p.clear_steps)), Signal()   # that are left with this cycle; no three of them
        m.d.comb += [emit.eq(e_valid & room), load.eq(~e_valid | (emit & last_step)),
                     scores.o.ready.eq(load)]
        m.d.sync += self.taken.eq(load & scores.o.valid)
        following = scores.o.payload
        with m.If(load):
            m.d.sync += e_valid.eq(scores.o.valid)
        with m.If(load & scores.o.valid):
            m.d.sync += [
                e.eq(following), steps.eq(following.steps), short.eq(following.steps < 3),
                last_step.eq(~following.raises | (following.steps == 1) | (following.steps == 3)),
                again.eq(following.row == e.row),
            ]
        with m.Elif(emit & ~load):
            m.d.sync += [
                steps.eq(Mux(short, 1, steps - 3)), short.eq(short | (steps < 6)),
                last_step.eq(short | (steps == 4) | (steps == 6)), again.eq(1),
            ]
        scale = Signal(Scale)
        m.d.comb += scale.eq(Mux(e.clears, Scale.CLEAR, Mux(
            e.raises, Mux(short, Scale.ONE_STEP, Scale.THREE_STEPS), Scale.KEEP)))

        # Stage 6: the exponential.
        m.submodules.exp2 = exp2 = shared(ScaledExp2, p.log_integer + 2, p.log_fraction, p.zclip,
                                          p.probability_fraction)
        m.d.comb += exp2.i.eq(Cat(e.fraction, e.octaves))
        m.submodules.queue = queue = Fifo(Probability(p), self._DEPTH)
        wiring.connect(m, wiring.flipped(self.o), queue.o)
        some = delay(m, emit & last_step & ~e.empty, exp2.latency, "some")
        accompanying = Cat(e.key, e.row, e.load, e.wrap, scale, last_step & e.last, again, emit)
        delayed = delay(m, accompanying, exp2.latency, "accompanying")
        fields = Signal(Probability(p))
        m.d.comb += [
            Cat(fields.key, fields.row, fields.load, fields.wrap, fields.scale, fields.last, fields.again,
                queue.i.valid).eq(delayed),
            fields.probability.eq(Mux(some, exp2.o, 0)), queue.i.payload.eq(fields),
            self.positive.eq(some & exp2.positive),
        ]
        # What is on its way, a cycle late: two more may come.
        outstanding = Signal(range(self._DEPTH + 1))
        m.d.sync += [outstanding.eq(outstanding + emit - (self.o.valid & self.o.ready)),
                     room.eq(outstanding < self._DEPTH - 2)]
        return m
