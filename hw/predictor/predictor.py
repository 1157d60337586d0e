"""The prediction stage: scores of a group of rows against one key after the other, without a multiplier."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.arith import LogCode
from hw.shared import shared
from hw.stream.delay import delay
from hw.stream.lane_memory import LaneMemory
from hw.stream.select import select

from .code_blocks import CodeBlock
from .query_code import QueryCode, QueryEncoder
from .score_lane import SCORE_LATENCY, ScoreLane, TokenSlot
from .shift_tree import tree_latency
from .sweep import Slot

__all__ = ["ENCODE_LATENCY", "KEY_LATENCY", "KhatWrite", "Predictor", "ScoreSlot", "WRITE_LATENCY", "predictor_latency",
           "token_ports"]

MASK_WORD = 16


#: Cycles from a part of a query that is written to its codes.
ENCODE_LATENCY = 1 + QueryEncoder.latency

#: Cycles from a part of a query that is written until its codes can be read.
WRITE_LATENCY = ENCODE_LATENCY + 2

#: Cycles from a slot to the key that the memory shows.
KEY_LATENCY = 2


def operand_latency(parameters):
    """Cycles from a slot to the operands of the trees: memory, and with tokens the choice of the operand."""
    return KEY_LATENCY + (parameters.generator_rows > 0)


def predictor_latency(parameters):
    """Cycles from a slot to its scores: operands, shift and adder tree, sum and scaling."""
    p = parameters
    return operand_latency(p) + tree_latency(p.tree_lanes, p.adder_levels) + SCORE_LATENCY


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


class KhatWrite(data.StructLayout):
    """A beat of predicted key channels."""

    def __init__(self, parameters):
        p = parameters
        super().__init__({
            "vector": p.key_bits,
            "beat": p.beat_bits,
            "data": data.ArrayLayout(signed(p.khat_width), p.elements_per_beat),
        })


def token_ports(parameters):
    """Members of a predictor that predicts keys from tokens."""
    p = parameters
    return {
        "token": In(TokenSlot(p)),
        "token_valid": In(1),
        "token_keys": In(data.ArrayLayout(signed(p.khat_width), p.tree_lanes)),
        "code_block": In(CodeBlock(p)),
        "code_block_valid": In(1),
        "khat_shift": In(5),
        "khat": Out(data.ArrayLayout(signed(p.khat_width), p.khat_columns)),
        "khat_write": In(KhatWrite(p)),
        "khat_write_valid": In(1),
    }


class Predictor(wiring.Component):
    """Predicted scores of ``trees`` rows, one key (or one fold of it) a cycle.

    ``sum[r] = sum_c code[r, c] * khat[key, c]`` with shift-and-add elements; see :class:`ShiftTree`. The key
    memory holds the upper ``khat_width`` bits of the key elements, or what was predicted of them from tokens.

    With `tokens` the same elements also predict keys from tokens (SOFA, phase 1.1): ``khat[key, c] =
    clip((sum_h x[key, h] * code[h, c]) >> khat_shift)``, in as many passes as an 8-bit token has digits of
    ``khat_width - 1`` bits and a weight of 7 octaves has bands of ``code_levels`` ones. ``khat_columns`` channels at a
    time; a sum for each token of a tile is kept at each tree. Scores and sums of tokens may follow one another
    in any order.

    Members
    -------
    write_* : In
        Beats from the loader: keys (`khat`) to the key memory, queries through the encoders to the lane of their
        row, the elements of part after part of a beat.
    mask_* : In
        16-bit words of the mask to the lane of their row.
    slot, slot_valid, group_slot, group_row, present : In
        From :class:`Sweep`.
    causal, mask, dense, half, predict_shift : In
        Of the task being walked.
    token, token_valid, token_keys : In
        A cycle of the key prediction, and ``KEY_LATENCY`` cycles later the digits of its token. In this cycle there is
        no slot.
    code_block, code_block_valid : In
        Weight codes to be stored.
    khat_shift : In(5)
    khat : Out(array of khat_columns)
        Key channels, ``predictor_latency`` cycles after a token slot.
    khat_write, khat_write_valid : In
        Predicted key channels to be stored.
    o, o_valid : Out(ScoreSlot), Out(1)
        Scores, ``predictor_latency`` cycles after the slot.
    saturated : Out(trees)
        Rows whose score was clipped to the range of a score in this cycle.
    """

    def __init__(self, parameters, tokens=False):
        p = self._parameters = parameters
        self._tokens = tokens
        self.latency = predictor_latency(p)
        super().__init__({
            "write_khat": In(1),
            "write_query": In(1),
            "write_vector": In(p.key_bits),
            "write_slot": In(range(p.query_groups)),
            "write_tree": In(max(1, ceil_log2(p.trees))),
            "write_beat": In(p.beat_bits),
            "write_part": In(max(1, ceil_log2(p.query_parts))),
            "write_data": In(data.ArrayLayout(signed(p.element_width), p.elements_per_beat)),
            "code_base": In(4),
            "mask_enable": In(1),
            "mask_word": In(p.key_bits - 4),
            "mask_data": In(MASK_WORD),
            "slot": In(Slot(p)),
            "slot_valid": In(1),
            "group_slot": In(range(p.query_groups)),
            "group_row": In(16),
            "present": In(p.trees),
            "causal": In(1),
            "mask": In(1),
            "dense": In(1),
            "half": In(1),
            "predict_shift": In(p.predict_shift_bits),
            **token_ports(p),
            "o": Out(ScoreSlot(p)),
            "o_valid": Out(1),
            "saturated": Out(p.trees),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        latency = self.latency
        summed = latency - SCORE_LATENCY                     # cycles until a tree shows its sum

        m.submodules.khat = khat = LaneMemory(p.max_keys, p.tree_folds, p.tree_lanes, p.elements_per_beat,
                                              p.khat_width, vendor=p.vendor)
        khat_write, khat_enable = Signal(KhatWrite(p)), Signal()
        m.d.comb += [
            khat_enable.eq(self.write_khat), khat_write.vector.eq(self.write_vector),
            khat_write.beat.eq(self.write_beat),
            khat.read_enable.eq(1),
            khat.read_vector.eq(half_address(self.slot.key, self.half)),
            khat.read_fold.eq(self.slot.fold),
        ]
        for element in range(p.elements_per_beat):
            m.d.comb += khat_write.data[element].eq(self.write_data[element][p.element_width - p.khat_width:])
        keys = Signal(data.ArrayLayout(signed(p.khat_width), p.tree_lanes), reset_less=True)
        code_slot, code_fold = Signal(range(p.query_groups + 2)), Signal(self.slot.fold.shape())
        m.d.comb += [code_slot.eq(self.group_slot), code_fold.eq(self.slot.fold)]
        if p.generator_rows:
            with m.If(self.khat_write_valid):
                m.d.comb += [khat_enable.eq(1), khat_write.eq(self.khat_write)]
        # What writes is far from the memory, and is read many cycles later.
        written_khat = data.View(KhatWrite(p), delay(m, khat_write, 1, "khat_write", payload=True))
        m.d.comb += [
            khat.write_enable.eq(delay(m, khat_enable, 1, "khat_enable")), khat.write_vector.eq(written_khat.vector),
            khat.write_beat.eq(written_khat.beat),
            khat.write_data.as_value().eq(written_khat.data.as_value()),
        ]
        # With tokens the operand is chosen in a cycle of its own.
        chosen_in = m.d.sync if p.generator_rows else m.d.comb
        chosen_in += keys.as_value().eq(khat.read_data.as_value())
        if self._tokens:
            with m.If(delay(m, self.token_valid, KEY_LATENCY, "token_keys")):
                m.d.sync += keys.eq(self.token_keys)
            with m.If(self.token_valid):
                m.d.comb += [code_slot.eq(p.query_groups + self.token.place), code_fold.eq(0)]
        # The lanes read the codes a cycle later, in the cycle before they are needed.
        code_slot, code_fold = (delay(m, value, operand_latency(p) - 2, name)
                                for value, name in ((code_slot, "code_slot"), (code_fold, "code_fold")))

        # A beat of a query stays while its elements are converted, `encoders` a cycle.
        codes = Signal(data.ArrayLayout(QueryCode(p.code_levels), p.encoders))
        base = delay(m, self.code_base, 1 + LogCode.latency, "code_base")
        for index in range(p.encoders):
            m.submodules[f"encoder{index}"] = encoder = shared(QueryEncoder, p.element_width, p.query_code_width,
                                                               p.code_levels)
            m.d.sync += encoder.element.eq(select(
                self.write_part[:ceil_log2(p.query_parts)],
                [self.write_data[part * p.encoders + index] for part in range(p.query_parts)]))
            m.d.comb += [
                encoder.base.eq(base),
                codes[index].eq(encoder.code),
            ]

        # Queries are filled with zeros up to the lanes of attention, of which there may be more.
        in_tree = self.write_beat < p.tree_folds * p.tree_lanes // p.elements_per_beat
        banks = p.tree_lanes // p.encoders
        place = Cat(self.write_part[:ceil_log2(p.query_parts)], self.write_beat)
        bank, write_fold = place[:ceil_log2(banks)], place[ceil_log2(banks):]
        trees = Signal(p.trees)                               # whose lane the query is written to
        m.d.comb += [trees[tree].eq(self.write_query & in_tree & (self.write_tree == tree)) for tree in range(p.trees)]
        write_trees, bank, write_fold, write_slot = (
            delay(m, value, ENCODE_LATENCY, name) for value, name in (
                (trees, "write_trees"), (bank, "bank"), (write_fold, "write_fold"), (self.write_slot, "write_slot")))
        write_codes = Signal(data.ArrayLayout(QueryCode(p.code_levels), p.tree_lanes))
        m.d.comb += write_codes.as_value().eq(codes.as_value().replicate(banks))
        block = self.code_block
        if self._tokens:
            with m.If(self.code_block_valid):
                m.d.comb += write_codes.as_value().eq(block.codes.as_value())
            token = delay(m, Cat(self.token_valid, self.token.as_value()), summed, "token")
            token_scaled = delay(m, token[0], 1, "token_scaled")

        # Where a key may not be seen the tree computes on, and its score is replaced by 0 at the end.
        first_fold = delay(m, self.slot.fold == 0, summed, "first_fold")
        # Causal: key <= row + tree. The distance to the group's first row is the same for all.
        distance, near = Signal(signed(18)), ceil_log2(p.trees)
        m.d.sync += distance.eq(self.slot.key - self.group_row)
        negative, offset = Signal(), Signal(near)
        close = Signal()
        m.d.sync += [negative.eq(distance[-1]), close.eq(distance[near:] == 0), offset.eq(distance[:near])]
        # What the rows of a group have in common, two cycles later, when the words of their masks are there.
        valid_2, present_2, place_2 = (delay(m, value, KEY_LATENCY, name) for value, name in (
            (self.slot_valid, "valid"), (self.present, "present"), (self.slot.key[:4], "place")))
        # The shift of a score or of a key channel.
        shift = Signal(max(5, p.predict_shift_bits))
        m.d.comb += shift.eq(self.predict_shift)
        if self._tokens:
            with m.If(token_scaled):
                m.d.comb += shift.eq(self.khat_shift)
        written = Signal.like(write_codes, reset_less=True)
        m.d.sync += written.eq(write_codes)
        for tree in range(p.trees):
            tokens = self._tokens and tree < p.khat_columns
            m.submodules[f"lane{tree}"] = lane = shared(ScoreLane, p, tokens)
            m.submodules[f"mask{tree}"] = mask = LaneMemory(
                p.query_groups << (p.key_bits - 4), 1, MASK_WORD, MASK_WORD, 1, vendor=p.vendor)
            m.d.comb += [
                lane.write_enable.eq(Mux(write_trees[tree], 1 << bank, 0)),
                lane.write_vector.eq(write_slot),
                lane.write_fold.eq(write_fold),
                lane.write_codes.eq(written),
                lane.read_vector.eq(code_slot),
                lane.read_fold.eq(code_fold),
                lane.keys.eq(keys),
                lane.first_fold.eq(first_fold),
                lane.shift.eq(delay(m, shift, 1, f"shift{tree}", payload=True, apart=True)),
                mask.write_enable.eq(self.mask_enable & (self.write_tree == tree)),
                mask.write_vector.eq((self.write_slot << (p.key_bits - 4)) | self.mask_word),
                mask.write_data.as_value().eq(self.mask_data),
                mask.read_enable.eq(1),
                mask.read_vector.eq((self.group_slot << (p.key_bits - 4)) | self.slot.key[4:]),
            ]
            if tokens:
                with m.If(self.code_block_valid):
                    m.d.comb += [lane.write_enable.eq((block.tree == tree).replicate(banks)),
                                 lane.write_vector.eq(p.query_groups + block.place), lane.write_fold.eq(0)]
                m.d.comb += [lane.token_valid.eq(token[0]), lane.token.as_value().eq(token[1:]),
                             self.khat[tree].eq(lane.khat)]
            seen = mask.read_data.as_value().bit_select(place_2, 1)
            past = negative | (close & (1 if tree + 1 == 1 << near else offset <= tree))
            allowed = Signal(name=f"allowed{tree}")
            m.d.sync += allowed.eq(valid_2 & present_2[tree] & (seen | ~self.mask) & (~self.causal | past))
            allowed_o = delay(m, allowed, latency - KEY_LATENCY - 2, f"allowed{tree}")
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
