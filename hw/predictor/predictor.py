"""The prediction stage: scores of a group of rows against one key after the other, without a multiplier."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.shared import shared
from hw.stream.delay import delay
from hw.stream.lane_memory import LaneMemory
from hw.stream.select import select

from .query_code import QueryCode, QueryEncoder
from .shift_tree import ShiftTree, add_with_carry
from .sweep import Slot

__all__ = ["Predictor", "ScoreSlot", "predictor_latency"]

MASK_WORD = 16


def predictor_latency(parameters):
    """Cycles from a slot to its scores: memory, shift, adder tree, fold sum, scaling."""
    return 1 + 1 + ceil_log2(parameters.tree_lanes) + 1 + 1


class ScoreSlot(data.StructLayout):
    """Scores of one key for all rows of a group; 0 is the score of a masked key or an absent row."""

    def __init__(self, parameters):
        p = parameters
        super().__init__({
            "scores": data.ArrayLayout(unsigned(p.score_width), p.trees),
            "allowed": p.trees,
            "position": p.position_bits,
            "segment_end": 1,
            "row_end": 1,
        })


class _Lane(wiring.Component):
    """One predictor tree with the codes of its rows, the sum over folds, and the scaling to a score.

    ``score = clip(sum >> predict_shift) + 2^(score_width - 1)``, between 1 and ``2^score_width - 1``; 0 where
    the key may not be seen.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "write_enable": In(1),
            "write_slot": In(range(p.group_slots)),
            "write_part": In(max(1, ceil_log2(p.tree_folds * p.tree_lanes // p.encoders))),
            "write_codes": In(data.ArrayLayout(QueryCode(p.code_levels), p.encoders)),
            "read_slot": In(range(p.group_slots)),
            "read_fold": In(max(1, ceil_log2(p.tree_folds))),
            "keys": In(data.ArrayLayout(signed(p.khat_width), p.tree_lanes)),
            "last_fold": In(1),
            "shift": In(p.predict_shift_bits),
            "allowed": In(1),
            "score": Out(p.score_width),
            "saturated": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        m.submodules.codes = codes = LaneMemory(p.group_slots, p.tree_folds, p.tree_lanes, p.encoders, p.code_bits)
        m.submodules.tree = tree = ShiftTree(p.tree_lanes, p.khat_width, p.code_levels, p.predict_width)
        m.d.comb += [
            codes.write_enable.eq(self.write_enable),
            codes.write_vector.eq(self.write_slot),
            codes.write_beat.eq(self.write_part),
            codes.write_data.as_value().eq(self.write_codes.as_value()),
            codes.read_enable.eq(1),
            codes.read_vector.eq(self.read_slot),
            codes.read_fold.eq(self.read_fold),
            tree.keys.eq(self.keys),
            tree.codes.as_value().eq(codes.read_data.as_value()),
        ]
        # The sum over the folds so far is cleared behind the last one, so that the adder needs no gate before it.
        before, total, summed = (Signal(signed(p.predict_width), name=name) for name in ("before", "total", "summed"))
        m.d.comb += summed.eq(add_with_carry(before, tree.o, tree.carry, p.predict_width))
        m.d.sync += total.eq(summed)
        with m.If(self.last_fold):
            m.d.sync += before.eq(0)
        with m.Else():
            m.d.sync += before.eq(summed)

        # In range are the sums whose upper bits are all copies of the sign; the lowest of them would be score 0.
        scaled = Signal(signed(p.predict_width))
        m.d.comb += scaled.eq(total >> self.shift)
        low, negative = Signal(p.score_width), scaled[-1]
        upper = scaled[p.score_width - 1:] if p.predict_width >= p.score_width else negative
        m.d.comb += low.eq(scaled + (1 << (p.score_width - 1)))
        beyond = Signal()
        m.d.comb += beyond.eq(~((upper == 0) | upper.all()) | (low == 0))
        with m.If(~self.allowed):
            m.d.sync += [self.score.eq(0), self.saturated.eq(0)]
        with m.Else():
            m.d.sync += [self.score.eq(Mux(beyond, Mux(negative, 1, (1 << p.score_width) - 1), low)),
                         self.saturated.eq(beyond)]
        return m


class Predictor(wiring.Component):
    """Predicted scores of ``trees`` rows, one key (or one fold of it) a cycle.

    ``sum[r] = sum_c code[r, c] * khat[key, c]`` with shift-and-add elements; see :class:`ShiftTree`. The key
    memory holds the upper ``khat_width`` bits of the key elements.

    Members
    -------
    write_* : In
        Beats from the loader: keys to the key memory, queries through the encoders to the lane of their row, the
        elements of part after part of a beat.
    mask_* : In
        16-bit words of the mask to the lane of their row.
    slot, slot_valid, group_slot, group_row, present : In
        From :class:`Sweep`.
    causal, mask, dense, half, predict_shift : In
        Of the task being walked.
    o, o_valid : Out(ScoreSlot), Out(1)
        Scores, ``predictor_latency`` cycles after the slot.
    saturated : Out(trees)
        Rows whose score was clipped to the range of a score in this cycle.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        self.latency = predictor_latency(p)
        beats = max(1, ceil_log2(-(-p.max_head_dim // p.elements_per_beat)))
        super().__init__({
            "write_key": In(1),
            "write_query": In(1),
            "write_vector": In(p.key_bits),
            "write_slot": In(range(p.group_slots)),
            "write_tree": In(max(1, ceil_log2(p.trees))),
            "write_beat": In(beats),
            "write_part": In(max(1, ceil_log2(p.query_parts))),
            "write_data": In(data.ArrayLayout(signed(p.element_width), p.elements_per_beat)),
            "code_base": In(4),
            "mask_enable": In(1),
            "mask_word": In(p.key_bits - 4),
            "mask_data": In(MASK_WORD),
            "slot": In(Slot(p)),
            "slot_valid": In(1),
            "group_slot": In(range(p.group_slots)),
            "group_row": In(16),
            "present": In(p.trees),
            "causal": In(1),
            "mask": In(1),
            "dense": In(1),
            "half": In(1),
            "predict_shift": In(p.predict_shift_bits),
            "o": Out(ScoreSlot(p)),
            "o_valid": Out(1),
            "saturated": Out(p.trees),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        latency = self.latency

        m.submodules.khat = khat = LaneMemory(p.max_keys, p.tree_folds, p.tree_lanes, p.elements_per_beat,
                                              p.khat_width)
        m.d.comb += [
            khat.write_enable.eq(self.write_key),
            khat.write_vector.eq(self.write_vector),
            khat.write_beat.eq(self.write_beat),
            khat.read_enable.eq(1),
            khat.read_vector.eq(half_address(self.slot.key, self.half)),
            khat.read_fold.eq(self.slot.fold),
        ]
        for element in range(p.elements_per_beat):
            m.d.comb += khat.write_data[element].eq(self.write_data[element][p.element_width - p.khat_width:])

        # A beat of a query stays while its elements are converted, `encoders` a cycle.
        codes = Signal(data.ArrayLayout(QueryCode(p.code_levels), p.encoders))
        for index in range(p.encoders):
            m.submodules[f"encoder{index}"] = encoder = shared(QueryEncoder, p.element_width, p.query_code_width,
                                                               p.code_levels)
            m.d.comb += [
                encoder.element.eq(select(self.write_part[:ceil_log2(p.query_parts)],
                                          [self.write_data[part * p.encoders + index]
                                           for part in range(p.query_parts)])),
                encoder.base.eq(self.code_base),
                codes[index].eq(encoder.code),
            ]

        # Queries are filled with zeros up to the lanes of attention, of which there may be more.
        in_tree = self.write_beat < p.tree_folds * p.tree_lanes // p.elements_per_beat

        # Where a key may not be seen the tree computes on, and its score is replaced by 0 at the end.
        last_fold = delay(m, ~self.slot_valid | self.slot.last_fold, latency - 2, "last_fold")
        allowed = Signal(p.trees)
        key_1, valid_1 = Signal(p.key_bits), Signal()
        row_1, present_1 = Signal(16), Signal(p.trees)
        m.d.sync += [key_1.eq(self.slot.key), valid_1.eq(self.slot_valid), row_1.eq(self.group_row),
                     present_1.eq(self.present)]
        # Causal: key <= row + tree. The distance to the group's first row is the same for all.
        distance, near = Signal(signed(18)), ceil_log2(p.trees)
        m.d.comb += distance.eq(key_1 - row_1)
        close = distance[near:] == 0
        for tree in range(p.trees):
            m.submodules[f"lane{tree}"] = lane = shared(_Lane, p)
            m.submodules[f"mask{tree}"] = mask = LaneMemory(
                p.group_slots << (p.key_bits - 4), 1, MASK_WORD, MASK_WORD, 1)
            chosen = self.write_tree == tree
            m.d.comb += [
                lane.write_enable.eq(self.write_query & chosen & in_tree),
                lane.write_slot.eq(self.write_slot),
                lane.write_part.eq(Cat(self.write_part[:ceil_log2(p.query_parts)], self.write_beat)),
                lane.write_codes.eq(codes),
                lane.read_slot.eq(self.group_slot),
                lane.read_fold.eq(self.slot.fold),
                lane.keys.as_value().eq(khat.read_data.as_value()),
                lane.last_fold.eq(last_fold),
                lane.shift.eq(self.predict_shift),
                mask.write_enable.eq(self.mask_enable & chosen),
                mask.write_vector.eq((self.write_slot << (p.key_bits - 4)) | self.mask_word),
                mask.write_data.as_value().eq(self.mask_data),
                mask.read_enable.eq(1),
                mask.read_vector.eq((self.group_slot << (p.key_bits - 4)) | self.slot.key[4:]),
            ]
            seen = mask.read_data.as_value().bit_select(key_1[:4], 1)
            past = distance[-1] | (close & (1 if tree + 1 == 1 << near else distance[:near] <= tree))
            m.d.comb += allowed[tree].eq(
                valid_1 & present_1[tree] & (seen | ~self.mask) & (~self.causal | past))
            allowed_o = delay(m, allowed[tree], latency - 2, f"allowed{tree}")
            m.d.comb += [
                lane.allowed.eq(allowed_o),
                self.o.scores[tree].eq(lane.score),
                self.o.allowed[tree].eq(delay(m, allowed_o, 1, f"allowed_o{tree}")),
                self.saturated[tree].eq(lane.saturated & self.o_valid & ~self.dense),
            ]
        finished = self.slot_valid & self.slot.last_fold
        m.d.comb += [
            self.o_valid.eq(delay(m, finished, latency, "valid")),
            self.o.position.eq(delay(m, self.slot.position, latency, "position")),
            self.o.segment_end.eq(delay(m, self.slot.segment_end, latency, "segment_end")),
            self.o.row_end.eq(delay(m, self.slot.row_end, latency, "row_end")),
        ]
        return m


def half_address(key, half):
    """Address of a key in a memory of two halves: a task that uses half 1 has keys below the middle only."""
    return key | (half << (len(key) - 1))
