"""One row's candidates: which of them the row keeps, as a mask of keys for each segment."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from hw.shared import shared
from hw.stream.block_memory import BlockMemory
from hw.stream.delay import delay
from hw.stream.select import any_of

from .key_mask import MASKS_LATENCY, KeyMask
from .segment_sorter import Candidate

__all__ = ["MASK_DELAY", "SelectLane"]

#: Cycles from the choice from a word to the mask with it.
MASK_DELAY = 4


class SelectLane(wiring.Component):
    """Data path of :class:`RowSelect` for one row; all lanes of a slice follow the same control.

    A word of four candidates passes through in stages: the memory (two), comparison with `reference` (the threshold,
    with the trial bit while searching), count or choice of those above, choice among equals, places, mask.

    Members
    -------
    kept : In
        Keys to keep of the row at work.
    candidates, write_enable, write_address : In
        A word to store.
    read_address : In
        Word to fetch.
    stored : In(1)
        Pulse: the row's last word is being stored, or has been.
    prime : In(1)
        Start with a threshold of 0, which keeps all candidates. The read address names the row since a cycle before.
    trial : In(score_width)
        Bit of the threshold on trial (one-hot), 0 while choosing.
    count, decide : In(1)
        Count the compared word; settle the trial bit. The uppermost bit is settled by what was counted while
        storing.
    choose_start, choose, choose_first : In(1)
        Start to choose; choose from the compared word; it is its segment's first, or the segment has no word.
    dense, dense_key, dense_place : In
        Take one key instead of a word: whether it may be seen, and its position. Its segment's leading key is the
        first.
    mask_write, mask_segment, mask_bank : In
        Store the mask of the segment, ``MASK_DELAY`` cycles after its last word was chosen from.
    head_score : Out(score_width)
        Score of the first candidate of the compared word.
    total : Out
        Keys chosen since `choose_start`; complete with the last mask.
    mask_keys : Out(tile)
        Mask being stored.
    read_enable, read_segment, read_bank : In
    mask : Out(KeyMask)
        Stored mask; see :class:`~hw.sorter.key_mask.GroupMasks`.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        words = 2 << max(1, ceil_log2(p.max_segments * p.max_passes))
        super().__init__({
            "kept": In(bits_for(p.max_keys)),
            "candidates": In(data.ArrayLayout(Candidate(p), 4)),
            "write_enable": In(1),
            "write_address": In(range(words)),
            "read_address": In(range(words)),
            "stored": In(1),
            "prime": In(1),
            "trial": In(p.score_width),
            "count": In(1),
            "decide": In(1),
            "choose_start": In(1),
            "choose": In(1),
            "choose_first": In(1),
            "dense": In(1),
            "dense_key": In(1),
            "dense_place": In(p.position_bits),
            "mask_write": In(1),
            "mask_segment": In(p.segment_bits),
            "mask_bank": In(range(p.held_groups)),
            "head_score": Out(p.score_width),
            "total": Out(bits_for(p.max_keys)),
            "mask_keys": Out(p.tile),
            "read_enable": In(1),
            "read_segment": In(p.segment_bits),
            "read_bank": In(range(p.held_groups)),
            "mask": Out(KeyMask(p)),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        word = data.ArrayLayout(Candidate(p), 4)
        count_width = bits_for(4 * p.max_segments * p.max_passes)
        m.submodules.ram = ram = shared(BlockMemory, word.size, 1 << len(self.write_address), latency=2,
                                         vendor=p.vendor)
        fetched = Signal(word)
        m.d.comb += [
            ram.write_enable.eq(self.write_enable), ram.write_address.eq(self.write_address),
            ram.write_data.eq(self.candidates), ram.read_enable.eq(1), ram.read_address.eq(self.read_address),
            fetched.eq(ram.read_data),
        ]

        # The rule's number is there long before it counts.
        kept = delay(m, self.kept, 1, "own_kept", payload=True, apart=True)

        # While storing: how many candidates have the uppermost bit of the score? Two rows may wait for their search.
        upper, upper_now, held = Signal(count_width), Signal(count_width), Signal(data.ArrayLayout(count_width, 2))
        reached, stored, storing = Signal(range(5)), delay(m, self.stored, 1, "stored"), Signal()
        m.d.sync += [reached.eq(sum(self.candidates[rank].score[-1] & self.write_enable for rank in range(4))),
                     storing.eq(self.write_address[-1]), upper.eq(upper_now)]
        m.d.comb += upper_now.eq(upper + reached)
        with m.If(stored):
            m.d.sync += [held[storing].eq(upper_now), upper.eq(0)]

        # Compare.
        threshold, reference = Signal(p.score_width), Signal(p.score_width)
        m.d.comb += reference.eq(threshold | self.trial)
        compared = Signal(word)
        below, equal, reaching = Signal(4), Signal(4), Signal(3)
        m.d.sync += compared.eq(fetched)
        now_below, now_equal = (Cat(value) for value in zip(*(
            (fetched[rank].score < reference, fetched[rank].score == reference) for rank in range(4)), strict=True))
        m.d.sync += [below.eq(now_below), equal.eq(now_equal)]
        m.d.comb += [self.head_score.eq(compared[0].score), reaching.eq(sum(~below))]

        # Search: the threshold from its uppermost bit down. `spare` is what is left of `kept` over the trial.
        spare = Signal(signed(max(count_width, len(kept)) + 1))
        fewer, upper_read, enough = Signal.like(spare), Signal(count_width), Signal()
        m.d.sync += upper_read.eq(held[self.read_address[-1]])
        m.d.comb += [enough.eq(spare[-1] | (spare == 0)),
                     fewer.eq(Mux(self.prime, kept, spare) - Mux(self.prime, upper_read, reaching))]
        with m.If(self.decide):
            m.d.sync += spare.eq(kept)
        with m.Elif(self.prime | self.count):
            m.d.sync += spare.eq(fewer)
        with m.If(self.prime):
            m.d.sync += threshold.eq(0)
        with m.Elif(self.decide & enough):
            m.d.sync += threshold.eq(reference)

        # Choose: all over the threshold, and of those that equal it the first ones. At threshold 0 there are none.
        above, equal_2, equals_2, tied = Signal(4), Signal(4), Signal(3), Signal()
        from_equals = self.choose & ~self.dense
        m.d.sync += [
            above.eq(Mux(self.dense, self.dense_key, Mux(self.choose, ~below & ~equal, 0))),
            equal_2.eq(Mux(from_equals, equal, 0)), equals_2.eq(Mux(from_equals, sum(equal), 0)),
            tied.eq(threshold != 0),
        ]
        # How many more may equal the threshold; negative when there have been more.
        ties = Signal(signed(bits_for(p.max_keys) + 1))
        with m.If(self.prime):
            m.d.sync += ties.eq(kept)
        with m.Elif(self.decide & ~enough):
            m.d.sync += ties.eq(spare)
        with m.Else():
            m.d.sync += ties.eq(ties - equals_2)
        accepted, plenty = Signal(4), Signal()
        m.d.comb += plenty.eq(ties[2:-1].any())
        for rank in range(4):
            m.d.sync += accepted[rank].eq(
                above[rank] | (equal_2[rank] & tied & ~ties[-1] & (plenty | (sum(equal_2[:rank]) < ties[:2]))))
        with m.If(self.choose_start):
            m.d.sync += self.total.eq(0)
        with m.Else():
            m.d.sync += self.total.eq(self.total + sum(accepted))

        # Mask of the segment. A dense key is the first of its word, and leads if it is the first of its segment.
        positions = Signal(data.ArrayLayout(p.position_bits, 4))
        m.d.sync += positions.eq(Cat(compared[rank].position for rank in range(4)))
        with m.If(self.dense):
            m.d.sync += [positions[rank].eq(self.dense_place) for rank in range(p.ensure)]
        positions = delay(m, positions, 1, "positions")
        first = delay(m, self.choose_first, MASK_DELAY - 1, "first")
        leads = delay(m, positions[:p.position_bits * p.ensure], 1, "leads")
        hits, gathered = Signal(p.tile), Signal(KeyMask(p))
        for position in range(p.tile):
            m.d.sync += hits[position].eq(any_of([
                accepted[rank] & (positions.word_select(rank, p.position_bits) == position) for rank in range(4)]))
        m.d.sync += gathered.keys.eq((gathered.keys & ~first.replicate(p.tile)) | hits)
        with m.If(first):
            m.d.sync += gathered.leads.eq(leads)
        m.d.comb += self.mask_keys.eq(gathered.keys)
        m.submodules.masks = masks = shared(BlockMemory, KeyMask(p).size, p.held_groups << p.segment_bits,
                                            latency=MASKS_LATENCY, gated=True, vendor=p.vendor)
        m.d.comb += [
            masks.write_enable.eq(self.mask_write),
            masks.write_address.eq(Cat(self.mask_segment, self.mask_bank)),
            masks.write_data.eq(gathered),
            masks.read_enable.eq(self.read_enable),
            masks.read_address.eq(Cat(self.read_segment, self.read_bank)),
            self.mask.as_value().eq(masks.read_data),
        ]
        return m
