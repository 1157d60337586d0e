"""Sorted-updating softmax: the running maximum moves only on leading keys (SU-FA, SOFA sections III-C, IV-D)."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.arith import ScaledExp2
from hw.shared import shared
from hw.stream import Fifo
from hw.stream.delay import delay
from hw.stream.register_file import RegisterFile
from hw.stream.select import select

__all__ = ["Probability", "Score", "Softmax"]


class Score(data.StructLayout):
    """Exact score of a key that row number `row` of the batch keeps; `load` and `wrap` as in `IssuedKey`."""

    def __init__(self, parameters):
        p = parameters
        super().__init__({"score": signed(p.log_width), "key": p.key_bits, "row": p.row_bits, "lead": 1, "last": 1,
                          "empty": 1, "load": 1, "wrap": 1})


class Probability(data.StructLayout):
    """A key of a row: shift what is accumulated by so many rescaling `steps`, or `clear` it, then add `probability`.

    ``again``: the key before was of the same row; ``shifts``: what it leaves is shifted, by one step at least.
    """

    def __init__(self, parameters):
        p = parameters
        super().__init__({"probability": p.probability_width, "key": p.key_bits, "row": p.row_bits, "clear": 1,
                          "steps": range(p.clear_steps), "last": 1, "load": 1, "wrap": 1, "again": 1, "shifts": 1})


class Softmax(wiring.Component):
    """Unnormalised probabilities ``p = 2^(s - M)`` of a row's keys, with M the row's running maximum.

    M is a multiple of ``rescale_step`` octaves, so that rescaling is a shift. A row's first key sets M to the next
    multiple above its score. Later a leading key raises M to the next multiple above its score; any other key
    leaves M alone, and its argument may be positive, up to ``zclip`` octaves. A key beyond that raises M although
    it does not lead, so that nothing is ever clipped. What was accumulated is then rescaled by as many steps. A raise
    by ``clear_steps`` and more clears it: it is less than the probability of a key can tell. The result does not
    depend on M, which cancels in the division. The keys of ``batch_rows`` rows may come in any order.

    One key a cycle, ``latency`` cycles from a score to its probability. M of a key is known when those of the two keys
    before it are not yet written: three differences are made, and the right one is chosen.

    Members
    -------
    i, i_valid : In(Score)
        There has to be room for a score: of ``depth`` scores that came, all but these have been `taken`.
    taken : Out(1)
        Pulse: the probability of a score has been taken.
    o : Out(stream of Probability)
    raised, positive, forced : Out(1)
        Events: M raised after a row's first key, argument above 0, M raised by a key that does not lead.
    """

    #: Scores that can be on their way.
    depth = 49
    #: Cycles from a score to its probability, if none waits.
    latency = 5 + ScaledExp2.latency + 2

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
        a, a_valid, a_first = Signal(Score(p), reset_less=True), Signal(), Signal()
        a_level = Signal(signed(level_width))
        begun = Signal(p.batch_rows)
        row = self.i.row[:row_bits]
        m.d.sync += [a.eq(self.i), a_valid.eq(self.i_valid), a_first.eq(~select(row, list(begun))),
                     a_level.eq((self.i.score + ((1 << unit) - 1)) >> unit)]
        for index in range(p.batch_rows):
            with m.If(self.i_valid & (row == index if row_bits else 1)):
                m.d.sync += begun[index].eq(~self.i.last)

        # Stage 2: differences to the maximum of the row and to what the two keys before may make of it.
        m.submodules.maxima = maxima = RegisterFile(level_width, p.batch_rows)
        b, b_valid, b_first = Signal(Score(p), reset_less=True), Signal(), Signal()
        # The key sets the maximum in any case, if it is far above it, if it is above it.
        b_begins, b_forces, b_leads = Signal(), Signal(), Signal()
        c, c_valid, c_first = Signal(Score(p), reset_less=True), Signal(), Signal()
        b_level, c_level, c_sets = Signal(signed(level_width)), Signal(signed(level_width)), Signal()
        to_stored, to_second, to_first = (Signal(difference_shape, name=name)
                                          for name in ("to_stored", "to_second", "to_first"))
        second_sets, first_sets = Signal(), Signal()
        m.d.comb += maxima.read_address.eq(a.row[:row_bits])
        m.d.sync += [
            b.eq(a), b_valid.eq(a_valid), b_first.eq(a_first), b_level.eq(a_level), b_begins.eq(a_valid & a_first),
            b_forces.eq(a_valid & ~a_first & ~a.empty), b_leads.eq(a_valid & ~a_first & ~a.empty & a.lead),
            to_stored.eq(a_level - maxima.read_data.as_signed()),
            to_second.eq(a_level - c_level), second_sets.eq(c_sets & (c.row[:row_bits] == a.row[:row_bits])),
            to_first.eq(a_level - b_level),
        ]

        # Stage 3: what the differences mean: whether the key sets the maximum, as a row's first key does.
        kind = data.StructLayout({"sets": 1, "clears": 1, "difference": difference_shape})

        def at_least(difference, least):
            """Whether a signed number is `least` or more, which is more than 0: by its upper bits, and few others."""
            low = least.bit_length()
            return ~difference[-1] & ((difference[low:-1] != 0) | (difference[:low] >= least))

        def classified(difference):
            value = Signal(kind)
            far_above, above = at_least(difference, p.zclip // p.rescale_step + 1), at_least(difference, 1)
            m.d.comb += [
                value.sets.eq(b_begins | (b_forces & far_above) | (b_leads & above)),
                value.clears.eq(at_least(difference, p.clear_steps)),
                value.difference.eq(difference),
            ]
            return value

        older, newer = Signal(kind), Signal(kind)
        m.d.sync += [
            c.eq(b), c_valid.eq(b_valid), c_first.eq(b_first), c_level.eq(b_level),
            older.eq(Mux(second_sets, classified(to_second), classified(to_stored))), newer.eq(classified(to_first)),
            first_sets.eq(c_sets & (c.row[:row_bits] == b.row[:row_bits])),
        ]

        # Stage 4: set the maximum or not. The argument is score - maximum * 2^unit: the lower bits of the score, which
        # is below its multiple, and the difference.
        chosen = Signal(kind)
        m.d.comb += [
            chosen.eq(Mux(first_sets, newer, older)), c_sets.eq(chosen.sets),
            maxima.write_enable.eq(c_sets), maxima.write_address.eq(c.row[:row_bits]), maxima.write_data.eq(c_level),
        ]
        decided = data.StructLayout({
            "fraction": unit, "below": 1, "octaves": difference_shape, "key": p.key_bits, "row": p.row_bits, "load": 1,
            "wrap": 1, "last": 1, "empty": 1, "clear": 1, "steps": range(p.clear_steps), "again": 1})
        d, d_valid, row_before = Signal(decided), Signal(), Signal(p.row_bits)
        low, same = c.score[:unit], ("key", "row", "load", "wrap", "last", "empty")
        m.d.sync += [
            d_valid.eq(c_valid), Cat(d[name] for name in same).eq(Cat(c[name] for name in same)),
            d.fraction.eq(low), d.below.eq(low != 0), d.octaves.eq(Mux(c_sets, 0, chosen.difference)),
            d.clear.eq(c_sets & (c_first | chosen.clears)), d.steps.eq(Mux(c_sets, chosen.difference, 0)),
            d.again.eq(c.row == row_before),
            self.raised.eq(c_sets & ~c_first), self.forced.eq(c_sets & ~c_first & ~c.lead),
        ]
        with m.If(c_valid):
            m.d.sync += row_before.eq(c.row)

        # Stage 5: the argument. Then the exponential.
        m.submodules.exp2 = exp2 = shared(ScaledExp2, p.log_integer + 2, p.log_fraction, p.zclip,
                                          p.probability_fraction)
        m.d.sync += exp2.i.eq(Cat(d.fraction, (d.octaves - d.below)[:len(d.octaves)]))
        m.submodules.queue = queue = Fifo(Probability(p), self.depth)
        wiring.connect(m, wiring.flipped(self.o), queue.o)
        m.d.sync += self.taken.eq(self.o.valid & self.o.ready)
        some = delay(m, d_valid & ~d.empty, 1 + exp2.latency, "some")
        accompanying = Cat(d.key, d.row, d.load, d.wrap, d.last, d.again, d.clear, d.steps,
                           d.again & ~d.clear & (d.steps != 0))
        delayed = delay(m, accompanying, 1 + exp2.latency, "accompanying", payload=True)
        probability = queue.i.payload
        m.d.comb += [
            Cat(probability.key, probability.row, probability.load, probability.wrap, probability.last,
                probability.again, probability.clear, probability.steps, probability.shifts).eq(delayed),
            queue.i.valid.eq(delay(m, d_valid, 1 + exp2.latency, "valid")),
            probability.probability.eq(Mux(some, exp2.o, 0)),
            self.positive.eq(some & exp2.positive),
        ]
        return m
