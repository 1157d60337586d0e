"""The list of keys that a row keeps: quota or merge of its candidates (SADS with borrowed quota)."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from hw.shared import shared
from hw.stream.block_memory import BlockMemory

from .key_list import KeyList, ListedKey
from .segment_sorter import Candidate

__all__ = ["RowLane", "RowRule"]


class RowRule(data.StructLayout):
    """How to choose among a row's candidates: all of them (quota), or the best ``kept`` (merge)."""

    def __init__(self, parameters):
        p = parameters
        super().__init__({
            "merge": 1,
            "kept": bits_for(p.max_keys),
            "segment_keys": bits_for(p.max_segment_keys),
            "extra_segments": bits_for(p.max_segments),
        })


class RowLane(wiring.Component):
    """Hold a row's candidates, find the score that the best ``kept`` of them reach, and list those.

    Candidates come in words of four, in descending order within their segment. For `merge` the threshold is
    found two bits at a time, from the top: each of ``score_width / 2`` walks over the candidates counts how
    many reach three trial thresholds. Then the accepted keys are written to the list, segment after segment,
    starting with the segment that holds the row's best candidate and going round; of those that equal the
    threshold, the first ones, so that exactly ``min(kept, candidates)`` are listed. A segment's accepted keys
    are its best ones: the first of each segment leads.

    W words take ``(W + 3) * score_width / 2`` cycles to search and at most ``W + kept`` to list, in the shadow
    of the next row's prediction: there is room for two rows.

    Members
    -------
    reserve : In(1)
        Pulse: a row with `rule` will come.
    rule : In(RowRule)
    free, idle : Out(1)
        A row can be reserved; no row is held.
    candidates, candidates_valid, first : In
        Four candidates of a segment, and whether they are its best ones.
    row_end : In(1)
        Pulse: the row is complete.
    dense, dense_valid, dense_end : In
        Key to list without selection, when idle; end of its row.
    dense_stall : Out(1)
        Nearly no room in the list.
    o : Out(stream of ListedKey)
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "reserve": In(1),
            "rule": In(RowRule(p)),
            "free": Out(1),
            "idle": Out(1),
            "candidates": In(data.ArrayLayout(Candidate(p), 4)),
            "candidates_valid": In(1),
            "first": In(1),
            "row_end": In(1),
            "dense": In(p.key_bits),
            "dense_valid": In(1),
            "dense_end": In(1),
            "dense_stall": Out(1),
            "o": Out(stream.Signature(ListedKey(p))),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        words = p.max_segments * p.max_passes
        address_bits = max(1, ceil_log2(words))
        word_layout = data.ArrayLayout(Candidate(p), 4)
        m.submodules.ram = ram = shared(BlockMemory, word_layout.size, 2 << address_bits)
        fetched_candidates = Signal(word_layout)
        m.d.comb += fetched_candidates.eq(ram.read_data)
        m.submodules.list = key_list = shared(KeyList, p)
        wiring.connect(m, wiring.flipped(self.o), key_list.o)
        m.d.comb += self.dense_stall.eq(key_list.nearly_full)

        # Two rows: one being filled, one being listed.
        reserved = Signal(range(3))
        complete = Signal(range(3))
        finish = Signal()
        filling, listing, reserving = Signal(), Signal(), Signal()
        count = Signal(data.ArrayLayout(bits_for(words), 2))
        rules = Signal(data.ArrayLayout(RowRule(p), 2))
        # Where the segment with the row's best candidate begins.
        origin = data.StructLayout({"score": p.score_width, "word": address_bits,
                                    "segment": ceil_log2(p.max_segments)})
        origins = Signal(data.ArrayLayout(origin, 2))
        filled_segment = Signal(bits_for(p.max_segments))
        m.d.comb += [self.free.eq(reserved < 2), self.idle.eq(reserved == 0)]
        m.d.sync += [reserved.eq(reserved + self.reserve - finish), complete.eq(complete + self.row_end - finish)]
        with m.If(self.reserve):
            m.d.sync += [rules[reserving].eq(self.rule), reserving.eq(~reserving),
                         count[reserving].eq(0), origins[reserving].eq(0)]
        m.d.comb += [
            ram.write_enable.eq(self.candidates_valid),
            ram.write_address.eq(Cat(count[filling][:address_bits], filling)),
            ram.write_data.eq(self.candidates),
        ]
        with m.If(self.candidates_valid):
            m.d.sync += count[filling].eq(count[filling] + 1)
            with m.If(self.first):
                m.d.sync += filled_segment.eq(filled_segment + 1)
                with m.If(self.candidates[0].score > origins[filling].score):
                    m.d.sync += [origins[filling].score.eq(self.candidates[0].score),
                                 origins[filling].word.eq(count[filling]),
                                 origins[filling].segment.eq(filled_segment)]
        with m.If(self.row_end):
            m.d.sync += [filling.eq(~filling), filled_segment.eq(0)]

        rule, begin = Signal(RowRule(p)), Signal(origin)
        total = Signal(bits_for(words))
        m.d.comb += [rule.eq(rules[listing]), begin.eq(origins[listing]), total.eq(count[listing])]

        # Search: how many candidates reach each of three trial thresholds?
        digits = p.score_width // 2
        threshold = Signal(p.score_width)
        above = Signal(bits_for(4 * words))                  # candidates above the threshold
        digit = Signal(range(digits))
        address = Signal(address_bits + 1)
        counted = [Signal(bits_for(4 * words), name=f"reach{trial}") for trial in (1, 2, 3)]
        trial = [Signal(p.score_width, name=f"trial{number}") for number in (1, 2, 3)]
        for number in (1, 2, 3):
            with m.Switch(digit):
                for place in range(digits):
                    with m.Case(place):
                        m.d.comb += trial[number - 1].eq(threshold | (number << (2 * place)))
        fetched = Signal()
        reach = [Signal(range(5), name=f"reaching{number}") for number in (1, 2, 3)]
        fetched_2 = Signal()
        m.d.sync += fetched_2.eq(fetched)
        for number in range(3):
            m.d.sync += reach[number].eq(sum(fetched_candidates[rank].score >= trial[number] for rank in range(4)))
            with m.If(fetched_2):
                m.d.sync += counted[number].eq(counted[number] + reach[number])

        # Listing: the accepted of one word at a time.
        ties = Signal(bits_for(4 * words))                   # candidates at the threshold still to be accepted
        segment = Signal(bits_for(p.max_segments))
        segment_words = Signal(range(p.max_passes + 1))
        first_word = Signal()
        word = [Signal(p.key_bits, name=f"word{rank}") for rank in range(4)]
        left = Signal(range(5))                              # accepted keys of the word not yet listed
        rank = Signal(range(4))
        first, pair = Signal(), Signal()
        accept = Signal(4)
        tied = Signal(4)
        at_threshold = [fetched_candidates[index].score == threshold for index in range(4)]
        for index in range(4):
            score = fetched_candidates[index].score
            before = sum(at_threshold[:index]) if index else 0
            m.d.comb += [
                tied[index].eq(at_threshold[index] & rule.merge),
                accept[index].eq((score != 0) & (~rule.merge | (score > threshold)
                                                 | (at_threshold[index] & (before < ties)))),
            ]
        accepted = sum(accept)
        accepted_ties = sum(tied & accept)

        entry = key_list.entry
        push_key = Signal()
        taken = key_list.ready
        chosen = Signal(p.key_bits)
        with m.Switch(rank):
            for index in range(4):
                with m.Case(index):
                    m.d.comb += chosen.eq(word[index])
        remaining = Signal(bits_for(words))                   # words not yet taken over, one of them fetched
        m.d.comb += [
            entry.key.eq(chosen),
            entry.lead.eq(first & (rank < p.ensure)),
            entry.pair.eq(first & pair & (rank == 0)) if p.ensure > 1 else entry.pair.eq(0),
            push_key.eq(left != 0),
            key_list.valid.eq(push_key),
        ]
        word_free = Signal()
        m.d.comb += word_free.eq((left == 0) | ((left == 1) & taken))
        with m.If(push_key & taken):
            m.d.sync += [left.eq(left - 1), rank.eq(rank + 1)]

        def segment_size(index):
            """Words of a segment: ceil of its keys / 4."""
            keys = rule.segment_keys + (index < rule.extra_segments)
            return (keys + 3)[2:]

        m.d.comb += [ram.read_address.eq(Cat(address[:address_bits], listing)), ram.read_enable.eq(1)]
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [threshold.eq(0), above.eq(0), digit.eq(digits - 1), address.eq(0)]
                m.d.sync += [value.eq(0) for value in counted]
                with m.If(complete != 0):
                    m.next = "SEARCH"
                    with m.If(~rule.merge):
                        m.next = "START"
                with m.Elif(self.dense_valid):
                    m.d.comb += [entry.key.eq(self.dense), entry.lead.eq(1), entry.pair.eq(0),
                                 key_list.valid.eq(1)]
                with m.Elif(self.dense_end):
                    m.d.comb += [entry.end.eq(1), key_list.valid.eq(1)]
            with m.State("SEARCH"):
                m.d.sync += fetched.eq(address < total)
                with m.If(address < total):
                    m.d.sync += address.eq(address + 1)
                with m.Elif(~fetched & ~fetched_2):
                    m.next = "DECIDE"
            with m.State("DECIDE"):
                for number, upper in ((3, above), (2, counted[2]), (1, counted[1]), (0, counted[0])):
                    enough = (counted[number - 1] >= rule.kept) if number else 1
                    condition = m.If if number == 3 else m.Elif
                    with condition(enough):
                        m.d.sync += above.eq(upper)
                        if number:
                            m.d.sync += threshold.eq(trial[number - 1])
                m.d.sync += [value.eq(0) for value in counted]
                m.d.sync += address.eq(0)
                with m.If(digit == 0):
                    m.next = "START"
                with m.Else():
                    m.d.sync += digit.eq(digit - 1)
                    m.next = "SEARCH"
            with m.State("START"):
                # The memory is asked for the first word; `address` is the one after it.
                m.d.comb += ram.read_address.eq(Cat(begin.word, listing))
                m.d.sync += [ties.eq(rule.kept - above), segment.eq(begin.segment),
                             segment_words.eq(segment_size(begin.segment)), first_word.eq(1),
                             address.eq(Mux(begin.word + 1 == total, 0, begin.word + 1)),
                             remaining.eq(total)]
                m.next = "LIST"
            with m.State("LIST"):
                with m.If(remaining != 0):
                    # Hold the word that the memory shows until it can be taken over.
                    m.d.comb += ram.read_enable.eq(word_free)
                    with m.If(word_free):
                        m.d.sync += [address.eq(Mux(address + 1 == total, 0, address + 1)),
                                     remaining.eq(remaining - 1),
                                     left.eq(accepted), rank.eq(0), ties.eq(ties - accepted_ties),
                                     first.eq(first_word), pair.eq(accept[1])]
                        m.d.sync += [word[index].eq(fetched_candidates[index].key) for index in range(4)]
                        m.d.sync += [segment_words.eq(segment_words - 1), first_word.eq(0)]
                        with m.If(address == 0):
                            m.d.sync += [segment.eq(0), segment_words.eq(segment_size(0)), first_word.eq(1)]
                        with m.Elif(segment_words == 1):
                            m.d.sync += [segment.eq(segment + 1), segment_words.eq(segment_size(segment + 1)),
                                         first_word.eq(1)]
                with m.Elif(left == 0):
                    m.d.comb += [entry.end.eq(1), key_list.valid.eq(1)]
                    with m.If(taken):
                        m.d.comb += finish.eq(1)
                        m.d.sync += listing.eq(~listing)
                        m.next = "IDLE"
        return m
