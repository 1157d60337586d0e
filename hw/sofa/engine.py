"""The `sofa` engine: loader, slices and writer behind the contract of an engine."""

from amaranth.hdl import C, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.utils import bits_for

from hw.shared import shared
from hw.shell.engine import TRAILER_MARKER, CounterDescription, EngineSignature
from hw.stream import Buffer, Fifo, Fork, Word

from .loader import Loader, PacketEnd
from .parameters import SofaParameters
from .row_writer import RowWriter
from .slice import Slice
from .task import SofaError, Task

__all__ = ["SofaEngine"]


class SofaEngine(wiring.Component):
    """Dynamic sparse attention: predict with shift and add, select, attend exactly.

    A task is a packet of one or more heads (see :class:`~hw.sofa.loader.Loader`); its result is a packet of
    rows (see :class:`~hw.sofa.row_writer.RowWriter`), head after head, closed by a trailer word with the
    error code. Heads overlap: the next one loads while one computes, if both fit in the halves of the memory.

    Cycles of a head, when its stages overlap: loading of the first queries, keys and values, then
    ``queries * kept * folds / slices`` for the multipliers, or ``queries * keys * tree_folds / (slices * trees)``
    for the predictor if that is more.

    Parameters
    ----------
    parameters : SofaParameters
    """

    error_codes = SofaError

    def __init__(self, parameters):
        if not isinstance(parameters, SofaParameters):
            raise TypeError(f"parameters must be a SofaParameters, not {parameters!r}")
        p = self.parameters = parameters
        n = bits_for(p.slices)
        self.counters = tuple(CounterDescription(*description) for description in (
            ("predicting", "slice cycles", "cycles in which the predictor visits a key", n, "sum"),
            ("multiplying", "slice cycles", "cycles in which the attention multipliers are given a key", n, "sum"),
            ("key_loads", "keys", "keys read for a batch of rows; their values are read as often", n, "sum"),
            ("starved", "slice cycles", "cycles in which attention waits for the keys of its rows", n, "sum"),
            ("rows", "rows", "query rows finished", n, "sum"),
            ("max_raise", "events", "running maximum raised after the first key of a row", n, "sum"),
            ("z_pos", "keys", "exponent arguments above 0", n, "sum"),
            ("z_clip", "keys", "keys beyond zclip that raised the maximum although they do not lead", n, "sum"),
            ("score_saturated", "keys", "exact scores clipped", n, "sum"),
            ("predict_saturated", "keys", "predicted scores clipped", bits_for(p.slices * p.trees), "sum"),
            ("radius_clipped", "entries", "sorter entries clipped by the radius", 16, "sum"),
        ))
        super().__init__(EngineSignature(p.bus_width, self.counters))

    def elaborate(self, platform):
        m = Module()
        p = self.parameters

        m.submodules.loader = loader = shared(Loader, p)
        wiring.connect(m, wiring.flipped(self.i), loader.i)
        m.submodules.heads = heads = Fifo(PacketEnd(p), 3)
        m.submodules.errors = errors = Fifo(SofaError, 2)
        wiring.connect(m, loader.head, heads.i)
        wiring.connect(m, loader.packet_error, errors.i)
        m.submodules.predict = predict = Fork(Task(p), p.slices)
        m.submodules.attend = attend = Fork(Task(p), p.slices)
        wiring.connect(m, loader.predict, predict.i)
        wiring.connect(m, loader.attend, attend.i)

        head = Signal(PacketEnd(p))
        head_valid = Signal()
        m.d.comb += [head.eq(heads.o.payload), head_valid.eq(heads.o.valid)]

        row, tree, turn = Signal(16), Signal(range(max(2, p.trees))), Signal(range(max(2, p.slices)))
        row_out, last_row, group_end = Signal(), Signal(), Signal()
        slices, writers = [], []
        for index in range(p.slices):
            m.submodules[f"slice{index}"] = slice_ = shared(Slice, p)
            m.submodules[f"writer{index}"] = writer = shared(RowWriter, p)
            for name, fork, target in (("predict", predict, slice_.predict), ("attend", attend, slice_.attend)):
                m.submodules[f"{name}{index}"] = queue = Fifo(Task(p), 2)
                wiring.connect(m, fork.o[index], queue.i)
                wiring.connect(m, queue.o, target)
            wiring.connect(m, slice_.o, writer.outputs)
            wiring.connect(m, slice_.record, writer.record)
            enable = loader.write_slices[index]
            m.d.comb += [
                slice_.index.eq(index),
                slice_.write.eq(loader.write),
                slice_.group_loaded.eq(loader.group_loaded[index]),
                loader.group_done[index].eq(slice_.group_done),
                # A slice may be a head ahead of the rows that leave.
                writer.head.eq(slice_.head),
                writer.group_end.eq(group_end & (turn == index)),
            ]
            for field in ("query", "key", "value", "mask"):
                m.d.comb += slice_.write[field].eq(loader.write[field] & enable)
            slices.append(slice_)
            writers.append(writer)

        # Rows leave in order: the rows of a group from one slice, the next group from the next slice.
        word, word_valid, word_ready = Signal(Word(p.bus_width)), Signal(), Signal()
        with m.Switch(turn):
            for index, writer in enumerate(writers):
                with m.Case(index):
                    m.d.comb += [word.eq(writer.o.payload), word_valid.eq(writer.o.valid),
                                 writer.o.ready.eq(word_ready)]
        m.d.comb += [row_out.eq(word_valid & word_ready & word.last),
                     last_row.eq(row + 1 == head.task.queries),
                     group_end.eq(row_out & ((tree == p.trees - 1) | last_row))]
        for index, slice_ in enumerate(slices):
            m.d.comb += slice_.row_out.eq(row_out & (turn == index))

        m.submodules.output = output = Buffer(Word(p.bus_width))
        wiring.connect(m, wiring.flipped(self.o), output.o)
        m.submodules.done_buffer = done = Buffer(self.done.payload.shape())
        wiring.connect(m, wiring.flipped(self.done), done.o)
        with m.FSM() as fsm:
            with m.State("ROWS"):
                m.d.comb += [
                    output.i.payload.data.eq(word.data),
                    output.i.valid.eq(word_valid & head_valid & head.run),
                    word_ready.eq(output.i.ready & head_valid & head.run),
                ]
                with m.If(head_valid & ~head.run):
                    m.d.comb += heads.o.ready.eq(1)
                    m.next = "TRAILER"
                with m.If(row_out):
                    m.d.sync += [row.eq(row + 1), tree.eq(tree + 1)]
                    with m.If(group_end):
                        m.d.sync += [tree.eq(0), turn.eq(Mux(turn == p.slices - 1, 0, turn + 1))]
                    with m.If(last_row):
                        m.d.sync += [row.eq(0), turn.eq(0)]
                        m.d.comb += [heads.o.ready.eq(1), loader.head_done.eq(1)]
                        with m.If(~head.task.more_heads):
                            m.next = "TRAILER"
            with m.State("TRAILER"):
                m.d.comb += [
                    output.i.payload.data.eq(Cat(errors.o.payload, C(TRAILER_MARKER, 8))),
                    output.i.payload.last.eq(1),
                    output.i.valid.eq(errors.o.valid & done.i.ready),
                ]
                with m.If(output.i.valid & output.i.ready):
                    m.d.comb += errors.o.ready.eq(1)
                    m.next = "ROWS"
            finished = fsm.ongoing("TRAILER") & errors.o.ready
        m.d.comb += [
            done.i.payload.error.eq(errors.o.payload),
            done.i.valid.eq(finished),
            self.busy.eq(loader.busy | head_valid | errors.o.valid | self.o.valid),
        ]

        names = {"max_raise": "raised", "z_pos": "positive", "z_clip": "forced", "key_loads": "loaded"}
        for counter in self.counters:
            event = self.events[counter.name]
            if counter.name == "rows":
                m.d.sync += event.eq(row_out)
            else:
                source = names.get(counter.name, counter.name)
                m.d.sync += event.eq(sum(slice_.events[source] for slice_ in slices))
        return m
