"""A row of butterfly units with the memories of its two groups of vectors."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.shared import shared
from hw.stream.block_memory import BlockMemory
from hw.stream.delay import delay
from hw.stream.rotate import rotated

from .coefficients import CoefficientRow
from .fixed_unit import FixedButterflyUnit
from .pairing import paired, unpaired
from .unit import ButterflyUnit

__all__ = ["READ_LATENCY", "RowControl", "STORE_LATENCY", "UnitRow", "write_latency"]

_MEMORY_LATENCY = 2

#: Cycles from the addresses of a step to the words at the units: memory, rotation, pairs.
READ_LATENCY = _MEMORY_LATENCY + 2

#: Cycles from the address of a piece that is stored to the piece.
STORE_LATENCY = _MEMORY_LATENCY + 1


def _unit_class(parameters):
    return FixedButterflyUnit if parameters.fixed_point else ButterflyUnit


def write_latency(parameters):
    """Cycles from the addresses of a step to those of its results: units, pairs, rotation."""
    return READ_LATENCY + _unit_class(parameters).latency_of(parameters) + 2


class RowControl(data.StructLayout):
    """What the rows of an array are told in a cycle; all of it comes from registers. See :class:`UnitRow`."""

    def __init__(self, parameters):
        p = parameters
        address, rotation, pairing = p.address_bits, p.bank_bits, max(1, (p.bank_bits - 1).bit_length())
        super().__init__({
            "fft": 1, "half": 1,
            "reads": 2, "low": address, "high": address, "parity": 1, "rotation": rotation, "pairing": pairing,
            "writes": 2, "write_low": address, "write_high": address, "write_parity": 1,
            "write_rotation": rotation, "write_pairing": pairing,
            "load_side": 1, "load_row": address, "load_rotation": rotation,
            "load_piece": max(1, (p.pieces - 1).bit_length()),
            "store_side": 1, "store_row": address, "store_rotation": rotation,
        } | ({"scale": 1} if p.fixed_point else {}))


class UnitRow(wiring.Component):
    """The data path of a row: two sides of memory of P banks, rotation, pairs, units, and all the way back.

    While the units read and write one side, pieces of memory rows are stored from the other one, and loaded into it.
    One step a cycle. When what is to be given, in cycles from the addresses of a step:

    ===================== ========================================================
    0                     ``reads`` (a bit for each side), ``low``, ``high``, ``parity``
    2                     ``rotation``
    3                     ``pairing``
    ``READ_LATENCY``      ``half``, `coefficients`, in fixed point ``scale``
    ``write_latency - 2`` ``write_pairing``
    ``write_latency - 1`` ``write_rotation``
    ``write_latency``     ``writes``, ``write_low``, ``write_high``, ``write_parity``
    ===================== ========================================================

    ``parity`` is the lowest bit of the rotation: banks of this parity show words of the row ``low``. A piece that is
    stored is read at ``store_side`` and ``store_row``; two cycles later comes the rotation of its first word (the
    number of ones of the row, and the words of pieces before), and ``STORE_LATENCY`` later the piece is there. A piece
    that is loaded is written a cycle later; ``load_rotation`` is the number of ones of its row. Where whole memory rows
    are loaded or stored, their words are those of the banks, and there is no rotation.

    Parameters
    ----------
    parameters : ButterflyParameters
    first, last : bool
        Whether the row is of the first column, which is loaded with pieces from the bus, and of the last one, which
        stores pieces for it.

    Members
    -------
    control : In(RowControl)
    coefficients : In(ArrayLayout(ArrayLayout(element, 4), lanes))
    load : In(1), load_words : In(ArrayLayout(word))
    store_words : Out(ArrayLayout(word))
    """

    def __init__(self, parameters, first=True, last=True):
        p = self._parameters = parameters
        self._first, self._last = first, last
        super().__init__({
            "control": In(RowControl(p)),
            "coefficients": In(CoefficientRow(p)),
            "load": In(1), "load_words": In(data.ArrayLayout(p.word_width, p.piece_words if first else p.banks)),
            "store_words": Out(data.ArrayLayout(p.word_width, p.piece_words if last else p.banks)),
        })

    def elaborate(self, platform):
        m = Module()
        p, control = self._parameters, self.control
        banks, width = p.banks, p.word_width

        # What is loaded: a word for each bank, and whether it is the bank's turn.
        words = [self.load_words[word] for word in range(p.piece_words if self._first else banks)]
        loads, loaded = Signal(banks), [Signal(width, name=f"loaded{word}", reset_less=True)
                                        for word in range(len(words))]
        if self._first:
            words = rotated(words, control.load_rotation, back=True)
            piece_bits = (p.piece_words - 1).bit_length()
            for bank in range(banks):
                place = (bank - control.load_rotation)[:p.bank_bits] >> piece_bits
                m.d.sync += loads[bank].eq(self.load & (place == control.load_piece if p.pieces > 1 else 1))
        else:
            m.d.sync += loads.eq(self.load.replicate(banks))
        m.d.sync += [word.eq(value) for word, value in zip(loaded, words, strict=True)]
        load_row, load_side = (delay(m, value, 1, name, payload=True) for value, name in (
            (control.load_row, "load_row"), (control.load_side, "load_side")))

        # The memories.
        results = [Signal(width, name=f"result{bank}", reset_less=True) for bank in range(banks)]
        shown = [[], []]
        for side in range(2):
            for bank in range(banks):
                ram = shared(BlockMemory, width, p.memory_rows, latency=_MEMORY_LATENCY, vendor=p.vendor)
                m.submodules[f"side{side}_bank{bank}"] = ram
                odd, write_odd = control.parity ^ (bank & 1), control.write_parity ^ (bank & 1)
                writes = control.writes[side]
                m.d.comb += [
                    ram.read_enable.eq(1),
                    ram.read_address.eq(Mux(control.reads[side], Mux(odd, control.high, control.low),
                                            control.store_row)),
                    ram.write_enable.eq(writes | (loads[bank] & (load_side == side))),
                    ram.write_address.eq(Mux(writes, Mux(write_odd, control.write_high, control.write_low), load_row)),
                    ram.write_data.eq(Mux(writes, results[bank], loaded[bank % len(loaded)])),
                ]
                shown[side].append(ram.read_data)

        # To the units.
        side, store_side = (delay(m, value, _MEMORY_LATENCY, name, payload=True) for value, name in (
            (control.reads[1], "side"), (control.store_side, "store_side")))
        ordered = [Signal(width, name=f"ordered{place}", reset_less=True) for place in range(banks)]
        m.d.sync += [word.eq(value) for word, value in zip(ordered, rotated(
            [Mux(side, one, zero) for zero, one in zip(*shown, strict=True)], control.rotation), strict=True)]
        first, second = paired(ordered, control.pairing)
        made = [Signal(width, name=f"made{place}", reset_less=True) for place in range(banks)]
        results_p, results_q = [], []
        for unit in range(p.lanes):
            m.submodules[f"unit{unit}"] = butterfly = shared(_unit_class(p), p)
            word_p, word_q = (Signal(width, name=f"{name}{unit}", reset_less=True) for name in "pq")
            m.d.sync += [word_p.eq(first[unit]), word_q.eq(second[unit])]
            m.d.comb += [
                butterfly.p.as_value().eq(word_p), butterfly.q.as_value().eq(word_q),
                butterfly.coefficients.eq(self.coefficients[unit]),
                butterfly.fft.eq(control.fft), butterfly.half.eq(control.half),
            ]
            if p.fixed_point:
                m.d.comb += butterfly.scale.eq(control.scale)
            results_p.append(butterfly.o_p.as_value())
            results_q.append(butterfly.o_q.as_value())

        # And back.
        m.d.sync += [word.eq(value) for word, value in zip(
            made, unpaired(results_p, results_q, control.write_pairing), strict=True)]
        m.d.sync += [word.eq(value) for word, value in zip(
            results, rotated(made, control.write_rotation, back=True), strict=True)]

        # What is stored.
        shown_words = [Mux(store_side, one, zero) for zero, one in zip(*shown, strict=True)]
        if self._last:
            shown_words = rotated(shown_words, control.store_rotation)[:p.piece_words]
        stored = Signal.like(self.store_words, reset_less=True)
        m.d.sync += stored.eq(Cat(shown_words))
        m.d.comb += self.store_words.eq(stored)
        return m
