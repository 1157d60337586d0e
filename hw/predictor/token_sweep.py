"""Prediction of keys from tokens: tiles of tokens against block after block of weight codes."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.generation.formats import TokenHead, TokenNumber, WeightWrite
from hw.shared import shared
from hw.sofa.task import Task
from hw.stream import Word
from hw.stream.counter import counter
from hw.stream.delay import delay
from hw.stream.lane_memory import LaneMemory
from hw.stream.register_file import RegisterFile
from hw.stream.select import select

from .code_blocks import CodeBlock, CodeBlocks
from .predictor import KEY_LATENCY, KhatWrite, predictor_latency
from .score_lane import TokenSlot, token_shifts

__all__ = ["TokenSweep"]


class TokenSweep(wiring.Component):
    """Predict the keys of a head from its tokens, once a head, on the array that predicts scores (SOFA, phase 1.1).

    ``khat[t, c] = clip((sum_h x8[t, h] * sign[h, c] * 2^e[h, c]) >> khat_shift)``, see :class:`CodeBlocks` for the
    codes. A block of codes serves all digits of the ``khat_tile`` tokens of a tile, while the next block is written.
    There is room for two tiles, so that one is fetched while the other is at work. A tile takes
    ``folds * channels / khat_columns * weight_bands * khat_tile * token_digits`` cycles of the array, in which no
    group of rows can begin; between two tiles groups go first.

    Members
    -------
    weights : In(stream of WeightWrite)
        The section of codes; only while no head is at work.
    i : In(stream of TokenHead)
        Its payload is to be there, though not valid, from the cycle before the first of its codes.
    idle : Out(1)
        No head is at work.
    predict : Out(stream of Task)
        The head's task, when all keys are stored.
    request : Out(stream of TokenNumber), row : In(stream of Word(bus_width / 2))
        A token of 8-bit elements is asked for, every second cycle at most, and comes as a packet, which is always
        taken.
    walking : In(1), hold : Out(1)
        The array visits keys; it is to begin no group.
    query_write : In(1)
        The codes of a query are being stored, which goes before those of weights.
    token, token_valid, token_keys, code_block, code_block_valid, khat_shift, khat : see :class:`Predictor`
    khat_write, khat_write_valid : Out
        To the predictors of all slices.
    held : Out
        Tokens that were asked for and are not yet done.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "weights": In(stream.Signature(WeightWrite(p))),
            "i": In(stream.Signature(TokenHead(p))),
            "idle": Out(1),
            "predict": Out(stream.Signature(Task(p))),
            "request": Out(stream.Signature(TokenNumber(p))),
            "row": In(stream.Signature(Word(p.bus_width // 2))),
            "walking": In(1),
            "hold": Out(1),
            "query_write": In(1),
            "token": Out(TokenSlot(p)),
            "token_valid": Out(1),
            "token_keys": Out(data.ArrayLayout(signed(p.khat_width), p.tree_lanes)),
            "code_block": Out(CodeBlock(p)),
            "code_block_valid": Out(1),
            "khat_shift": Out(5),
            "khat": In(data.ArrayLayout(signed(p.khat_width), p.khat_columns)),
            "khat_write": Out(KhatWrite(p)),
            "khat_write_valid": Out(1),
            "held": Out(range(2 * p.khat_tile + 1)),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        tile, bands, digits = p.khat_tile, p.weight_bands, p.token_digits
        groups_per_beat = p.elements_per_beat // p.khat_columns
        latency = predictor_latency(p)

        # Whatever head comes next is looked at ahead of time: its codes are stored before it is taken.
        head, running, run = Signal(TokenHead(p)), Signal(), Signal()
        projection = head.projection
        with m.If(~running):
            m.d.sync += head.eq(self.i.payload)
        m.submodules.blocks = blocks = CodeBlocks(p)
        wiring.connect(m, wiring.flipped(self.weights), blocks.weights)
        last_group, started = blocks.last_group, Signal()
        m.d.comb += [
            started.eq(self.i.valid & self.i.ready),
            self.idle.eq(~running), self.predict.payload.eq(head.task), self.khat_shift.eq(projection.khat_shift),
            blocks.projection.eq(projection),
            last_group.eq((projection.last_key_beat << ceil_log2(groups_per_beat)) | (groups_per_beat - 1)),
            blocks.hold.eq(self.query_write), blocks.taken.eq(started), blocks.run.eq(run),
            self.code_block.eq(blocks.block), self.code_block_valid.eq(blocks.block_valid),
        ]

        # Rows of tokens, in a ring of two tiles.
        places = 2 * tile
        row_elements = -(-p.max_features // (2 * p.elements_per_beat)) * 2 * p.elements_per_beat
        m.submodules.tokens = tokens = LaneMemory(places, -(-row_elements // p.tree_lanes), p.tree_lanes,
                                                  p.elements_per_beat, 8, distributed=places * p.token_folds <= 64,
                                                  vendor=p.vendor)
        asked, first = Signal(range(p.max_keys + 1)), Signal(range(p.max_keys + 1))
        place, beat = Signal(range(places)), Signal(tokens.write_beat.shape())
        held, arrived = self.held, Signal(range(places + 1))
        asks, row_valid, row_end, tile_end = Signal(), Signal(), Signal(), Signal()
        m.d.sync += [row_valid.eq(self.row.valid), row_end.eq(self.row.valid & self.row.payload.last)]
        m.d.comb += [
            tokens.write_data.as_value().eq(delay(m, self.row.payload.data, 1, "word", payload=True)),
            self.row.ready.eq(1), asks.eq(self.request.valid & self.request.ready),
            self.request.payload.key.eq(asked), self.request.payload.half.eq(projection.half),
            tokens.write_enable.eq(row_valid), tokens.write_vector.eq(place), tokens.write_beat.eq(beat),
        ]
        with m.If(asks):
            m.d.sync += self.request.valid.eq(0)
        with m.Elif(~self.request.valid):
            m.d.sync += self.request.valid.eq(run & (asked != projection.keys) & (held != places))
        with m.If(row_valid):
            m.d.sync += beat.eq(beat + 1)
        with m.If(row_end):
            m.d.sync += [beat.eq(0), place.eq(Mux(place == places - 1, 0, place + 1))]

        # Tokens of the tile. It begins when all that follows from `left` is known.
        left, count, finished, there = Signal(range(p.max_keys + 1)), Signal(range(tile + 1)), Signal(), Signal()
        tile_ended, settling = delay(m, tile_end, 1, "tile_end"), Signal(2)
        m.d.sync += [
            asked.eq(asked + asks), held.eq(held + asks - Mux(tile_ended, count, 0)),
            arrived.eq(arrived + row_end - Mux(tile_ended, count, 0)), there.eq(arrived >= count),
            count.eq(Mux(left < tile, left, tile)), finished.eq(left == 0),
            settling.eq(Cat(started | tile_ended, settling)),
        ]

        # The walk over a tile.
        active, go, still = Signal(), Signal(), Signal()
        m.d.comb += [go.eq(active & blocks.ready), still.eq(~active)]
        digit, last_digit = counter(m, digits - 1, go, still, "digit")
        step = go & last_digit
        token, last_token = counter(m, (count - 1)[:max(1, (tile - 1).bit_length())], step, still, "token")
        block_end = step & last_token
        band, last_band = counter(m, bands - 1, block_end, still, "band")
        group, last_group_now = counter(m, last_group, block_end & last_band, still, "group")
        fold_end = step & (last_token & last_band & last_group_now)
        fold, last_fold = counter(m, projection.last_token_fold, fold_end, still, "fold")
        number, base = Signal(self.token.sum.shape()), Signal(self.token.sum.shape())   # of the sum
        at = Signal(range(places))                           # place of the tile's first token
        shifts = token_shifts(p)
        m.d.comb += [
            self.hold.eq(active), self.token_valid.eq(go), blocks.done.eq(block_end),
            tile_end.eq(step & (last_token & last_band & last_group_now & last_fold)),
            self.token.place.eq(blocks.using), self.token.sum.eq(number),
            self.token.first.eq((fold == 0) & (band == 0) & (digit == 0)),
            self.token.shift.eq(select(Cat(digit[:ceil_log2(digits)], band[:ceil_log2(bands)]), [
                shifts.index(min(d, digits - 1) * (p.khat_width - 1) + b * p.code_levels)
                for b in range(bands) for d in range(1 << ceil_log2(digits))])),
            tokens.read_enable.eq(1), tokens.read_vector.eq(at + token), tokens.read_fold.eq(fold),
        ]
        with m.If(step):
            m.d.sync += number.eq(number + 1)
        with m.If(block_end):
            m.d.sync += number.eq(base)
            with m.If(last_band):
                following_base = Mux(last_group_now, 0, base + tile)
                m.d.sync += [number.eq(following_base), base.eq(following_base)]
        with m.If(tile_end):
            m.d.sync += active.eq(0)
        with m.If(tile_ended):
            m.d.sync += [first.eq(first + tile), left.eq(Mux(left < tile, 0, left - tile)),
                         at.eq(Mux(at == 0, tile, 0))]

        # Digits of the token, from the lowest; only the highest one has a sign.
        digit_o = delay(m, digit, KEY_LATENCY, "digit")
        size = p.khat_width - 1
        for lane in range(p.tree_lanes):
            element = tokens.read_data[lane]
            parts = [element[index * size:(index + 1) * size] for index in range(digits - 1)]
            m.d.comb += self.token_keys[lane].eq(select(digit_o[:ceil_log2(digits)], [
                *(Cat(part, 0).as_signed() for part in parts), element[(digits - 1) * size:].as_signed()]))

        # What comes out: channels of a token, gathered to beats.
        final = go & last_digit & last_band & last_fold
        vector = (first + token)[:p.key_bits] | (projection.half << (p.key_bits - 1))
        final_o = delay(m, final, latency, "final")
        accompanying = delay(m, Cat(token, group, vector), latency, "accompanying", payload=True)
        token_o = accompanying[:len(token)]
        group_o = accompanying[len(token):][:len(group)]
        write, write_valid = Signal(KhatWrite(p)), Signal()
        m.d.sync += self.khat_write_valid.eq(write_valid)
        m.d.comb += self.khat_write.as_value().eq(delay(m, write, 1, "khat_write", payload=True))
        m.d.comb += write.vector.eq(accompanying[len(token) + len(group):])
        m.d.comb += write.beat.eq(group_o >> ceil_log2(groups_per_beat))
        if groups_per_beat == 1:
            m.d.comb += [write_valid.eq(final_o), write.data.as_value().eq(self.khat.as_value())]
        else:
            width = p.khat_columns * p.khat_width
            m.submodules.gathered = gathered = shared(RegisterFile, (groups_per_beat - 1) * width, tile)
            beat_o = Cat(gathered.read_data, self.khat.as_value())
            m.d.comb += [
                gathered.read_address.eq(token_o), gathered.write_address.eq(token_o),
                gathered.write_enable.eq(final_o), gathered.write_data.eq(beat_o[width:]),
                write_valid.eq(final_o & group_o[:ceil_log2(groups_per_beat)].all()),
                write.data.as_value().eq(beat_o),
            ]

        drain = Signal(range(latency + 3))
        with m.FSM() as fsm:
            m.d.comb += self.i.ready.eq(fsm.ongoing("IDLE") & blocks.stored)
            with m.State("IDLE"):
                m.d.sync += [asked.eq(0), first.eq(0), at.eq(0), place.eq(0), drain.eq(latency + 2)]
                with m.If(started):
                    m.d.sync += [running.eq(1), left.eq(self.i.payload.projection.keys),
                                 run.eq(~self.i.payload.projection.dense)]
                    m.next = "TILE"
            with m.State("TILE"):
                with m.If(~active & ~tile_ended & (settling == 0)):
                    with m.If(~run | finished):
                        m.d.sync += run.eq(0)
                        m.next = "DRAIN"
                    with m.Elif(there & ~self.walking):
                        m.d.sync += active.eq(1)
            with m.State("DRAIN"):
                m.d.sync += drain.eq(drain - 1)
                with m.If(drain == 0):
                    m.next = "PREDICT"
            with m.State("PREDICT"):
                m.d.comb += self.predict.valid.eq(1)
                with m.If(self.predict.ready):
                    m.d.sync += running.eq(0)
                    m.next = "IDLE"
        return m
