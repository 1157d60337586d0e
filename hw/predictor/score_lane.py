"""One tree of the predictor with its codes, its sums and the scaling of what comes out."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from hw.shared import shared
from hw.stream.block_memory import BlockMemory
from hw.stream.delay import delay
from hw.stream.register_file import RegisterFile
from hw.stream.select import select

from .query_code import QueryCode
from .shift_tree import ShiftTree, add_with_carry

__all__ = ["SCORE_LATENCY", "ScoreLane", "TokenSlot", "token_shifts", "token_sums"]

#: Cycles from the sum of a tree to the score: alignment, sum over the folds, shift by multiples of 4, by the rest,
#: whether it is in range, clipping.
SCORE_LATENCY = 6


class TokenSlot(data.StructLayout):
    """One cycle of the key prediction: a digit of one fold of a token, for a block of key channels.

    The codes of the block are in one of two places. ``shift`` selects the weight of the digit and of the band of the
    codes, see :func:`token_shifts`; ``sum`` is where
    the sum so far is kept, which starts anew with `first`.
    """

    def __init__(self, parameters):
        p = parameters
        super().__init__({
            "place": 1,
            "sum": max(1, ceil_log2(token_sums(p))),
            "first": 1,
            "shift": max(1, ceil_log2(len(token_shifts(p)))),
        })


def token_shifts(parameters):
    """Weights, as shifts, of the sums of a digit of the tokens with a band of the weights."""
    p = parameters
    return sorted({digit * (p.khat_width - 1) + band * p.code_levels
                   for digit in range(p.token_digits) for band in range(p.weight_bands)})


def token_sums(parameters):
    """Sums that a predictor tree keeps: of each token of a tile, for each block of key channels."""
    p = parameters
    return p.khat_tile * (-(-p.max_head_dim // p.elements_per_beat) * p.elements_per_beat // p.khat_columns)


class ScoreLane(wiring.Component):
    """One predictor tree with the codes of its rows, the sum over folds, and the scaling to a score.

    With `tokens` it has places for two blocks of weight codes behind those of the queries, and sums of tokens.

    ``score = clip(sum >> shift) + 2^(score_width - 1)``, between 1 and ``2^score_width - 1``; 0 where the key may not
    be seen. ``khat = clip(sum >> shift)`` where keys are predicted from tokens.

    ``write_codes`` come a cycle after the place that they are written to, and keys two cycles after that of their
    codes. What is given at which stage, in cycles after the tree shows its sum:

    ========== =============================================
    0          `first_fold`, `token_valid`, `token`
    2          `shift`
    5          `allowed`
    6          the score, or the channel of a key, is there
    ========== =============================================
    """

    def __init__(self, parameters, tokens):
        p = self._parameters = parameters
        self._tokens = tokens
        banks = p.tree_lanes // p.encoders
        self._vectors = p.query_groups + (2 if tokens else 0)
        super().__init__({
            "write_enable": In(banks),
            "write_vector": In(range(self._vectors)),
            "write_fold": In(max(1, ceil_log2(p.tree_folds))),
            "write_codes": In(data.ArrayLayout(QueryCode(p.code_levels), p.tree_lanes)),
            "read_vector": In(range(self._vectors)),
            "read_fold": In(max(1, ceil_log2(p.tree_folds))),
            "keys": In(data.ArrayLayout(signed(p.khat_width), p.tree_lanes)),
            "first_fold": In(1),
            "shift": In(max(5, p.predict_shift_bits)),
            "allowed": In(1),
            "score": Out(p.score_width),
            "saturated": Out(1),
            "token": In(TokenSlot(p)),
            "token_valid": In(1),
            "khat": Out(signed(p.khat_width)),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        tree_width = 1 + bits_for(max(p.max_head_dim, p.tree_lanes) << (p.khat_width + p.code_levels - 2))
        width = max(tree_width, p.khat_sum_width) if self._tokens else p.predict_width
        m.submodules.tree = tree = ShiftTree(p.tree_lanes, p.khat_width, p.code_levels, tree_width, p.adder_levels)
        fold_bits, bank_bits = ceil_log2(p.tree_folds), p.encoders * p.code_bits
        # Addresses have registers in each lane: a net from one register to the codes of all lanes would be slow.
        write_enable, write_address, read_address = (
            delay(m, value, 1, name, apart=True) for value, name in (
                (self.write_enable, "code_enable"),
                (Cat(self.write_vector, self.write_fold[:fold_bits]), "code_write"),
                (Cat(self.read_vector, self.read_fold[:fold_bits]), "code_read")))
        for bank in range(p.tree_lanes // p.encoders):
            m.submodules[f"codes{bank}"] = codes = shared(BlockMemory, bank_bits,
                                                          p.tree_folds << ceil_log2(self._vectors))
            m.d.comb += [
                codes.write_enable.eq(write_enable[bank]), codes.write_address.eq(write_address),
                codes.write_data.eq(self.write_codes.as_value().word_select(bank, bank_bits)),
                codes.read_enable.eq(1),
                codes.read_address.eq(read_address),
                tree.codes.as_value().word_select(bank, bank_bits).eq(codes.read_data),
            ]
        m.d.comb += tree.keys.eq(self.keys)
        # The sum so far is the one of the cycle before, or the stored one of a token, or 0. A sum that is shifted takes
        # its carry along: ones below it, and the carry at the very bottom.
        aligned, stored, total, summed = (Signal(signed(width), name=name, reset_less=True)
                                          for name in ("aligned", "stored", "total", "summed"))
        carry, going_on, before = Signal(), Signal(), Signal(signed(width))
        m.d.sync += [aligned.eq(tree.o), stored.eq(0), carry.eq(tree.carry), going_on.eq(~self.first_fold)]
        if self._tokens:
            m.submodules.sums = sums = shared(RegisterFile, width, token_sums(p))
            stores, number = Signal(), Signal(self.token.sum.shape())
            m.d.sync += [stores.eq(self.token_valid), number.eq(self.token.sum)]
            m.d.comb += [
                sums.read_address.eq(self.token.sum),
                sums.write_enable.eq(stores), sums.write_address.eq(number), sums.write_data.eq(summed),
            ]
            with m.If(self.token_valid):
                m.d.sync += [
                    aligned.eq(select(self.token.shift, [Cat(tree.carry.replicate(shift), tree.o).as_signed()
                                                         for shift in token_shifts(p)])),
                    stored.eq(sums.read_data & (~self.token.first).replicate(width)),
                    # The sum that was added to in this cycle is not yet in its place.
                    going_on.eq(stores & (number == self.token.sum) & ~self.token.first),
                ]
        m.d.comb += [before.eq(Mux(going_on, total, stored)),
                     summed.eq(add_with_carry(before, aligned, carry, width))]
        m.d.sync += total.eq(summed)

        # In range are the sums whose upper bits are all copies of the sign; the lowest of them would be score 0.
        coarse, scaled = Signal(signed(width), reset_less=True), Signal(signed(width), reset_less=True)
        rest = Signal(2, reset_less=True)
        m.d.sync += [coarse.eq(total >> (self.shift[2:] << 2)), rest.eq(self.shift[:2]), scaled.eq(coarse >> rest)]
        negative, low, beyond = Signal(), Signal(p.score_width), Signal()
        upper = scaled[p.score_width - 1:] if width >= p.score_width else scaled[-1]
        m.d.sync += [negative.eq(scaled[-1]), low.eq(scaled + (1 << (p.score_width - 1))),
                     beyond.eq(~((upper == 0) | upper.all()) | (scaled[:p.score_width] == 1 << (p.score_width - 1)))]
        with m.If(~self.allowed):
            m.d.sync += [self.score.eq(0), self.saturated.eq(0)]
        with m.Else():
            m.d.sync += [self.score.eq(Mux(beyond, Mux(negative, 1, (1 << p.score_width) - 1), low)),
                         self.saturated.eq(beyond)]
        if self._tokens:
            upper, channel, inside = scaled[p.khat_width - 1:], Signal(signed(p.khat_width)), Signal()
            m.d.sync += [channel.eq(scaled), inside.eq((upper == 0) | upper.all())]
            m.d.sync += self.khat.eq(Mux(inside, channel, Cat((~negative).replicate(p.khat_width - 1), negative)))
        return m
