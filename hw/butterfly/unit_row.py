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

# Registers in front of the memory, and the memory.
_MEMORY_LATENCY = 3

#: Cycles from the addresses of a step to the words at the units: memory, choice of a side, rotation, pairs.
READ_LATENCY = _MEMORY_LATENCY + 3

#: Cycles from the address of a piece that is stored to the piece.
STORE_LATENCY = _MEMORY_LATENCY + 1


def _unit_class(parameters):
    return FixedButterflyUnit if parameters.fixed_point else ButterflyUnit


def write_latency(parameters):
    """Cycles from the addresses of a step to those of its results: units, pairs; the rotation follows."""
    return READ_LATENCY + _unit_class(parameters).latency_of(parameters) + 1


class RowControl(data.StructLayout):
    """What the rows of an array are told in a cycle; all of it comes from registers. See :class:`UnitRow`."""

    def __init__(self, parameters):
        p = parameters
        address, rotation, pairing = p.address_bits, p.bank_bits, max(1, (p.bank_bits - 1).bit_length())
        super().__init__({
            "fft": 1, "half": 1,
            "reads": 2, "low": address, "high": address, "parity": 1, "rotation": rotation, "pairing": pairing,
            "writes": 2, "write_low": address, "write_high": address,
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
    3                     ``rotation``
    4                     ``pairing``
    ``READ_LATENCY - 1``  ``half``, in fixed point ``scale``
    ``READ_LATENCY``      `coefficients`
    ``write_latency - 2`` ``write_pairing``
    ``write_latency - 1`` ``write_rotation``, ``writes``
    ``write_latency``     ``write_low``, ``write_high``
    ===================== ========================================================

    A row has registers of its own for all of these, in front of the memories an address for the banks of either side
    and parity, so that a net from the column goes to no more than a few of them. The lowest bit of a rotation, here
    ``parity``, says which banks show words of the row ``low``. A piece that is stored is read at ``store_side`` and
    ``store_row``; three cycles later comes the rotation of its first word (the number of ones of the row, and the words
    of pieces before), and ``STORE_LATENCY`` later the piece is there. A piece that is loaded is written two cycles
    later; ``load_rotation`` is the number of ones of its row. Where whole memory rows are loaded or stored, their words
    are those of the banks, and there is no rotation.

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

        def own(value, name):
            return delay(m, value, 1, name, payload=True, apart=True)

        rotation, pairing, write_pairing, write_rotation, half, *scale = (
            own(control[name], name) for name in (
                "rotation", "pairing", "write_pairing", "write_rotation", "half", *["scale"] * p.fixed_point))

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

        # Results, on the way back.
        made = [Signal(width, name=f"made{place}", reset_less=True) for place in range(banks)]
        results = rotated(made, write_rotation, back=True)

        # The memories, behind registers.
        shown = [[], []]
        for side in range(2):
            reads = control.reads[side]

            def writes(of, side=side):
                return delay(m, control.writes[side], 1, f"writes{side}_{of}", apart=True)

            addresses = []
            for parity in range(2):
                odd, write_odd = control.parity ^ parity, write_rotation[0] ^ parity
                addresses.append((
                    own(Mux(reads, Mux(odd, control.high, control.low), control.store_row), f"read{side}_{parity}"),
                    own(Mux(writes(f"parity{parity}"), Mux(write_odd, control.write_high, control.write_low), load_row),
                        f"write{side}_{parity}")))
            for bank in range(banks):
                ram = shared(BlockMemory, width, p.memory_rows, latency=_MEMORY_LATENCY - 1, vendor=p.vendor)
                m.submodules[f"side{side}_bank{bank}"] = ram
                here = writes(f"bank{bank}")
                enable = delay(m, here | (loads[bank] & (load_side == side)), 1, f"enable{side}_{bank}")
                written = delay(m, Mux(here, results[bank], loaded[bank % len(loaded)]), 1, f"written{side}_{bank}",
                                payload=True)
                read_address, write_address = addresses[bank & 1]
                m.d.comb += [
                    ram.read_enable.eq(1), ram.read_address.eq(read_address),
                    ram.write_enable.eq(enable), ram.write_address.eq(write_address), ram.write_data.eq(written),
                ]
                shown[side].append(ram.read_data)

        # To the units.
        side, store_side = (delay(m, value, _MEMORY_LATENCY - 1, name, payload=True) for value, name in (
            (control.reads[1], "side"), (control.store_side, "store_side")))

        def of_side(side, name):
            return [Mux(own(side, f"{name}{bank}"), one, zero)
                    for bank, (zero, one) in enumerate(zip(*shown, strict=True))]

        ordered = [Signal(width, name=f"ordered{place}", reset_less=True) for place in range(banks)]
        chosen = [delay(m, word, 1, f"chosen{bank}", payload=True)
                  for bank, word in enumerate(of_side(side, "own_side"))]
        m.d.sync += [word.eq(value) for word, value in zip(ordered, rotated(chosen, rotation), strict=True)]
        first, second = paired(ordered, pairing)
        results_p, results_q = [], []
        for unit in range(p.lanes):
            m.submodules[f"unit{unit}"] = butterfly = shared(_unit_class(p), p)
            word_p, word_q = (Signal(width, name=f"{name}{unit}", reset_less=True) for name in "pq")
            m.d.sync += [word_p.eq(first[unit]), word_q.eq(second[unit])]
            m.d.comb += [
                butterfly.p.as_value().eq(word_p), butterfly.q.as_value().eq(word_q),
                butterfly.coefficients.eq(self.coefficients[unit]),
                butterfly.fft.eq(control.fft), butterfly.half.eq(half),
            ]
            if p.fixed_point:
                m.d.comb += butterfly.scale.eq(scale[0])
            results_p.append(butterfly.o_p.as_value())
            results_q.append(butterfly.o_q.as_value())

        # And back.
        m.d.sync += [word.eq(value) for word, value in zip(
            made, unpaired(results_p, results_q, write_pairing), strict=True)]

        # What is stored.
        shown_words = of_side(store_side, "own_store_side")
        if self._last:
            shown_words = rotated(shown_words, control.store_rotation)[:p.piece_words]
        stored = Signal.like(self.store_words, reset_less=True)
        m.d.sync += stored.eq(Cat(shown_words))
        m.d.comb += self.store_words.eq(stored)
        return m
