"""Choice of the keys that each row keeps: quota, or merge of the segments' candidates (SADS with borrowed quota)."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from hw.shared import shared
from hw.stream.counter import counter
from hw.stream.delay import delay
from hw.stream.register_file import RegisterFile

from .key_mask import GroupMasks, MaskRecord
from .segment_sorter import Candidate
from .select_lane import MASK_DELAY, SelectLane

__all__ = ["RowSelect", "SelectionRule"]


class SelectionRule(data.StructLayout):
    """How to choose among a row's candidates: all of them (quota), or the best ``kept`` (merge).

    ``tokens`` and ``half`` are handed on with what is kept.
    """

    def __init__(self, parameters):
        p = parameters
        super().__init__({
            "merge": 1,
            "dense": 1,
            "tokens": 1,
            "half": 1,
            "kept": bits_for(p.max_keys),
            "segments": bits_for(p.max_segments),
            "segment_keys": bits_for(p.max_segment_keys),
            "extra_segments": bits_for(p.max_segments),
        })


class RowSelect(wiring.Component):
    """Choose the keys of a group of ``trees`` rows, all rows in step.

    Candidates come in words of four, in descending order within their segment. For `merge` the threshold that the
    row's best ``kept`` candidates reach is found bit by bit, from the top: the uppermost bit from a count taken
    while the candidates are stored, each further bit in a walk over them. Of the candidates that equal the
    threshold the first ones are kept, in the order of the segments, so that exactly ``min(kept, candidates)``
    keys remain. They are stored as masks, one a segment. A dense group's masks are written without selection.

    A row of W words in n segments takes ``(W + 3) * (score_width - 1)`` cycles to search and ``max(W, n) + 8`` to
    choose, in the shadow of the next group's prediction: there is room for the candidates of two groups and the
    masks of ``held_groups``.

    Members
    -------
    reserve : In(1)
        Pulse: a group with `rule` will come.
    rule : In(SelectionRule)
    free, idle : Out(1)
        A group can be reserved; no group is held or being chosen from.
    candidates, candidates_valid : In
        Four candidates of a segment from each sorter, for the row that is named.
    first, row_end : In(1)
        They are the best ones of their segment; pulse: the rows are complete.
    dense_keys, dense_valid, dense_position, dense_segment_end, dense_end : In
        One key of a dense group, for each row whether it may be seen.
    group : Out(GroupMasks)
        The masks of the oldest group.
    record : Out(MaskRecord)
        Copy of the masks as they are stored.
    score_groups, mask_groups : Out
        Groups whose candidates, and whose masks are held.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "reserve": In(1),
            "rule": In(SelectionRule(p)),
            "free": Out(1),
            "idle": Out(1),
            "candidates": In(data.ArrayLayout(data.ArrayLayout(Candidate(p), 4), p.sorters)),
            "candidates_valid": In(p.trees_per_sorter),
            "first": In(1),
            "row_end": In(1),
            "dense_keys": In(p.trees),
            "dense_valid": In(1),
            "dense_position": In(p.position_bits),
            "dense_segment_end": In(1),
            "dense_end": In(1),
            "group": Out(GroupMasks(p)),
            "record": Out(MaskRecord(p)),
            "score_groups": Out(2),
            "mask_groups": Out(range(p.held_groups + 1)),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        words = p.max_segments * p.max_passes
        address_bits = max(1, ceil_log2(words))

        # Groups: at most two reserved and not yet chosen from; more whose masks wait or are read. The memory of a
        # group is free from the start of its choice on: its words are read faster than others come.
        reserved, stored, masked = Signal(range(3)), Signal(range(3)), Signal(range(p.held_groups + 1))
        filling, working, reserving = Signal(), Signal(), Signal()
        writing, reading = Signal(range(p.held_groups)), Signal(range(p.held_groups))
        finish, taken, resting = Signal(), Signal(), Signal()
        rules = Signal(data.ArrayLayout(SelectionRule(p), 2))
        m.d.comb += [self.score_groups.eq(reserved), self.mask_groups.eq(masked)]
        m.d.comb += self.group.valid.eq(masked != 0)
        reserved_now = (reserved + self.reserve - taken)[:2]
        m.d.sync += [self.free.eq(reserved_now < 2),
                     self.idle.eq((reserved_now == 0) & resting & (masked < p.held_groups) & self.record.ready)]
        dense_group = rules[working].dense
        m.d.sync += [
            reserved.eq(reserved_now),
            stored.eq(stored + (self.row_end | (self.dense_valid & self.dense_end)) - taken),
            masked.eq(masked + finish - self.group.release),
        ]
        with m.If(self.reserve):
            m.d.sync += [rules[reserving].eq(self.rule), reserving.eq(~reserving)]
        with m.If(self.group.release):
            m.d.sync += reading.eq(reading + 1)
        with m.If(self.row_end | (self.dense_valid & self.dense_end)):
            m.d.sync += filling.eq(~filling)
        # Words of the group being stored, and of those that wait: two, while the keys of a third one are chosen. The
        # end of the rows may come with their last word.
        words_stored, words_now, count = (Signal(bits_for(words), name=name)
                                          for name in ("words_stored", "words_now", "count"))
        words_waiting = Signal(data.ArrayLayout(bits_for(words), 2))
        m.d.comb += words_now.eq(words_stored + self.candidates_valid[-1])     # the last row of a sorter has its word
        m.d.sync += words_stored.eq(words_now)
        with m.If(self.row_end):
            m.d.sync += [words_stored.eq(0), words_waiting[filling].eq(words_now)]
        rule = Signal(SelectionRule(p))
        with m.If(resting):
            m.d.sync += [rule.eq(rules[working]), count.eq(words_waiting[working])]

        # Walk over the words: the address goes to the memory, the word is compared four cycles later.
        trial, last_bit = Signal(p.score_width), Signal()   # `trial[0]`, in a register of its own
        prime, walk, decide, choose_start = Signal(), Signal(), Signal(), Signal()
        segment, place = Signal(p.segment_bits), Signal(range(max(2, p.max_passes)))
        choosing, next_word, start_over = Signal(), Signal(), Signal()
        address, walk_end = counter(m, (count - 1)[:len(count)], next_word, start_over, "address")
        # Words of a segment that delivers a key more, and of another. What comes last is known beforehand.
        larger, smaller, next_size, place_before = (
            Signal(range(p.max_passes + 2), name=name) for name in ("larger", "smaller", "next_size", "place_before"))
        next_more, some, last_place, last_segment, segment_end = Signal(), Signal(), Signal(), Signal(), Signal()
        m.d.sync += [larger.eq((rule.segment_keys + 4) >> 2), smaller.eq((rule.segment_keys + 3) >> 2)]
        m.d.comb += [segment_end.eq(choosing & last_place), next_size.eq(Mux(next_more, larger, smaller))]
        with m.If(~choosing | segment_end):
            m.d.sync += [place.eq(0), some.eq(next_size != 0), last_place.eq(next_size < 2),
                         place_before.eq(next_size - 2)]
        with m.Else():
            m.d.sync += [place.eq(place + 1), last_place.eq(place == place_before)]
        with m.If(segment_end):
            m.d.sync += [segment.eq(segment + 1), last_segment.eq(segment + 2 == rule.segments),
                         next_more.eq(segment + 2 < rule.extra_segments)]
        with m.Elif(~choosing):
            m.d.sync += [segment.eq(0), last_segment.eq(rule.segments == 1),
                         next_more.eq(Mux(choose_start, rule.extra_segments > 1, rule.extra_segments != 0))]
        with m.FSM() as fsm:
            # The words are counted from when their number is known.
            m.d.comb += [resting.eq(fsm.ongoing("IDLE")), next_word.eq(walk | (choosing & some)),
                         start_over.eq(resting | fsm.ongoing("RULE") | fsm.ongoing("PRIME"))]
            with m.State("IDLE"):
                with m.If((stored != 0) & ~dense_group):
                    m.next = "RULE"
                with m.Elif(stored != 0):
                    m.next = "FINISH"
            with m.State("RULE"):
                m.next = "PRIME"
            with m.State("PRIME"):
                m.d.comb += prime.eq(1)
                m.d.sync += [trial.eq(Mux(rule.merge, 1 << (p.score_width - 1), 0)),
                             last_bit.eq(rule.merge & (p.score_width == 1))]
                m.next = "START"
                with m.If(rule.merge):
                    m.next = "DECIDE"
            with m.State("SEARCH"):
                m.d.comb += walk.eq(1)
                with m.If(walk_end):
                    m.next = "COUNT"
            with m.State("COUNT"):
                m.next = "NEXT-COUNT"
            with m.State("NEXT-COUNT"):
                m.next = "LAST-COUNT"
            with m.State("LAST-COUNT"):
                m.next = "DECIDE"
            with m.State("DECIDE"):
                # The next walk begins: its first word is compared when this bit is settled.
                m.d.comb += [decide.eq(1), walk.eq(~last_bit)]
                m.d.sync += [trial.eq(trial >> 1), last_bit.eq(trial[1:2])]
                m.next = "SEARCH"
                with m.If(last_bit):
                    m.next = "START"
                with m.Elif(walk_end):
                    m.next = "COUNT"
            with m.State("START"):
                with m.If((masked < p.held_groups) & self.record.ready):
                    m.d.comb += [choose_start.eq(1), taken.eq(1)]
                    m.next = "CHOOSE"
            with m.State("CHOOSE"):
                m.d.comb += choosing.eq(1)
                with m.If(last_place & last_segment):
                    m.next = "DRAIN"
            with m.State("DRAIN"):
                # `finish` comes with the last mask.
                with m.If(finish):
                    m.next = "IDLE"
            with m.State("FINISH"):
                m.d.comb += taken.eq(finish)
                with m.If(finish):
                    m.next = "IDLE"

        # The lanes follow a cycle later. What accompanies a word through them:
        compared = 4
        count_word = delay(m, walk, compared, "count")
        choose, first, last = (delay(m, choosing & value, compared, name) for value, name in (
            (some, "choose"), (place == 0, "first"), (last_place, "last")))
        segment_c = delay(m, segment, compared, "segment")
        end_c = delay(m, choosing & last_place & last_segment, compared, "end")

        # A dense key takes the place of a compared word.
        dense_segment = Signal(p.segment_bits)
        dense_first = self.dense_position == 0
        with m.If(self.dense_valid & self.dense_segment_end):
            m.d.sync += dense_segment.eq(Mux(self.dense_end, 0, dense_segment + 1))
        mask_last = Mux(self.dense_valid, self.dense_segment_end, last)
        mask_end = Mux(self.dense_valid, self.dense_end, end_c)
        mask_segment = Mux(self.dense_valid, dense_segment, segment_c)
        mask_write, mask_end_o, mask_segment_o = (delay(m, value, MASK_DELAY, name) for value, name in (
            (mask_last, "mask_write"), (mask_end, "mask_end"), (mask_segment, "mask_segment")))
        m.d.comb += finish.eq(mask_write & mask_end_o)
        with m.If(finish):
            m.d.sync += [writing.eq(writing + 1), working.eq(~working)]
        read_address, prime_lane, trial_lane, decide_lane, choose_start_lane = (
            delay(m, value, 1, name) for value, name in (
                (Cat(address[:address_bits], working), "read_address"), (prime, "prime"), (trial, "trial"),
                (decide, "decide"), (choose_start | (self.reserve & self.rule.dense), "choose_start")))

        totals, origins = Signal(self.group.totals.shape()), Signal(self.group.origins.shape())
        best = Signal(data.ArrayLayout(p.score_width, p.batches))
        lanes = []
        for tree in range(p.trees):
            sorter, turn = divmod(tree, p.trees_per_sorter)
            m.submodules[f"lane{tree}"] = lane = shared(SelectLane, p)
            lanes.append(lane)
            m.d.comb += [
                lane.kept.eq(rule.kept),
                lane.candidates.as_value().eq(self.candidates[sorter].as_value()),
                lane.write_enable.eq(self.candidates_valid[turn]),
                lane.write_address.eq(Cat(words_stored[:address_bits], filling)),
                lane.read_address.eq(read_address), lane.stored.eq(self.row_end),
                lane.prime.eq(prime_lane), lane.trial.eq(trial_lane), lane.count.eq(count_word),
                lane.decide.eq(decide_lane), lane.choose_start.eq(choose_start_lane),
                lane.choose.eq(choose),
                lane.choose_first.eq(Mux(self.dense_valid, dense_first, first)),
                lane.dense.eq(self.dense_valid), lane.dense_key.eq(self.dense_keys[tree]),
                lane.dense_place.eq(self.dense_position),
                lane.mask_write.eq(mask_write), lane.mask_segment.eq(mask_segment_o), lane.mask_bank.eq(writing),
                lane.read_enable.eq(self.group.read_enable), lane.read_segment.eq(self.group.read_segment),
                lane.read_bank.eq(reading),
                self.group.masks[tree].as_value().eq(lane.mask.as_value()),
                self.record.keys[tree].eq(lane.mask_keys),
            ]
            m.d.comb += totals[tree].eq(lane.total)
        # The lanes are far apart: their best candidates are compared a cycle later.
        comes, origin = delay(m, choose & first, 1, "comes"), delay(m, segment_c, 1, "origin", payload=True)
        for batch in range(p.batches):
            score = delay(m, lanes[batch * p.batch_rows].head_score, 1, f"score{batch}", payload=True)
            with m.If(choose_start_lane):
                m.d.sync += [best[batch].eq(0), origins[batch].eq(0)]
            with m.Elif(comes & (score > best[batch])):
                m.d.sync += [best[batch].eq(score), origins[batch].eq(origin)]
        m.submodules.results = results = shared(RegisterFile, totals.shape().size + origins.shape().size, p.held_groups)
        m.d.comb += [
            results.write_enable.eq(finish), results.write_address.eq(writing),
            results.write_data.eq(Cat(totals, origins)), results.read_address.eq(reading),
            Cat(self.group.totals, self.group.origins).eq(results.read_data),
            self.record.tokens.eq(rule.tokens), self.record.half.eq(rule.half),
            self.record.valid.eq(mask_write), self.record.segment.eq(mask_segment_o), self.record.end.eq(finish),
        ]
        return m
