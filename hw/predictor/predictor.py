"""The prediction stage: scores of a group of rows against one key after the other, without a multiplier."""

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.shared import shared
from hw.stream.delay import delay
from hw.stream.lane_memory import LaneMemory

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
            "present": p.trees,
            "key": p.key_bits,
            "position": p.position_bits,
            "segment_end": 1,
            "row_end": 1,
        })


class _Lane(wiring.Component):
    """One predictor tree with the codes of its rows, the sum over folds, and the scaling to a score.

    ``score = clip(sum >> predict_shift) + 2^(score_width - 1)``, between 1 and ``2^score_width - 1``.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "write_enable": In(1),
            "write_slot": In(range(p.group_slots)),
            "write_beat": In(max(1, ceil_log2(-(-p.max_head_dim // p.elements_per_beat)))),
            "write_codes": In(data.ArrayLayout(QueryCode(p.code_levels), p.elements_per_beat)),
            "read_slot": In(range(p.group_slots)),
            "read_fold": In(max(1, ceil_log2(p.tree_folds))),
            "keys": In(data.ArrayLayout(signed(p.khat_width), p.tree_lanes)),
            "first_fold": In(1),
            "shift": In(p.predict_shift_bits),
            "score": Out(p.score_width),
            "saturated": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        m.submodules.codes = codes = LaneMemory(p.group_slots, p.tree_folds, p.tree_lanes, p.elements_per_beat,
                                                p.code_bits)
        m.submodules.tree = tree = ShiftTree(p.tree_lanes, p.khat_width, p.code_levels, p.predict_width)
        m.d.comb += [
            codes.write_enable.eq(self.write_enable),
            codes.write_vector.eq(self.write_slot),
            codes.write_beat.eq(self.write_beat),
            codes.write_data.as_value().eq(self.write_codes.as_value()),
            codes.read_enable.eq(1),
            codes.read_vector.eq(self.read_slot),
            codes.read_fold.eq(self.read_fold),
            tree.keys.eq(self.keys),
            tree.codes.as_value().eq(codes.read_data.as_value()),
        ]
        total = Signal(signed(p.predict_width))
        carried = Signal(signed(p.predict_width))
        m.d.comb += carried.eq(Mux(self.first_fold, 0, total))
        m.d.sync += total.eq(add_with_carry(carried, tree.o, tree.carry, p.predict_width))

        scaled = Signal(signed(p.predict_width))
        limit = (1 << (p.score_width - 1)) - 1
        m.d.comb += scaled.eq(total >> self.shift)
        with m.If(scaled > limit):
            m.d.sync += [self.score.eq((1 << p.score_width) - 1), self.saturated.eq(1)]
        with m.Elif(scaled < -limit):
            m.d.sync += [self.score.eq(1), self.saturated.eq(1)]
        with m.Else():
            m.d.sync += [self.score.eq(scaled + (1 << (p.score_width - 1))), self.saturated.eq(0)]
        return m


class Predictor(wiring.Component):
    """Predicted scores of ``trees`` rows, one key (or one fold of it) a cycle.

    ``sum[r] = sum_c code[r, c] * khat[key, c]`` with shift-and-add elements; see :class:`ShiftTree`. The key
    memory holds the upper ``khat_width`` bits of the key elements.

    Members
    -------
    write_* : In
        Beats from the loader: keys to the key memory, queries through the encoders to the lane of their row.
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
        codes = Signal(data.ArrayLayout(QueryCode(p.code_levels), p.elements_per_beat))
        for element in range(p.elements_per_beat):
            value = self.write_data[element]
            m.d.comb += khat.write_data[element].eq(value[p.element_width - p.khat_width:])
            m.submodules[f"encoder{element}"] = encoder = shared(QueryEncoder, p.element_width, p.query_code_width,
                                                                 p.code_levels)
            m.d.comb += [encoder.element.eq(value), encoder.base.eq(self.code_base),
                         codes[element].eq(encoder.code)]

        # Queries are filled with zeros up to the lanes of attention, of which there may be more.
        in_tree = self.write_beat < p.tree_folds * p.tree_lanes // p.elements_per_beat

        # Where a key may not be seen the tree computes on, and its score is replaced by 0 at the end.
        first_fold = delay(m, self.slot.first_fold, latency - 2, "first_fold")
        allowed = Signal(p.trees)
        key_1, valid_1 = Signal(p.key_bits), Signal()
        row_1, present_1 = Signal(16), Signal(p.trees)
        m.d.sync += [key_1.eq(self.slot.key), valid_1.eq(self.slot_valid), row_1.eq(self.group_row),
                     present_1.eq(self.present)]
        for tree in range(p.trees):
            m.submodules[f"lane{tree}"] = lane = shared(_Lane, p)
            m.submodules[f"mask{tree}"] = mask = LaneMemory(
                p.group_slots << (p.key_bits - 4), 1, MASK_WORD, MASK_WORD, 1)
            chosen = self.write_tree == tree
            m.d.comb += [
                lane.write_enable.eq(self.write_query & chosen & in_tree),
                lane.write_slot.eq(self.write_slot),
                lane.write_beat.eq(self.write_beat),
                lane.write_codes.eq(codes),
                lane.read_slot.eq(self.group_slot),
                lane.read_fold.eq(self.slot.fold),
                lane.keys.as_value().eq(khat.read_data.as_value()),
                lane.first_fold.eq(first_fold),
                lane.shift.eq(self.predict_shift),
                mask.write_enable.eq(self.mask_enable & chosen),
                mask.write_vector.eq((self.write_slot << (p.key_bits - 4)) | self.mask_word),
                mask.write_data.as_value().eq(self.mask_data),
                mask.read_enable.eq(1),
                mask.read_vector.eq((self.group_slot << (p.key_bits - 4)) | self.slot.key[4:]),
            ]
            seen = mask.read_data.as_value().bit_select(key_1[:4], 1)
            m.d.comb += allowed[tree].eq(
                valid_1 & present_1[tree] & (seen | ~self.mask) & ((key_1 <= row_1 + tree) | ~self.causal))
            allowed_o = delay(m, allowed[tree], latency - 1, f"allowed{tree}")
            m.d.comb += [
                self.o.scores[tree].eq(Mux(allowed_o, lane.score, 0)),
                self.o.allowed[tree].eq(allowed_o),
                self.saturated[tree].eq(lane.saturated & allowed_o & self.o_valid & ~self.dense),
            ]
        finished = self.slot_valid & (self.slot.last_fold | self.slot.row_end)
        m.d.comb += [
            self.o_valid.eq(delay(m, finished, latency, "valid")),
            self.o.present.eq(delay(m, self.present, latency, "present")),
            self.o.key.eq(delay(m, self.slot.key, latency, "key")),
            self.o.position.eq(delay(m, self.slot.position, latency, "position")),
            self.o.segment_end.eq(delay(m, self.slot.segment_end, latency, "segment_end")),
            self.o.row_end.eq(delay(m, self.slot.row_end, latency, "row_end")),
        ]
        return m


def half_address(key, half):
    """Address of a key in a memory of two halves: a task that uses half 1 has keys below the middle only."""
    return key | (half << (len(key) - 1))
