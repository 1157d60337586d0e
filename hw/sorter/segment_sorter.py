"""Extraction of the best keys of each sub-segment (SADS, SOFA sections III-B and IV-C)."""

from amaranth.hdl import C, Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from hw.shared import shared
from hw.stream.delay import delay
from hw.stream.select import any_of, select

from .rank_four import RANK_LATENCY, RankFour

__all__ = ["Candidate", "SegmentSorter", "segment_cycles"]


class Candidate(data.StructLayout):
    """A key that a segment delivers: its predicted score (0: none) and its position in the segment."""

    def __init__(self, parameters):
        super().__init__({"score": parameters.score_width, "position": parameters.position_bits})


def segment_cycles(parameters):
    """Function from the keys wanted of a segment to the cycles from its being taken to that of the next, at the least.

    It takes numbers and values.
    """
    p = parameters
    lanes, rounds = p.trees_per_sorter, _rounds(p)

    def cycles(wanted):
        # Nothing to be found takes as long as a pass, or a round of one.
        passes = Mux(wanted == 0, 1, (wanted + 3) >> 2) if isinstance(wanted, Value) else max(1, -(-wanted // 4))
        if rounds == 1:
            return passes * lanes + 1
        return passes * (rounds * _round_turns(p))

    return cycles


def _rounds(parameters):
    return 1 + -(-max(0, parameters.tile - 16) // 12)


def _round_turns(parameters):
    """Cycles of a round: the next one needs what this one has found."""
    return max(parameters.trees_per_sorter, 2 + RANK_LATENCY + 1)


class SegmentSorter(wiring.Component):
    """Extract the best ``segment_keys`` scores of a segment, for several rows on one 16-to-4 core.

    The order is total: score descending, position ascending. A *pass* over the segment finds its next four keys. Rows
    take turns in the pipelined core, and the next segment is collected meanwhile.

    A segment of up to 16 keys goes into the core as it is, which is asked for further ranks in further passes: a
    segment takes ``ceil(m / 4)`` cycles a row, and one.

    A longer one takes rounds: the first takes 16 entries, every further round 12 new ones and the four best so
    far, and what a pass finds is cleared for the passes to come. A segment of L keys takes ``ceil(m / 4)`` passes of
    ``1 + ceil((L - 16) / 12)`` rounds, each ``max(rows, latency)`` cycles.

    With the parameter ``clipping``, entries below ``max - radius`` of the segment so far are clipped when the radius is
    not 0, and so are in rounds, without effect on the result, those below the four best so far.

    A segment is taken when its last score has come and the one before is through, see :func:`segment_cycles`. From that
    cycle on the scores of the next one may come.

    Members
    -------
    scores, score_enable, position, segment_end, row_end : In
        From the predictor.
    segment_keys, extra_segments, radius : In
        Of the task; one more key is extracted in the first ``extra_segments`` segments.
    o, o_valid, o_first : Out(ArrayLayout(Candidate, 4)), Out(rows), Out(1)
        Four candidates in order, the row that they belong to, and whether they are the best of their segment.
    o_row_end : Out(1)
        Pulse: all candidates of the rows have been given out.
    clipped : Out
        Entries clipped by the radius in this cycle.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        self._lanes = p.trees_per_sorter
        self._rounds = _rounds(p)
        super().__init__({
            "scores": In(data.ArrayLayout(unsigned(p.score_width), self._lanes)),
            "score_enable": In(1),
            "position": In(p.position_bits),
            "segment_end": In(1),
            "row_end": In(1),
            "segment_keys": In(bits_for(p.max_segment_keys)),
            "extra_segments": In(bits_for(p.max_segments)),
            "radius": In(p.score_width),
            "o": Out(data.ArrayLayout(Candidate(p), 4)),
            "o_valid": Out(self._lanes),
            "o_first": Out(1),
            "o_row_end": Out(1),
            "clipped": Out(5 if p.clipping else 0),
        })

    def elaborate(self, platform):
        m = Module()
        p, lanes, rounds = self._parameters, self._lanes, self._rounds

        # Collect a segment; entries that it does not reach stay 0, which is never extracted.
        load, segment_full, row_full = Signal(), Signal(), Signal()
        collected = [[Signal(p.score_width, name=f"collected{lane}_{entry}") for entry in range(p.tile)]
                     for lane in range(lanes)]
        held = [[Signal(p.score_width, name=f"held{lane}_{entry}", reset_less=True) for entry in range(p.tile)]
                for lane in range(lanes)]
        # A segment always has a first key: its place needs no clearing, and the first score of the next segment
        # may come in the cycle in which the others are cleared.
        scores = Signal.like(self.scores, reset_less=True)
        places, segment_end, row_end = Signal(p.tile), Signal(), Signal()
        m.d.sync += [scores.eq(self.scores), segment_end.eq(self.score_enable & self.segment_end),
                     row_end.eq(self.row_end)]
        m.d.sync += [places[entry].eq(self.score_enable & (self.position == entry)) for entry in range(p.tile)]
        for lane in range(lanes):
            for entry in range(p.tile):
                write = places[entry]
                with m.If(load):
                    m.d.sync += held[lane][entry].eq(collected[lane][entry])
                if entry:
                    # Clearing comes first, so that it is the synchronous reset of the flip-flop.
                    with m.If(load):
                        m.d.sync += collected[lane][entry].eq(0)
                    with m.Elif(write):
                        m.d.sync += collected[lane][entry].eq(scores[lane])
                else:
                    with m.If(write):
                        m.d.sync += collected[lane][entry].eq(scores[lane])
        with m.If(load):
            m.d.sync += segment_full.eq(0)
        with m.If(segment_end):
            m.d.sync += [segment_full.eq(1), row_full.eq(row_end)]

        wanted = Signal(bits_for(p.max_segment_keys) + 1)   # of the next segment
        segment = Signal(bits_for(p.max_segments))
        m.d.sync += wanted.eq(self.segment_keys + (segment < self.extra_segments))
        with m.If(load):
            m.d.sync += segment.eq(Mux(row_full, 0, segment + 1))
        sequence = self._in_passes if rounds == 1 else self._in_rounds
        sequence(m, load, segment_end, segment_full, row_full, held, wanted)
        return m

    def _in_passes(self, m, load, segment_end, segment_full, row_full, held, wanted):
        """Each row in each pass, a cycle each."""
        p, lanes = self._parameters, self._lanes
        # The passes of the segment at work, and cycles that are left of them.
        most = p.max_passes * lanes
        busy, row_last, issues = Signal(), Signal(), Signal()
        turn, pass_ = Signal(lanes, init=1), Signal(range(max(2, p.max_passes)))      # turn: a bit for each row
        left, remaining = Signal.like(wanted), Signal(range(most + 1))
        following = Signal.like(remaining)
        m.d.sync += following.eq(Mux(wanted == 0, lanes, ((wanted + 3) >> 2) * lanes))
        # A register goes to all scores: `load` follows from what `busy` and `segment_full` will be.
        m.d.sync += load.eq(~load & ~(busy & (remaining != 1)) & (segment_end | segment_full))
        with m.If(load):
            m.d.sync += [busy.eq(1), pass_.eq(0), left.eq(wanted), remaining.eq(following),
                         row_last.eq(row_full), issues.eq(wanted != 0)]
        with m.Elif(busy):
            m.d.sync += [remaining.eq(remaining - 1), busy.eq(remaining != 1), turn.eq(turn.rotate_left(1))]
            with m.If(turn[-1]):
                m.d.sync += [pass_.eq(pass_ + 1), left.eq(left - 4)]
        finish = busy & (remaining == 1)

        # Stages 1, 2: the entries of the row whose turn it is. Registers that are 0 out of turn, and an OR behind them,
        # take a third of a multiplexer's tables.
        m.submodules.core = core = shared(RankFour, p.score_width, p.score_width if p.clipping else 0)
        for slot in range(min(16, p.tile)):
            gated = [Signal(p.score_width, name=f"gated{lane}_{slot}", reset_less=True) for lane in range(lanes)]
            for lane in range(lanes):
                with m.If(~turn[lane] if lanes > 1 else 0):
                    m.d.sync += gated[lane].eq(0)
                with m.Else():
                    m.d.sync += gated[lane].eq(held[lane][slot])
            m.d.sync += core.i[slot].eq(any_of(gated))
        m.d.comb += core.first.eq(delay(m, pass_[:2], 2, "pass"))
        if p.clipping:
            m.d.comb += core.radius.eq(self.radius)
        latency = 2 + core.latency
        count = Mux(left > 4, 4, left)[:3]
        lane_o, issue_o, first_o, count_o = (
            delay(m, value, latency, name) for value, name in (
                (turn, "turn_o"), (busy & issues, "issue_o"), (pass_ == 0, "first_o"), (count, "count_o")))
        m.d.sync += [self.o_first.eq(first_o),
                     self.o_valid.eq(lane_o & issue_o.replicate(lanes))]
        for rank in range(4):
            m.d.sync += [self.o[rank].position.eq(core.index[rank]),
                         self.o[rank].score.eq(Mux(rank < count_o, core.o[rank], 0))]
        m.d.comb += self.o_row_end.eq(delay(m, finish & row_last, latency + 1, "row_done"))
        if p.clipping:
            m.d.comb += self.clipped.eq(Mux(issue_o, core.clipped, 0))

    def _in_rounds(self, m, load, _segment_end, segment_full, row_full, held, wanted):
        """Each row in each round, and the next pass when the last row of this one is through the core."""
        p, lanes, rounds = self._parameters, self._lanes, self._rounds
        width = p.score_width + p.position_bits
        m.submodules.core = core = shared(RankFour, width)
        latency = 2 + core.latency
        turns = _round_turns(p)
        busy, skip, row_last = Signal(), Signal(), Signal()
        turn = Signal(range(turns))
        round_, pass_ = Signal(range(max(2, rounds))), Signal(range(p.max_passes + 1))
        left = Signal(bits_for(p.max_segment_keys) + 1)     # keys to extract in this pass and the following
        last_turn, last_round, final, finish = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            last_turn.eq(turn == turns - 1),
            last_round.eq(round_ == rounds - 1),
            finish.eq(busy & last_turn & final),
        ]
        with m.If(busy):
            m.d.sync += turn.eq(Mux(last_turn, 0, turn + 1))
            with m.If(finish):
                m.d.sync += busy.eq(0)
            with m.Elif(last_turn & last_round):
                m.d.sync += [round_.eq(0), pass_.eq(pass_ + 1), left.eq(left - 4)]
            with m.Elif(last_turn):
                m.d.sync += round_.eq(round_ + 1)
        with m.If((~busy | finish) & segment_full):
            m.d.comb += load.eq(1)
            m.d.sync += [busy.eq(1), turn.eq(0), round_.eq(0), pass_.eq(0), left.eq(wanted),
                         row_last.eq(row_full), skip.eq(wanted == 0)]
        m.d.comb += [
            final.eq(skip | ((left <= 4) & last_round)),
            self.o_row_end.eq(delay(m, finish & row_last, latency + 1, "row_done")),
        ]

        # Stage 1: choose the entries of this turn.
        fed_back = [[Signal(width, name=f"fed_back{lane}_{rank}") for rank in range(4)] for lane in range(lanes)]
        best = [Signal(p.score_width, name=f"best{lane}") for lane in range(lanes)]
        chosen = [Signal(width, name=f"chosen{slot}") for slot in range(16)]
        low_1, best_1 = Signal(width), Signal(p.score_width)
        first_pass_1, first_round_1 = Signal(), Signal()
        m.d.sync += [first_pass_1.eq(pass_ == 0), first_round_1.eq(round_ == 0)]
        m.d.sync += [low_1.eq(select(turn, [quad[3] for quad in fed_back])), best_1.eq(select(turn, best))]
        for slot in range(16):
            choices = [select(turn, [quad[slot] for quad in fed_back]) if number and slot < 4 else
                       select(turn, [self._entry(segment, slot + 12 * number) for segment in held])
                       for number in range(rounds)]
            m.d.sync += chosen[slot].eq(select(round_, choices))

        # Stage 2: clip what the radius or the low bound rules out.
        outside = Signal(16)
        for slot in range(16):
            new = first_round_1 if slot < 4 else 1
            score = chosen[slot][p.position_bits:]
            low = 0
            if p.clipping:
                started = ~(first_pass_1 & first_round_1)
                m.d.comb += outside[slot].eq(
                    started & new & (self.radius != 0) & (score + self.radius < best_1) & (score != 0))
                low = ~first_round_1 & new & (chosen[slot] < low_1)
            clipped = outside[slot] | low
            m.d.sync += core.i[slot].eq(Mux(clipped, 0, chosen[slot]))

        # Behind the core.
        issue = busy & ~skip & (turn < lanes)
        issue_1 = delay(m, issue, 1, "issue")
        if p.clipping:
            m.d.comb += self.clipped.eq(Mux(issue_1, sum(outside), 0))
        count = Mux(left > 4, 4, left)[:3]
        lane_o, issue_o, last_o, first_o, count_o, more_o = (
            delay(m, value, latency, name) for value, name in (
                (turn, "turn_o"), (issue, "issue_o"), (last_round, "last_o"), (pass_ == 0, "first_o"),
                (count, "count_o"), (left > 4, "more_o")))
        quad = [core.o[rank] for rank in range(4)]
        with m.If(issue_o):
            with m.Switch(lane_o):
                for lane in range(lanes):
                    with m.Case(lane):
                        m.d.sync += [fed_back[lane][rank].eq(quad[rank]) for rank in range(4)]
                        with m.If(first_o):
                            m.d.sync += best[lane].eq(quad[0][p.position_bits:])
        # What a pass has extracted is cleared before the next pass of the row. Behind the last pass the next segment
        # may have taken its place.
        taken, found = Signal(p.tile), Signal(4)
        for rank, value in enumerate(quad):
            m.d.comb += found[rank].eq(value[p.position_bits:] != 0)
        for place in range(p.tile):
            code = (1 << p.position_bits) - 1 - place
            m.d.comb += taken[place].eq(any_of([(value[:p.position_bits] == code) & found[rank]
                                                for rank, value in enumerate(quad)]))
        for lane in range(lanes):
            for place in range(p.tile):
                with m.If(issue_o & last_o & more_o & (lane_o == lane) & taken[place]):
                    m.d.sync += held[lane][place].eq(0)
        m.d.sync += self.o_first.eq(first_o)
        for lane in range(lanes):
            m.d.sync += self.o_valid[lane].eq(issue_o & last_o & (lane_o == lane))
        for rank in range(4):
            m.d.sync += [self.o[rank].position.eq(~quad[rank][:p.position_bits]),
                         self.o[rank].score.eq(Mux(rank < count_o, quad[rank][p.position_bits:], 0))]


    def _entry(self, segment, index):
        """Value of a segment's entry as the core compares it: score, then the lower position."""
        p = self._parameters
        if index >= p.tile:
            return C(0, p.score_width + p.position_bits)
        return Cat(C((1 << p.position_bits) - 1 - index, p.position_bits), segment[index])
