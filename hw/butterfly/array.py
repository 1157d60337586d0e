"""Rows of butterfly units that work in step, with the walk that they follow."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.shared import shared
from hw.stream.counter import counter
from hw.stream.delay import delay
from hw.stream.select import select

from .coefficients import CoefficientRow, Coefficients
from .stage_walk import Shape, StageWalk, Step
from .unit_row import READ_LATENCY, STORE_LATENCY, RowControl, UnitRow, write_latency

__all__ = ["ButterflyArray", "PiecePlace", "walk_pieces"]


class PiecePlace(data.StructLayout):
    """Where a piece of a memory row is, in all rows of a set."""

    def __init__(self, parameters):
        p = parameters
        super().__init__({
            "side": 1, "row": p.address_bits, "piece": max(1, (p.pieces - 1).bit_length()),
            "set": max(1, (p.row_sets - 1).bit_length()),
        })


def walk_pieces(m, parameters, last_row, advance, restart):
    """Walk the pieces of a group in the order of the stream: of a memory row, of all memory rows, of all sets of rows.

    Parameters
    ----------
    m : Module
        Module that the counters are added to.
    parameters : ButterflyParameters
    last_row : Value
        Number of the group's last memory row.
    advance, restart : Value
        See :func:`~hw.stream.counter.counter`.

    Returns
    -------
    place : dict of str to Signal
        ``piece``, ``row`` and ``set`` of a :class:`PiecePlace`.
    end : Value
        The last piece is passed in this cycle.
    """
    p = parameters
    piece, piece_end = counter(m, p.pieces - 1, advance, restart, "piece")
    row, row_end = counter(m, last_row, advance & piece_end, restart, "row")
    set_, set_end = counter(m, p.row_sets - 1, advance & piece_end & row_end, restart, "set")
    return {"piece": piece, "row": row, "set": set_}, advance & piece_end & row_end & set_end


class ButterflyArray(wiring.Component):
    """Work through groups of vectors, from one side of the memories and the other by turns.

    A group of ``n`` memory rows takes ``n * stages`` cycles for complex vectors, and twice as many for twice as many
    real ones: a butterfly a cycle and unit. That is the bound of the accelerator as long as a beat of the bus for each
    row of the array and quarter of a memory row can be loaded, and another stored, in this time.

    Members
    -------
    shape, start, ready : see :class:`StageWalk`
    side : In(1)
        Of the group; with `start`.
    end : Out(1)
        Pulse: the results of a group are in the memories.
    working : Out(1)
        A step is given in this cycle.
    load, load_place, load_beat : In(1), In(PiecePlace), In
        A beat of the bus to be written.
    store, store_place : In(1), In(PiecePlace)
        A beat to be read.
    stored, store_beat : Out(1), Out
        It is there, ``store_latency`` cycles later.
    coefficient_enable, coefficient_address, coefficient_row : In
        A row of coefficients to be stored.
    """

    store_latency = 1 + STORE_LATENCY + 1

    def __init__(self, parameters):
        p = self._parameters = parameters
        beat = data.ArrayLayout(data.ArrayLayout(p.word_width, p.piece_words), p.rows_at_once)
        super().__init__({
            "shape": In(Shape(p)), "start": In(1), "ready": Out(1), "side": In(1),
            "end": Out(1), "working": Out(1),
            "load": In(1), "load_place": In(PiecePlace(p)), "load_beat": In(beat),
            "store": In(1), "store_place": In(PiecePlace(p)),
            "stored": Out(1), "store_beat": Out(beat),
            "coefficient_enable": In(1), "coefficient_address": In(Step(p)["coefficients"].shape),
            "coefficient_row": In(CoefficientRow(p)),
        })

    def elaborate(self, platform):
        m = Module()
        p, latency, control = self._parameters, write_latency(self._parameters), Signal(RowControl(self._parameters))
        m.submodules.walk = walk = StageWalk(p, latency)
        m.submodules.coefficients = coefficients = Coefficients(p)
        step = walk.step
        side = Signal()
        with m.If(self.start):
            m.d.sync += side.eq(self.side)
        # The side follows the walk, which is a cycle behind `start` and then as long as its steps are behind.
        side = delay(m, side, StageWalk.latency - 1, "side")
        m.d.comb += [
            walk.shape.eq(self.shape), walk.start.eq(self.start), self.ready.eq(walk.ready),
            self.working.eq(walk.valid), self.end.eq(delay(m, walk.end, latency + 1, "end")),
            coefficients.fft.eq(self.shape.fft), coefficients.step.eq(step),
            coefficients.write_enable.eq(self.coefficient_enable),
            coefficients.write_address.eq(self.coefficient_address),
            coefficients.write_data.eq(self.coefficient_row),
        ]

        # The step, as it passes the stages of the rows.
        def later(value, cycles, name):
            return delay(m, value, cycles, name, payload=True)

        rotation_2 = later(step.rotation, 2, "rotation")
        pairing_3 = later(step.pairing, 3, "pairing")
        rotation_w = later(rotation_2, latency - 3, "write_rotation")
        writes = delay(m, walk.valid & (self.shape.fft | step.half), latency, "writes")
        side_w = delay(m, side, latency, "write_side")
        m.d.comb += [
            control.fft.eq(self.shape.fft),
            control.reads.eq(Cat(walk.valid & ~side, walk.valid & side)),
            control.low.eq(step.low), control.high.eq(step.high), control.parity.eq(step.rotation[0]),
            control.rotation.eq(rotation_2), control.pairing.eq(pairing_3),
            control.half.eq(later(step.half, READ_LATENCY, "half")),
            control.write_pairing.eq(later(pairing_3, latency - 5, "write_pairing")),
            control.write_rotation.eq(rotation_w), control.write_parity.eq(later(rotation_w, 1, "write_parity")[0]),
            control.write_low.eq(later(step.low, latency, "write_low")),
            control.write_high.eq(later(step.high, latency, "write_high")),
            control.writes.eq(Cat(writes & ~side_w, writes & side_w)),
        ]

        # Beats in and out: a cycle until the number of ones of a row is known.
        def ones(value):
            return sum(value[bit] for bit in range(len(value)))[:p.bank_bits]

        place, loads = self.load_place, delay(m, self.load, 1, "load")
        piece_bits = (p.piece_words - 1).bit_length()
        load_rotation = Signal(p.bank_bits, reset_less=True)
        m.d.sync += load_rotation.eq(ones(place.row))
        load_1 = {name: later(place[name], 1, f"load_{name}") for name in ("side", "row", "piece", "set")}
        beat = later(self.load_beat, 1, "load_beat")
        stored = self.store_place
        store_rotation = Signal(p.bank_bits, reset_less=True)
        m.d.sync += store_rotation.eq(ones(stored.row) + (stored.piece << piece_bits))
        store_1 = {name: later(stored[name], 1, f"store_{name}") for name in ("side", "row")}
        m.d.comb += [
            control.load_side.eq(load_1["side"]), control.load_row.eq(load_1["row"]),
            control.load_piece.eq(load_1["piece"]), control.load_rotation.eq(load_rotation),
            control.store_side.eq(store_1["side"]), control.store_row.eq(store_1["row"]),
            control.store_rotation.eq(later(store_rotation, 2, "store_rotation")),
        ]

        piece_width, pieces = p.piece_words * p.word_width, []
        for row in range(p.rows):
            m.submodules[f"row{row}"] = units = shared(UnitRow, p)
            set_, place_in_beat = divmod(row, p.rows_at_once)
            m.d.comb += [
                units.control.eq(control), units.coefficients.eq(coefficients.o),
                units.load.eq(loads & (load_1["set"] == set_ if p.row_sets > 1 else 1)),
                units.load_piece.as_value().eq(beat.word_select(place_in_beat, piece_width)),
            ]
            pieces.append(units.store_piece.as_value())
        sets = [Cat(pieces[start:start + p.rows_at_once]) for start in range(0, p.rows, p.rows_at_once)]
        set_o = later(stored.set, 1 + STORE_LATENCY, "store_set")
        chosen = Signal(len(self.store_beat.as_value()), reset_less=True)
        m.d.sync += chosen.eq(select(set_o[:(p.row_sets - 1).bit_length()], sets))
        m.d.comb += [self.store_beat.as_value().eq(chosen),
                     self.stored.eq(delay(m, self.store, self.store_latency, "stored"))]
        return m
