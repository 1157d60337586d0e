"""The result packet: rows of all slices in order, then a trailer."""

from amaranth.hdl import C, Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.shell.engine import TRAILER_MARKER
from hw.stream import Buffer, Word
from hw.stream.apart import APART
from hw.stream.counter import counter
from hw.stream.delay import delay
from hw.stream.select import any_of
from hw.stream.states import States

from .loader import PacketEnd
from .task import SofaError

__all__ = ["ResultWriter"]


class ResultWriter(wiring.Component):
    """Send the rows of a group from one slice, those of the next group from the next slice, head after head.

    A word a cycle; two cycles lie between rows and five between heads, in which it is found out what comes next.

    Members
    -------
    heads : In(stream of PacketEnd)
        Heads whose rows are to come, or how the packet ends.
    errors : In(stream of SofaError)
        One a packet, when it has been read whole.
    rows : In(streams of Word(bus_width))
        Of each slice; `last` ends a row.
    faulty : In(2)
        The head in this half of the key memories had tokens that were not as they should be.
    o : Out(stream of Word(bus_width))
    done : Out(stream of the packet's error)
    row_out : Out(slices)
        Pulse: a row of this slice has left.
    head_done : Out(1)
        Pulse: all rows of a head have left.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "heads": In(stream.Signature(PacketEnd(p))),
            "errors": In(stream.Signature(SofaError)),
            "rows": In(stream.Signature(Word(p.bus_width))).array(p.slices),
            "faulty": In(2),
            "o": Out(stream.Signature(Word(p.bus_width))),
            "done": Out(stream.Signature(data.StructLayout({"error": 8}))),
            "row_out": Out(p.slices),
            "head_done": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        p, head = self._parameters, self.heads.payload
        m.submodules.output = output = Buffer(Word(p.bus_width))
        wiring.connect(m, wiring.flipped(self.o), output.o)
        m.submodules.done_buffer = done = Buffer(self.done.payload.shape())
        wiring.connect(m, wiring.flipped(self.done), done.o)

        # The slice that sends words, by a bit each, or none; or the trailer is sent. What chooses the data is
        # a register of its own.
        sends, closes, error = Signal(p.slices), Signal(), Signal(SofaError)
        chooses = Signal(p.slices, attrs=APART)
        ready = output.i.ready
        trailer = Cat(error, C(TRAILER_MARKER, 8))
        m.d.comb += [
            output.i.valid.eq(closes | any_of([sends[index] & rows.valid for index, rows in enumerate(self.rows)])),
            output.i.payload.last.eq(closes),
            output.i.payload.data.eq((trailer & closes.replicate(len(trailer))) | any_of(
                [rows.payload.data & chooses[index].replicate(p.bus_width) for index, rows in enumerate(self.rows)])),
        ]
        for index, rows in enumerate(self.rows):
            m.d.comb += rows.ready.eq(sends[index] & ready)
        row_end = ready & any_of([sends[index] & rows.valid & rows.payload.last
                                  for index, rows in enumerate(self.rows)])

        # The place of the row at work: what it is the last one of is known three cycles after the row before it.
        turn, ended, starts = Signal(p.slices, init=1), Signal(), Signal()
        left, last_row = Signal(16), Signal()
        _, last_tree = counter(m, p.trees - 1, ended, starts, "tree")
        m.d.sync += last_row.eq(left == 1)
        m.d.comb += self.row_out.eq(turn & ended.replicate(p.slices))
        with m.If(starts):
            m.d.sync += [left.eq(head.task.queries), turn.eq(1)]
        with m.Elif(ended):
            m.d.sync += left.eq(left - 1)
            with m.If(last_tree):
                m.d.sync += turn.eq(turn.rotate_left(1))

        faulty = Signal()                                    # the packet
        states = States(m, "head", "start", "row", "words", "ended", "head_ended", "error", "trailer")
        leaves, more_heads = states.leave, head.task.more_heads
        m.d.comb += starts.eq(leaves("start", row=1))
        first = leaves("head", self.heads.valid, start=head.run, error=~head.run)
        with m.If(leaves("row", words=1)):
            m.d.sync += [sends.eq(turn), chooses.eq(turn)]
        with m.If(leaves("words", row_end, ended=1)):
            m.d.sync += [sends.eq(0), chooses.eq(0)]
        m.d.comb += [
            ended.eq(leaves("ended", row=~last_row, head_ended=last_row)),
            self.head_done.eq(leaves("head_ended", head=more_heads, error=~more_heads)),
            self.heads.ready.eq((first & ~head.run) | self.head_done),
        ]
        with m.If(self.head_done & head.task.tokens & self.faulty.bit_select(head.task.half, 1)):
            m.d.sync += faulty.eq(1)
        m.d.sync += error.eq(self.errors.payload)
        with m.If((self.errors.payload == SofaError.NONE) & faulty):
            m.d.sync += error.eq(SofaError.MISSING_TOKEN)
        with m.If(leaves("error", delay(m, self.errors.valid, 1, "errors_valid") & done.i.ready, trailer=1)):
            m.d.sync += closes.eq(1)
        m.d.comb += [
            self.errors.ready.eq(leaves("trailer", ready, head=1)),
            done.i.valid.eq(self.errors.ready), done.i.payload.error.eq(error),
        ]
        with m.If(self.errors.ready):
            m.d.sync += [closes.eq(0), faulty.eq(0)]
        return m
