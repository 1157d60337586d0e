"""Weight codes of the key prediction: stored once a head, and handed to the trees block after block."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.generation.formats import WeightWrite
from hw.shared import shared
from hw.sofa.task import Projection
from hw.stream import WidthConverter
from hw.stream.block_memory import BlockMemory
from hw.stream.select import select

from .query_code import QueryCode

__all__ = ["CodeBlock", "CodeBlocks", "channel_groups"]

_CODE_BITS = 4


def channel_groups(parameters):
    """Most groups of ``khat_columns`` key channels; channels come in whole beats."""
    p = parameters
    return -(-p.max_head_dim // p.elements_per_beat) * p.elements_per_beat // p.khat_columns


class CodeBlock(data.StructLayout):
    """Weight codes of one fold of a key channel, for the tree that is named, in one of two places."""

    def __init__(self, parameters):
        p = parameters
        super().__init__({
            "tree": max(1, ceil_log2(p.khat_columns)), "place": 1,
            "codes": data.ArrayLayout(QueryCode(p.code_levels), p.tree_lanes),
        })


class CodeBlocks(wiring.Component):
    """Hold the codes of the key weights of a head, and write them to the trees a block at a time.

    A weight is 4 bits: the sign above ``floor(log2 |w|) + 1`` of an 8-bit weight, 0 for a weight of 0. A block is one
    fold of ``khat_columns`` channels, cut to one band of ``code_levels`` octaves: codes of other bands are 0. Blocks
    follow in the order fold, group of channels, band (the fastest), again and again. The trees have places for two
    blocks; a block takes a cycle a tree, two blocks three cycles if there is one tree.

    Members
    -------
    weights : In(stream of WeightWrite)
        The section of codes; only while `run` is low.
    projection : In(Projection)
    last_group : In
        Groups of channels, by their last number.
    taken : In(1)
        Pulse: the codes are complete; those that come next replace them.
    run : In(1)
        Blocks are wanted; low starts anew.
    stored : Out(1)
        All codes that came are stored.
    hold : In(1)
        Write nothing in this cycle.
    block, block_valid : Out
    ready, using : Out(1)
        A block is there; the place of the oldest one.
    done : In(1)
        Pulse: the oldest block is no longer needed.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "weights": In(stream.Signature(WeightWrite(p))),
            "projection": In(Projection(p)),
            "last_group": In(range(max(2, channel_groups(p)))),
            "taken": In(1),
            "run": In(1),
            "stored": Out(1),
            "hold": In(1),
            "block": Out(CodeBlock(p)),
            "block_valid": Out(1),
            "ready": Out(1),
            "using": Out(1),
            "done": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        p, projection = self._parameters, self.projection
        bands = p.weight_bands

        # A word holds the codes of one fold of a channel. What fills a channel's last beat is dropped.
        width = _CODE_BITS * p.tree_lanes
        m.submodules.memory = memory = shared(BlockMemory, width, p.code_words)
        m.submodules.words = words = WidthConverter(p.bus_width, width)
        write = self.weights.payload
        per_beat = max(1, p.bus_width // width)
        fold, address = Signal(range(p.token_folds + per_beat)), Signal(range(p.code_words))
        channel_end = Signal()
        if p.bus_width >= width:
            m.d.comb += [
                words.i.payload.last.eq(write.word == projection.last_token_fold >> ceil_log2(per_beat)),
                channel_end.eq(words.o.payload.last),
            ]
        else:
            m.d.comb += channel_end.eq(fold == projection.last_token_fold)
        m.d.comb += [
            words.i.payload.data.eq(write.data), words.i.valid.eq(self.weights.valid),
            self.weights.ready.eq(words.i.ready), words.o.ready.eq(1), self.stored.eq(~words.o.valid),
            memory.write_enable.eq(words.o.valid & (fold <= projection.last_token_fold)),
            memory.write_address.eq(address), memory.write_data.eq(words.o.payload.data),
        ]
        with m.If(self.taken):
            m.d.sync += [fold.eq(0), address.eq(0)]
        with m.Elif(words.o.valid):
            m.d.sync += [fold.eq(Mux(channel_end, 0, fold + 1)), address.eq(address + memory.write_enable)]

        # Fetch.
        step = Signal(range(p.token_folds + 1))
        tree, place = Signal(range(max(2, p.khat_columns))), Signal()
        band, group = Signal(range(max(2, bands))), Signal.like(self.last_group)
        read_fold = Signal(range(p.token_folds + 1))
        read, group_start = Signal(range(p.code_words)), Signal(range(p.code_words))
        begun, complete = Signal(range(3)), Signal(range(3))      # blocks in the trees, also while being written
        fetch, fetched, store, block_fetched = Signal(), Signal(), Signal(), Signal()
        following_read, following_fold = Signal(range(2 * p.code_words)), Signal.like(read_fold)
        m.d.comb += [
            step.eq(projection.last_token_fold + 1),
            following_read.eq(read + step),
            following_fold.eq(Mux(read_fold == projection.last_token_fold, 0, read_fold + 1)),
            fetch.eq(self.run & ((begun != 2) | (tree != 0)) & (~fetched | store)),
            block_fetched.eq(fetch & (tree == p.khat_columns - 1)),
            store.eq(fetched & ~self.hold),
            memory.read_enable.eq(fetch), memory.read_address.eq(read),
            self.ready.eq(complete != 0),
        ]
        block_band, block_last = Signal.like(band), Signal()
        with m.If(fetch):
            m.d.sync += [self.block.tree.eq(tree), self.block.place.eq(place), block_band.eq(band),
                         block_last.eq(block_fetched), tree.eq(tree + 1), read.eq(following_read)]
        with m.If(block_fetched):
            m.d.sync += [tree.eq(0), place.eq(~place), band.eq(band + 1), read.eq(group_start)]
            with m.If(band == bands - 1):
                m.d.sync += [band.eq(0), group.eq(group + 1), read.eq(following_read), group_start.eq(following_read)]
                with m.If(group == self.last_group):
                    m.d.sync += [group.eq(0), read_fold.eq(following_fold), read.eq(following_fold),
                                 group_start.eq(following_fold)]
        first = fetch & (tree == 0)
        m.d.sync += [
            fetched.eq(fetch | (fetched & ~store)),
            begun.eq(begun + first - self.done),
            complete.eq(complete + (store & block_last) - self.done),
        ]

        with m.If(self.done):
            m.d.sync += self.using.eq(~self.using)

        # Cut to the band.
        m.d.comb += self.block_valid.eq(store)
        base = select(block_band, [1 + index * p.code_levels for index in range(bands)])
        for lane in range(p.tree_lanes):
            raw, code = memory.read_data.word_select(lane, _CODE_BITS), self.block.codes[lane]
            octave = Signal(signed(_CODE_BITS), name=f"octave{lane}")
            m.d.comb += octave.eq(raw[:3] - base)
            with m.If((octave >= 0) & (octave < p.code_levels)):
                m.d.comb += [code.nonzero.eq(1), code.sign.eq(raw[3]), code.shift.eq(octave)]
        with m.If(~self.run):
            m.d.sync += [tree.eq(0), place.eq(0), band.eq(0), group.eq(0), read_fold.eq(0), read.eq(0),
                         group_start.eq(0), fetched.eq(0), begun.eq(0), complete.eq(0), self.using.eq(0)]
        return m
