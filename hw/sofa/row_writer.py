"""Rows of results as words of the stream: the keys that a row kept, then its output."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from hw.shared import shared
from hw.sorter.key_mask import MaskRecord
from hw.stream import WidthConverter, Word
from hw.stream.block_memory import BlockMemory
from hw.stream.select import select

from .task import Task

__all__ = ["RowWriter"]


class RowWriter(wiring.Component):
    """Pack a slice's results.

    With `return_keys` a row begins with the masks of its keys, ``tile`` bits a segment, segment after segment,
    filled with zeros up to a whole word: ``ceil(segments * tile / bus_width)`` words. Then the output channels
    follow on a new word. `last` marks the end of a row.

    The masks of ``held_groups`` groups are held, from the choice of a group's keys until its rows have left. A row
    takes ``segments + 2`` cycles and one a word.

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

        groups = Signal(range(p.held_groups + 1))
        writing, reading = Signal(range(p.held_groups)), Signal(range(p.held_groups))
        tree = Signal(max(1, ceil_log2(p.trees)))
        segment = Signal(bits_for(p.max_segments))
        # Rows of all slices in the rounds before this one; those up to and with this row, and up to the next group's.
        stride = p.slices * p.trees
        before, rows_out, rows_next = Signal(17), Signal(18), Signal(18)
        row_end, group_end = Signal(), Signal()
        m.d.comb += [
            rows_out.eq(before + self.index * p.trees + tree + 1),
            rows_next.eq(before + self.index * p.trees + stride),
            group_end.eq(row_end & ((tree == p.trees - 1) | (rows_out == head.queries))),
            record.ready.eq(groups < p.held_groups),
        ]
        m.d.sync += groups.eq(groups + record.end - group_end)
        with m.If(row_end):
            m.d.sync += tree.eq(tree + 1)
        with m.If(group_end):
            m.d.sync += [tree.eq(0), reading.eq(reading + 1),
                         before.eq(Mux(rows_next < head.queries, before + stride, 0))]
        with m.If(record.end):
            m.d.sync += writing.eq(writing + 1)
        read_enable, shown = Signal(), Signal()
        items = []
        per_memory = max(1, 72 // p.tile)                    # rows in a memory, to fill block RAMs of 36 bits
        for index in range(0, p.trees, per_memory):
            rows = [record.keys[row] for row in range(index, min(index + per_memory, p.trees))]
            m.submodules[f"masks{index}"] = memory = shared(BlockMemory, p.tile * len(rows),
                                                            p.held_groups << p.segment_bits)
            m.d.comb += [
                memory.write_enable.eq(record.valid),
                memory.write_address.eq(Cat(record.segment, writing)),
                memory.write_data.eq(Cat(rows)),
                memory.read_enable.eq(read_enable),
                memory.read_address.eq(Cat(segment[:p.segment_bits], reading)),
            ]
            items += [memory.read_data.word_select(row, p.tile) for row in range(len(rows))]

        m.submodules.pack = pack = WidthConverter(p.tile, p.bus_width)
        beat, last_shown = Signal(head.last_value_beat.shape()), Signal()
        more = segment != head.segments
        m.d.comb += [
            pack.i.payload.data.eq(select(tree, items)),
            pack.i.payload.last.eq(last_shown),
            pack.i.valid.eq(shown),
        ]
        word = self.o
        with m.FSM():
            with m.State("WAIT"):
                m.d.sync += segment.eq(0)
                with m.If(self.outputs.valid):
                    m.next = "OUTPUT"
                    with m.If(head.return_keys):
                        m.next = "KEYS"
            with m.State("KEYS"):
                m.d.comb += [
                    read_enable.eq(more & (~shown | pack.i.ready)),
                    word.payload.data.eq(pack.o.payload.data),
                    word.valid.eq(pack.o.valid),
                    pack.o.ready.eq(word.ready),
                ]
                with m.If(~shown | pack.i.ready):
                    m.d.sync += [shown.eq(more), last_shown.eq(segment + 1 == head.segments)]
                with m.If(read_enable):
                    m.d.sync += segment.eq(segment + 1)
                with m.If(pack.o.valid & pack.o.ready & pack.o.payload.last):
                    m.next = "OUTPUT"
            with m.State("OUTPUT"):
                m.d.comb += [
                    word.payload.data.eq(self.outputs.payload.as_value()),
                    word.payload.last.eq(beat == head.last_value_beat),
                    word.valid.eq(self.outputs.valid),
                    self.outputs.ready.eq(word.ready),
                ]
                with m.If(word.valid & word.ready):
                    m.d.sync += beat.eq(beat + 1)
                    with m.If(word.payload.last):
                        m.d.comb += row_end.eq(1)
                        m.d.sync += beat.eq(0)
                        m.next = "WAIT"
        return m
