"""Reading of task packets: header, coefficients, then groups of vectors."""

from amaranth.hdl import Module, Mux, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from hw.stream import WidthConverter, Word
from hw.stream.counter import counter
from hw.stream.delay import delay
from hw.stream.header import collect_header
from hw.stream.packet import PacketInput
from hw.stream.select import any_of

from .array import walk_pieces
from .coefficients import CoefficientRow
from .column import PiecePlace
from .group_places import group_places
from .stage_walk import Shape, Step
from .task import HEADER_BITS, ButterflyError, HeaderCheck

__all__ = ["ButterflyLoader"]


class ButterflyLoader(wiring.Component):
    """Parse packets: a header of 16 bytes, rows of coefficients, and the groups of the task, each from a new beat on.

    A beat carries a piece of a memory row for each of ``rows_at_once`` rows of units. Pieces follow one another, then
    sets of rows, then memory rows. A beat a cycle. Rows of coefficients come in the order in which they are needed.

    A packet that ends early ends its task with the last whole group; what follows a task is dropped. Either way the
    error is reported, and the next packet is read as usual.

    Parameters
    ----------
    parameters : ButterflyParameters
    left_beats : int

    Members
    -------
    i : In(stream of Word(bus_width))
    shape : Out(Shape)
        Of the task at work.
    relu : Out(1)
        Its results that have the sign bit become +0.
    coefficient_enable, coefficient_address, coefficient_row : Out
    begun : Out(1)
        Pulse: a task begins, before its coefficients and groups.
    left : In(1)
        Pulse: ``left_beats`` beats are leaving, so that as many that are loaded may take their place.
    load, load_place, load_beat : Out
        A beat, for the array.
    group_loaded : Out(1)
        Pulse: a group is complete with the beat before.
    running : Out(1)
        A task is at work: from its header on, until `finish`.
    complete : Out(1)
        No group of the task follows those that were loaded.
    error : Out(ButterflyError)
        Of the task, once `complete`.
    finish : In(1)
        Pulse: the result has left.
    busy : Out(1)
    """

    def __init__(self, parameters, left_beats):
        p = self._parameters = parameters
        self._left_beats = left_beats
        super().__init__({
            "i": In(stream.Signature(Word(p.bus_width))),
            "shape": Out(Shape(p)), "relu": Out(1),
            "coefficient_enable": Out(1), "coefficient_address": Out(Step(p)["coefficients"].shape),
            "coefficient_row": Out(CoefficientRow(p)),
            "begun": Out(1), "left": In(1),
            "load": Out(1), "load_place": Out(PiecePlace(p)), "load_beat": Out(p.bus_width),
            "group_loaded": Out(1),
            "running": Out(1), "complete": Out(1), "error": Out(ButterflyError), "finish": In(1), "busy": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        packet = PacketInput(m, self.i)
        word, available, wanted, ended = packet.word, packet.available, packet.wanted, packet.ended

        # Header.
        heading, checking = Signal(), Signal()
        collected, _, header_end = collect_header(m, word.data, HEADER_BITS, heading, available)
        m.submodules.check = check = HeaderCheck(p)
        kept_stages, kept_worked = Signal.like(check.kept_stages), Signal.like(check.kept_worked)
        m.d.comb += [check.header.as_value().eq(collected), check.kept_stages.eq(kept_stages),
                     check.kept_worked.eq(kept_worked),
                     self.shape.eq(check.shape), self.relu.eq(check.header.relu)]
        header = check.header
        groups = Signal(32)

        # Coefficients: so many rows of them, in so many beats. A beat is a power of two of rows, or of parts of a row.
        rows_wanted, beats_wanted = Signal(bits_for(p.coefficient_rows)), Signal(
            bits_for(max(1, -(-p.coefficient_rows * p.coefficient_width // p.bus_width))))
        rows = any_of([Mux((self.shape.vector_rows + 1)[bit], self.shape.worked << bit, 0)
                       for bit in range(p.address_bits + 1)])
        if p.coefficient_width >= p.bus_width:
            beats_of_rows = rows_wanted << ceil_log2(p.coefficient_width // p.bus_width)
        else:
            rows_of_beat = p.bus_width // p.coefficient_width
            beats_of_rows = (rows_wanted + rows_of_beat - 1) >> ceil_log2(rows_of_beat)
        m.d.sync += [rows_wanted.eq(rows), beats_wanted.eq(beats_of_rows)]
        reading, starting = Signal(), Signal()
        converter = WidthConverter(p.bus_width, p.coefficient_width)
        m.submodules.converter = ResetInserter(starting)(converter)
        beats_left, row, more = Signal.like(beats_wanted), Signal.like(rows_wanted), Signal()
        takes_coefficients = reading & more & converter.i.ready
        m.d.comb += [
            converter.i.valid.eq(reading & more & available), converter.i.payload.data.eq(word.data),
            converter.o.ready.eq(1),
        ]
        row_data = Signal.like(self.coefficient_row, reset_less=True)
        m.d.sync += [row_data.eq(converter.o.payload.data), self.coefficient_address.eq(row),
                     self.coefficient_enable.eq(converter.o.valid & (row != rows_wanted) & reading)]
        m.d.comb += self.coefficient_row.eq(row_data)
        with m.If(converter.o.valid & (row != rows_wanted)):
            m.d.sync += row.eq(row + 1)
        with m.If(takes_coefficients & available):
            m.d.sync += [beats_left.eq(beats_left - 1), more.eq(beats_left != 1)]
        with m.If(starting):
            m.d.sync += [row.eq(0), beats_left.eq(beats_wanted), more.eq(1)]

        # Groups. Those behind the first two take the places of results that have left.
        loading, side, goes = Signal(), Signal(), Signal()
        beats_of_row = p.pieces * p.row_sets
        may_load = group_places(m, self.shape.last_row, beats_of_row, 2 * p.memory_rows * beats_of_row, ~loading,
                                Mux(delay(m, self.left, 1, "left"), self._left_beats, 0), goes)
        m.d.comb += goes.eq(loading & available & may_load)
        now, _, group_end = walk_pieces(m, p, self.shape.last_row, goes, ~loading)
        m.d.sync += [self.load.eq(goes), self.group_loaded.eq(group_end)]
        place, beat = Signal(PiecePlace(p), reset_less=True), Signal(p.bus_width, reset_less=True)
        m.d.sync += [place.side.eq(side), beat.eq(word.data), *(place[name].eq(value) for name, value in now.items())]
        m.d.comb += [self.load_place.eq(place), self.load_beat.eq(beat)]
        with m.If(group_end):
            m.d.sync += [side.eq(~side), groups.eq(groups - 1)]

        draining = Signal()
        m.d.comb += [
            wanted.eq(heading | takes_coefficients | (loading & may_load) | draining),
            self.busy.eq(self.running | packet.waiting),
        ]
        steps, _ = counter(m, 7, checking, ~checking, "steps")
        _, idle_converter = counter(m, 3, ~converter.o.valid & ~more, converter.o.valid | more, "idle")
        error = self.error
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [error.eq(ButterflyError.NONE), ended.eq(0)]
                with m.If(available):
                    m.d.sync += [heading.eq(1), self.running.eq(1)]
                    m.next = "HEADER"
            with m.State("HEADER"):
                with m.If(available):
                    with m.If(header_end):
                        m.d.sync += [heading.eq(0), checking.eq(1)]
                        m.next = "CHECK"
                    with m.Elif(word.last):
                        m.d.sync += [heading.eq(0), error.eq(ButterflyError.SHORT_PACKET)]
                        m.next = "DRAIN"
            with m.State("CHECK"):
                m.d.sync += groups.eq(header.groups)
                with m.If(steps == HeaderCheck.latency + 1):
                    m.d.sync += [checking.eq(0), error.eq(check.error)]
                    with m.If(check.error != ButterflyError.NONE):
                        m.next = "DRAIN"
                    with m.Elif(header.fft | header.keep_coefficients):
                        m.d.comb += self.begun.eq(1)
                        m.d.sync += loading.eq(1)
                        m.next = "GROUPS"
                    with m.Else():
                        m.d.comb += [self.begun.eq(1), starting.eq(1)]
                        m.d.sync += [reading.eq(1), kept_stages.eq(0)]
                        m.next = "COEFFICIENTS"
            with m.State("COEFFICIENTS"):
                with m.If(more & ended):
                    m.d.sync += [reading.eq(0), error.eq(ButterflyError.SHORT_PACKET)]
                    m.next = "DRAIN"
                with m.Elif(~more & idle_converter):
                    m.d.sync += [reading.eq(0), loading.eq(1), kept_stages.eq(header.stages),
                                 kept_worked.eq(self.shape.worked)]
                    m.next = "GROUPS"
            with m.State("GROUPS"):
                with m.If(group_end & (groups == 1)):
                    m.d.sync += loading.eq(0)
                    m.next = "TAIL"
                with m.Elif(ended):
                    m.d.sync += [loading.eq(0), error.eq(ButterflyError.SHORT_PACKET)]
                    m.next = "DRAIN"
            with m.State("TAIL"):
                with m.If(~ended):
                    m.d.sync += error.eq(ButterflyError.LONG_PACKET)
                m.next = "DRAIN"
            packet.add_end_states(m, draining, self.complete, self.running, self.finish)
        return m
