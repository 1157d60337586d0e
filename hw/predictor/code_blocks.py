"""Weight codes of the key prediction: stored once a head, and handed to the trees block after block."""

from amaranth.hdl import Cat, Module, Mux, ResetInserter, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.generation.formats import WeightWrite
from hw.shared import shared
from hw.sofa.task import Projection
from hw.stream import Buffer, WidthConverter
from hw.stream.block_memory import BlockMemory
from hw.stream.counter import counter
from hw.stream.delay import delay
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
        m.submodules.memory = memory = shared(
            BlockMemory, width, p.code_words, latency=2, gated=True, vendor=p.vendor)
        m.submodules.coming = coming = Buffer(self.weights.payload.shape())
        m.submodules.words = words = WidthConverter(p.bus_width, width)
        wiring.connect(m, wiring.flipped(self.weights), coming.i)
        write = coming.o.payload
        per_beat = max(1, p.bus_width // width)
        fold, address = Signal(range(p.token_folds + per_beat)), Signal(range(p.code_words))
        channel_end, keep = Signal(), Signal()
        if p.bus_width >= width:
            m.d.comb += [
                words.i.payload.last.eq(write.word == projection.last_token_fold >> ceil_log2(per_beat)),
                channel_end.eq(words.o.payload.last),
            ]
        else:
            m.d.comb += channel_end.eq(fold == projection.last_token_fold)
        m.d.comb += [
            words.i.payload.data.eq(write.data), words.i.valid.eq(coming.o.valid),
            coming.o.ready.eq(words.i.ready), words.o.ready.eq(1),
            memory.write_enable.eq(keep), memory.write_address.eq(address),
            memory.write_data.eq(delay(m, words.o.payload.data, 1, "code_word")),
        ]
        m.d.sync += [keep.eq(words.o.valid & (fold <= projection.last_token_fold)),
                     self.stored.eq(~(self.weights.valid | coming.o.valid | words.o.valid | keep))]
        with m.If(self.taken):
            m.d.sync += [fold.eq(0), address.eq(0)]
        with m.Else():
            with m.If(words.o.valid):
                m.d.sync += fold.eq(Mux(channel_end, 0, fold + 1))
            with m.If(keep):
                m.d.sync += address.eq(address + 1)

        # Fetch: words follow one another through the memory and a register behind it, and all of them stop together.
        stop = ~self.run
        block = data.StructLayout({"block": CodeBlock(p), "first": 1, "last": 1})
        m.submodules.blocks = blocks = ResetInserter(stop)(Buffer(block))
        move = blocks.i.ready
        tree, tree_end = counter(m, p.khat_columns - 1, move, stop, "tree")
        band, band_end = counter(m, bands - 1, move & tree_end, stop, "band")
        group_end = move & tree_end & band_end
        _, last_group = counter(m, self.last_group, group_end, stop, "group")
        read_fold, last_fold = counter(m, projection.last_token_fold, group_end & last_group, stop, "read_fold")
        place, step = Signal(), Signal(range(p.token_folds + 1))
        read, group_start, following = (Signal(range(p.code_words), name=name)
                                        for name in ("read", "group_start", "following"))
        m.d.sync += step.eq(projection.last_token_fold + 1)
        m.d.comb += [
            following.eq(read + step),
            memory.read_enable.eq(move), memory.read_address.eq(read),
        ]
        with m.If(last_group & band_end & tree_end):
            m.d.comb += following.eq(Mux(last_fold, 0, read_fold + 1))
        with m.If(stop):
            m.d.sync += [place.eq(0), read.eq(0), group_start.eq(0)]
        with m.Elif(move):
            m.d.sync += [read.eq(Mux(tree_end & ~band_end, group_start, following)), place.eq(place ^ tree_end)]
            with m.If(tree_end & band_end):
                m.d.sync += group_start.eq(following)
        fetched = Cat(self.run, tree == 0, tree_end, tree, place, band)
        for stage in range(2):
            following_fetched = Signal(len(fetched), name=f"fetched{stage}")
            with m.If(stop):
                m.d.sync += following_fetched.eq(0)
            with m.Elif(move):
                m.d.sync += following_fetched.eq(fetched)
            fetched = following_fetched

        # Cut to the band.
        item, block_band = blocks.i.payload, Signal.like(band)
        m.d.comb += Cat(blocks.i.valid, item.first, item.last, item.block.tree, item.block.place,
                        block_band).eq(fetched)
        base = select(block_band, [1 + index * p.code_levels for index in range(bands)])
        for lane in range(p.tree_lanes):
            raw, code = memory.read_data.word_select(lane, _CODE_BITS), item.block.codes[lane]
            octave = Signal(signed(_CODE_BITS), name=f"octave{lane}")
            m.d.comb += octave.eq(raw[:3] - base)
            with m.If((octave >= 0) & (octave < p.code_levels)):
                m.d.comb += [code.nonzero.eq(1), code.sign.eq(raw[3]), code.shift.eq(octave)]

        # Store: the first word of a block waits until there is a place for it.
        begun, complete = Signal(range(3)), Signal(range(3))      # blocks in the trees, also while being written
        waiting, store, done = blocks.o.payload, Signal(), delay(m, self.done, 1, "done")
        m.d.comb += [
            store.eq(blocks.o.valid & (~waiting.first | ~begun[1]) & ~self.hold), blocks.o.ready.eq(store),
            self.block.eq(waiting.block), self.block_valid.eq(store),
        ]
        m.d.sync += [begun.eq(begun + (store & waiting.first) - done), self.using.eq(self.using ^ self.done)]
        with m.If(store & waiting.last & ~self.done):
            m.d.sync += [complete.eq(complete + 1), self.ready.eq(1)]
        with m.Elif(self.done & ~(store & waiting.last)):
            m.d.sync += [complete.eq(complete - 1), self.ready.eq(complete == 2)]
        with m.If(stop):
            m.d.sync += [begun.eq(0), complete.eq(0), self.ready.eq(0), self.using.eq(0)]
        return m
