"""A column: rows of butterfly units that work in step on a share of the stages, with the walk that they follow."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.shared import shared
from hw.stream.delay import delay
from hw.stream.select import any_of, select

from .coefficients import CoefficientRow, Coefficients
from .stage_share import StageShare
from .stage_walk import Shape, StageWalk, Step
from .unit_row import READ_LATENCY, STORE_LATENCY, RowControl, UnitRow, write_latency

__all__ = ["ButterflyColumn", "PiecePlace", "column_beat"]

# Cycles from the restart, or from a group that was begun, to the next one whose share of the stages is known.
_SETTLING = 5


class PiecePlace(data.StructLayout):
    """Where a piece of a memory row is, in all rows of a set."""

    def __init__(self, parameters):
        p = parameters
        super().__init__({
            "side": 1, "row": p.address_bits, "piece": max(1, (p.pieces - 1).bit_length()),
            "set": max(1, (p.row_sets - 1).bit_length()),
        })


def column_beat(parameters, bus):
    """Layout of what is loaded into a column, or stored from it, in a cycle.

    From the bus, or for it, a piece for each row of a set; else a memory row for each row of units.
    """
    p = parameters
    if bus:
        return data.ArrayLayout(data.ArrayLayout(p.word_width, p.piece_words), p.rows_at_once)
    return data.ArrayLayout(data.ArrayLayout(p.word_width, p.banks), p.rows)


class ButterflyColumn(wiring.Component):
    """Work through groups of vectors, from one side of the memories and the other by turns.

    A group of ``n`` memory rows takes ``n`` cycles a stage for complex vectors, and twice as many for twice as many
    real ones: a butterfly a cycle and unit. That is the bound as long as a group can be loaded, and another stored, in
    the time that the units need for one.

    Parameters
    ----------
    parameters : ButterflyParameters
    column : int
        Its number in the array.

    Members
    -------
    shape : In(Shape)
        Stable from `restart` on until nothing is left in the column.
    restart : In(1)
        Pulse: a task begins, whose groups follow.
    group_loaded : In(1)
        Pulse, with the last beat of a group at the earliest: the group may be begun.
    group_stored : In(1)
        Pulse, with the last beat of a group at the latest: the column is rid of it.
    computed : Out(1)
        There is a group whose results are in the memories, and have not been stored.
    empty : Out(1)
        No group is in the column.
    working, end : Out(1)
        A step is given in this cycle; a group is computed.
    load, load_place, load_beat : In(1), In(PiecePlace), In(column_beat)
        A beat to be written.
    store, store_place : In(1), In(PiecePlace)
        A beat to be read.
    stored, store_beat : Out(1), Out(column_beat)
        It is there, ``store_latency`` cycles later.
    coefficient_enable, coefficient_address, coefficient_row : In
        A row of coefficients, by its number among those of all stages; those of other columns are passed over.
    """

    def __init__(self, parameters, column=0):
        p = self._parameters = parameters
        self._column, self._first, self._last = column, column == 0, column == p.columns - 1
        #: Cycles from `store` to `stored`: the address, the memory, and the choice among sets of rows.
        self.store_latency = 1 + STORE_LATENCY + (1 if self._last else 0)
        super().__init__({
            "shape": In(Shape(p)), "restart": In(1), "group_loaded": In(1), "group_stored": In(1),
            "computed": Out(1), "empty": Out(1), "working": Out(1), "end": Out(1),
            "load": In(1), "load_place": In(PiecePlace(p)), "load_beat": In(column_beat(p, self._first)),
            "store": In(1), "store_place": In(PiecePlace(p)),
            "stored": Out(1), "store_beat": Out(column_beat(p, self._last)),
            "coefficient_enable": In(1), "coefficient_address": In(Step(p)["coefficients"].shape),
            "coefficient_row": In(CoefficientRow(p)),
        })

    def elaborate(self, platform):
        m = Module()
        p, latency = self._parameters, write_latency(self._parameters)
        m.submodules.walk = walk = StageWalk(p, latency)
        passed = self._groups(m, walk, latency)
        self._coefficients(m, walk)
        self._beats(m, self._steps(m, walk, passed, latency))
        return m

    def _groups(self, m, walk, latency):
        """Groups: loaded and not begun, begun, computed and not stored; returns that one is begun, or passed over."""
        p, start = self._parameters, Signal()
        loaded, working, computed, skip = Signal(range(3)), Signal(range(3)), Signal(range(3)), Signal()
        may_start = Signal()
        if p.columns == 1:
            m.d.comb += [walk.share.count.eq(self.shape.worked), may_start.eq(loaded != 0)]
        else:
            m.submodules.share = share = StageShare(p, self._column)
            m.d.comb += [share.stages.eq(self.shape.worked), share.restart.eq(self.restart),
                         share.begun.eq(start | skip), walk.share.eq(share.share)]
            settling, settled = Signal(range(_SETTLING + 1)), Signal()
            with m.If(self.restart | start | skip):
                m.d.sync += [settling.eq(_SETTLING), settled.eq(0)]
            with m.Else():
                m.d.sync += [settling.eq(settling - ~settled), settled.eq(settled | (settling == 1))]
            # A group without a stage for this column goes on when those before have.
            m.d.comb += [may_start.eq((loaded != 0) & settled & ~share.none),
                         skip.eq((loaded != 0) & settled & share.none & (working == 0))]
        m.d.comb += [
            start.eq(may_start & walk.ready), walk.shape.eq(self.shape), walk.start.eq(start),
            self.working.eq(walk.valid), self.end.eq(delay(m, walk.end, latency + 1, "end")),
            self.computed.eq(computed != 0), self.empty.eq(~Cat(loaded, working, computed).any()),
        ]
        m.d.sync += [
            loaded.eq(loaded + self.group_loaded - start - skip), working.eq(working + start - self.end),
            computed.eq(computed + self.end + skip - self.group_stored),
        ]
        return start | skip

    def _coefficients(self, m, walk):
        """Coefficients of the stages that come by here."""
        p = self._parameters
        m.submodules.coefficients = coefficients = Coefficients(p, self._column)
        # They meet the words at the units.
        step = delay(m, walk.step, READ_LATENCY - Coefficients.latency, "coefficient_step", payload=True)
        m.d.comb += [coefficients.fft.eq(self.shape.fft), coefficients.step.as_value().eq(step)]
        enable, row, address = self.coefficient_enable, self.coefficient_row, self.coefficient_address
        if p.columns > 1:
            # A column's rows are those from the first to the last of its stages.
            share, rows = m.submodules.share, self.shape.vector_rows + 1
            first, end = Signal.like(address, reset_less=True), Signal(len(address) + 1, reset_less=True)

            def times_rows(value):                           # a power of two
                return any_of([Mux(rows[bit], value << bit, 0) for bit in range(len(rows))])

            m.d.sync += [first.eq(times_rows(share.first)), end.eq(times_rows(share.last + 1))]
            own = delay(m, enable & (address >= first) & (address < end), 1, "own")
            enable, row, address = own, delay(m, row, 1, "row", payload=True), delay(
                m, (address - first)[:len(address)], 1, "row_address", payload=True)
        m.d.comb += [coefficients.write_enable.eq(enable), coefficients.write_address.eq(address),
                     coefficients.write_data.eq(row)]

    def _steps(self, m, walk, passed, latency):
        """The step, as it passes the stages of the rows; returns their control."""
        step, control = walk.step, Signal(RowControl(self._parameters))
        side = Signal(init=1)
        with m.If(passed):
            m.d.sync += side.eq(~side)
        # The side follows the walk, which is a cycle behind `start` and then as long as its steps are behind.
        side = delay(m, side, StageWalk.latency - 1, "side")

        def later(value, cycles, name):
            return delay(m, value, cycles, name, payload=True)

        rotation = later(step.rotation, READ_LATENCY - 3, "rotation")
        pairing = later(step.pairing, READ_LATENCY - 2, "pairing")
        writes = delay(m, walk.valid & (self.shape.fft | step.half), latency - 1, "writes")
        side_w = delay(m, side, latency - 1, "write_side")
        m.d.comb += [
            control.fft.eq(self.shape.fft),
            control.reads.eq(Cat(walk.valid & ~side, walk.valid & side)),
            control.low.eq(step.low), control.high.eq(step.high), control.parity.eq(step.rotation[0]),
            control.rotation.eq(rotation), control.pairing.eq(pairing),
            control.half.eq(later(step.half, READ_LATENCY - 1, "half")),
            control.write_pairing.eq(later(pairing, latency - READ_LATENCY, "write_pairing")),
            control.write_rotation.eq(later(rotation, latency - READ_LATENCY + 2, "write_rotation")),
            control.write_low.eq(later(step.low, latency, "write_low")),
            control.write_high.eq(later(step.high, latency, "write_high")),
            control.writes.eq(Cat(writes & ~side_w, writes & side_w)),
        ]
        if self._parameters.fixed_point:
            m.d.comb += control.scale.eq(later(step.scale, READ_LATENCY - 1, "scale"))
        return control

    def _beats(self, m, control):
        """Rows of units, and beats in and out: a cycle until the number of ones of a row is known."""
        p = self._parameters

        def later(value, cycles, name):
            return delay(m, value, cycles, name, payload=True)

        def ones(value):
            return sum(value[bit] for bit in range(len(value)))[:p.bank_bits]

        place, loads = self.load_place, delay(m, self.load, 1, "load")
        piece_bits = (p.piece_words - 1).bit_length()
        load_rotation, store_rotation = Signal(p.bank_bits, reset_less=True), Signal(p.bank_bits, reset_less=True)
        load_1 = {name: later(place[name], 1, f"load_{name}") for name in ("side", "row", "piece", "set")}
        beat, stored = later(self.load_beat, 1, "load_beat"), self.store_place
        store_1 = {name: later(stored[name], 1, f"store_{name}") for name in ("side", "row")}
        m.d.sync += [load_rotation.eq(ones(place.row)),
                     store_rotation.eq(ones(stored.row) + (stored.piece << piece_bits))]
        m.d.comb += [
            control.load_side.eq(load_1["side"]), control.load_row.eq(load_1["row"]),
            control.load_piece.eq(load_1["piece"]), control.load_rotation.eq(load_rotation),
            control.store_side.eq(store_1["side"]), control.store_row.eq(store_1["row"]),
            control.store_rotation.eq(later(store_rotation, STORE_LATENCY - 1, "store_rotation")),
        ]

        outputs = []
        for row in range(p.rows):
            m.submodules[f"row{row}"] = units = shared(UnitRow, p, self._first, self._last)
            set_, place_in_beat = divmod(row, p.rows_at_once) if self._first else (None, row)
            in_turn = load_1["set"] == set_ if self._first and p.row_sets > 1 else 1
            m.d.comb += [
                units.control.eq(control), units.coefficients.eq(m.submodules.coefficients.o),
                units.load.eq(loads & in_turn),
                units.load_words.as_value().eq(beat.word_select(place_in_beat, len(units.load_words.as_value()))),
            ]
            outputs.append(units.store_words.as_value())
        if self._last:
            sets = [Cat(outputs[start:start + p.rows_at_once]) for start in range(0, p.rows, p.rows_at_once)]
            set_o = later(stored.set, 1 + STORE_LATENCY, "store_set")
            chosen = Signal(len(self.store_beat.as_value()), reset_less=True)
            m.d.sync += chosen.eq(select(set_o[:(p.row_sets - 1).bit_length()], sets))
            m.d.comb += self.store_beat.as_value().eq(chosen)
        else:
            m.d.comb += self.store_beat.as_value().eq(Cat(outputs))
        m.d.comb += self.stored.eq(delay(m, self.store, self.store_latency, "stored"))
