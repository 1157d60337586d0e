"""Rows of results as words of the stream: the keys that a row kept, then its output."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.shared import shared
from hw.sorter.key_mask import MaskRecord
from hw.stream import Buffer, WidthConverter, Word
from hw.stream.block_memory import BlockMemory
from hw.stream.counter import counter
from hw.stream.delay import delay
from hw.stream.select import select
from hw.stream.states import States

from .task import Task

__all__ = ["RowWriter"]


class RowWriter(wiring.Component):
    """Pack a slice's results.

    With `return_keys` a row begins with the masks of its keys, ``tile`` bits a segment, segment after segment,
    filled with zeros up to a whole word: ``ceil(segments * tile / bus_width)`` words. Then the output channels
    follow on a new word. `last` marks the end of a row.

    The masks of ``held_groups`` groups are held, from the choice of a group's keys until its rows have left. A row
    takes ``segments + 7`` cycles with masks, three without, and one a word.

    Members
    -------
    index : In
        Number of the slice.
    head : In(Task)
        Head whose rows come out.
    record : In(MaskRecord)
    outputs : In(stream of beats)
    o : Out(stream of Word(bus_width))
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "index": In(max(1, ceil_log2(p.slices))),
            "head": In(Task(p)),
            "record": In(MaskRecord(p)),
            "outputs": In(stream.Signature(data.ArrayLayout(signed(p.element_width), p.elements_per_beat))),
            "o": Out(stream.Signature(Word(p.bus_width))),
        })

    def elaborate(self, platform):
        m = Module()
        p, head, record = self._parameters, self.head, self.record

        # A row that has left moves these on; what follows from them settles in registers before the next row can end.
        ended = Signal()
        reading, tree = Signal(range(p.held_groups)), Signal(max(1, ceil_log2(p.trees)))
        # Rows of all slices in the rounds before this one; those up to and with this row, and up to the next group's.
        stride = p.slices * p.trees
        before, first_out, rows_out, rows_next = Signal(17), Signal(18), Signal(18), Signal(18)
        group_ends, more_rounds = Signal(), Signal()
        m.d.sync += [
            first_out.eq(before + (self.index * p.trees + 1)),
            rows_out.eq(first_out + tree), rows_next.eq(first_out + (stride - 1)),
            group_ends.eq((tree == p.trees - 1) | (rows_out == head.queries)), more_rounds.eq(rows_next < head.queries),
        ]
        with m.If(ended):
            m.d.sync += tree.eq(tree + 1)
            with m.If(group_ends):
                m.d.sync += [tree.eq(0), reading.eq(reading + 1), before.eq(Mux(more_rounds, before + stride, 0))]

        # Groups whose masks are held.
        groups, room, writing = Signal(range(p.held_groups + 1)), Signal(init=1), Signal(range(p.held_groups))
        group_end = ended & group_ends
        m.d.comb += record.ready.eq(room)
        with m.If(record.end & ~group_end):
            m.d.sync += [groups.eq(groups + 1), room.eq(groups != p.held_groups - 1)]
        with m.Elif(group_end & ~record.end):
            m.d.sync += [groups.eq(groups - 1), room.eq(1)]
        with m.If(record.end):
            m.d.sync += writing.eq(writing + 1)

        # Segments are read through two registers, which move on together.
        asking, shift = Signal(), Signal()
        segment, last_segment = counter(m, (head.segments - 1)[:p.segment_bits], asking & shift, ~asking, "segment")
        items = []
        per_memory = max(1, 72 // p.tile)                    # rows in a memory, to fill block RAMs of 36 bits
        for index in range(0, p.trees, per_memory):
            rows = [record.keys[row] for row in range(index, min(index + per_memory, p.trees))]
            m.submodules[f"masks{index}"] = memory = shared(BlockMemory, p.tile * len(rows),
                                                            p.held_groups << p.segment_bits,
                                                            latency=2, gated=True, vendor=p.vendor)
            m.d.comb += [
                memory.write_enable.eq(record.valid),
                memory.write_address.eq(Cat(record.segment, writing)),
                memory.write_data.eq(Cat(rows)),
                memory.read_enable.eq(shift),
                memory.read_address.eq(Cat(segment, reading)),
            ]
            items += [memory.read_data.word_select(row, p.tile) for row in range(len(rows))]

        asked, shown = (Signal(data.StructLayout({"valid": 1, "last": 1}), name=name) for name in ("asked", "shown"))
        m.submodules.chosen = chosen = Buffer(Word(p.tile))
        m.submodules.pack = pack = WidthConverter(p.tile, p.bus_width)
        m.submodules.packed = packed = Buffer(Word(p.bus_width))
        wiring.connect(m, chosen.o, pack.i)
        wiring.connect(m, pack.o, packed.i)
        m.d.comb += [
            shift.eq(~shown.valid | chosen.i.ready),
            chosen.i.payload.data.eq(select(delay(m, tree, 1, "own_tree", apart=True), items)),
            chosen.i.payload.last.eq(shown.last), chosen.i.valid.eq(shown.valid),
        ]
        with m.If(shift):
            m.d.sync += [asked.valid.eq(asking), asked.last.eq(last_segment), shown.eq(asked)]
            with m.If(last_segment):
                m.d.sync += asking.eq(0)

        states = States(m, "wait", "keys", "output", "ended", "settle")
        at, leaves, word = states.at, states.leave, self.o
        m.submodules.beats = beats = Buffer(self.outputs.payload.shape())
        wiring.connect(m, wiring.flipped(self.outputs), beats.i)
        outputs, masks = beats.o, packed.o
        written = at["output"] & outputs.valid & word.ready
        _, last_beat = counter(m, head.last_value_beat, written, ~at["output"], "beat")
        # A register of its own chooses what is written. There are words of masks in the state `keys` only.
        of_output = Signal()
        m.d.comb += [
            masks.ready.eq(word.ready), outputs.ready.eq(at["output"] & word.ready),
            word.payload.data.eq(Mux(of_output, outputs.payload.as_value(), masks.payload.data)),
            word.payload.last.eq(at["output"] & last_beat),
            word.valid.eq(masks.valid | (at["output"] & outputs.valid)),
        ]
        with m.If(leaves("wait", outputs.valid, keys=head.return_keys, output=~head.return_keys)):
            m.d.sync += [asking.eq(head.return_keys), of_output.eq(~head.return_keys)]
        with m.If(leaves("keys", masks.valid & word.ready & masks.payload.last, output=1)):
            m.d.sync += of_output.eq(1)
        leaves("output", outputs.valid & word.ready & last_beat, ended=1)
        m.d.comb += ended.eq(leaves("ended", settle=1))
        leaves("settle", wait=1)
        return m
