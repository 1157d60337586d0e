"""Coefficients of butterfly matrices, and twiddles of Fourier transforms."""

import math

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.shared import shared
from hw.stream.block_memory import BlockMemory
from hw.stream.delay import delay
from hw.stream.select import select

from .stage_walk import Step

__all__ = ["CoefficientRow", "Coefficients", "twiddle"]


def twiddle(block):
    """Twiddle of a block: ``exp(-2 pi i f)`` with ``f`` half the fraction whose bits are those of `block`, reversed.

    It is the same for a block of this number in all stages of transforms of all lengths.

    Returns
    -------
    tuple of float
        Real and imaginary part.
    """
    turns, bit = 0.0, 0.25
    while block:
        turns += bit * (block & 1)
        block, bit = block >> 1, bit / 2
    # From the nearest right angle, so that those are exact.
    quarter = round(4 * turns)
    rest = 2 * math.pi * (turns - quarter / 4)
    cosine, sine = math.cos(rest), math.sin(rest)
    real, imaginary = ((cosine, -sine), (-sine, -cosine), (-cosine, sine))[quarter]
    return real + 0.0, imaginary + 0.0


class CoefficientRow(data.ArrayLayout):
    """Four coefficients for each unit."""

    def __init__(self, parameters):
        super().__init__(data.ArrayLayout(parameters.element_width, 4), parameters.lanes)


class Coefficients(wiring.Component):
    """What each unit multiplies by in a step.

    Coefficients of a butterfly matrix are stored in the order in which they are needed: those of all units for a step
    are a row. Twiddles are a table of ``max_points / 2`` complex numbers in as many banks as there are units: a step
    needs the same one for all units, or ones that follow each other.

    Parameters
    ----------
    parameters : ButterflyParameters
    column : int
        The column whose stages the coefficients are of.

    Members
    -------
    fft : In(1)
    step : In(Step)
    o : Out(ArrayLayout(ArrayLayout(element, 4), lanes))
        `latency` cycles later; of a twiddle real and imaginary part, and two that do not count.
    write_enable, write_address, write_data : In
        A row of coefficients.
    """

    #: Cycles from a step to its coefficients.
    latency = 5

    def __init__(self, parameters, column=0):
        p = self._parameters = parameters
        self._column = column
        row, step = CoefficientRow(p), Step(p)
        super().__init__({
            "fft": In(1), "step": In(step), "o": Out(row),
            "write_enable": In(1), "write_address": In(step["coefficients"].shape), "write_data": In(row),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        address, twiddle_address = (delay(m, value, 1, name, payload=True) for name, value in (
            ("address", self.step.coefficients), ("twiddle", self.step.twiddle)))
        chosen, shown = Signal.like(self.o, reset_less=True), Signal.like(self.o, reset_less=True)
        fft = delay(m, self.fft, 1, "own_fft", apart=True) if p.bpmm and p.fft else self.fft
        if p.bpmm:
            m.submodules.rows = rows = shared(BlockMemory, p.coefficient_width,
                                              max(2, p.coefficient_rows_of(self._column)), latency=2, vendor=p.vendor)
            m.d.comb += [
                rows.write_enable.eq(self.write_enable), rows.write_address.eq(self.write_address),
                rows.write_data.eq(self.write_data.as_value()),
                rows.read_enable.eq(1), rows.read_address.eq(address),
            ]
            m.d.sync += chosen.as_value().eq(rows.read_data)
        if p.fft:
            table_rows = max(2, p.max_points // 2 // p.lanes)
            twiddles = []
            for bank in range(p.lanes):
                values = [twiddle(row * p.lanes + bank) for row in range(table_rows)]
                words = tuple(p.format.encoded(real) | p.format.encoded(imaginary) << p.element_width
                              for real, imaginary in values)
                m.submodules[f"twiddles{bank}"] = table = shared(BlockMemory, p.word_width, table_rows, latency=2,
                                                                 vendor=p.vendor, init=words)
                m.d.comb += [table.read_enable.eq(1), table.read_address.eq(twiddle_address)]
                twiddles.append(table.read_data)
            places = delay(m, self.step.places, 3, "places", payload=True)
            for unit in range(p.lanes):
                place = places[unit * len(self.step.places[unit]):][:p.lane_bits]
                value = select(place, twiddles)
                if p.bpmm:
                    value = Mux(fft, value, Cat(rows.read_data.word_select(4 * unit, p.element_width),
                                                rows.read_data.word_select(4 * unit + 1, p.element_width)))
                m.d.sync += Cat(chosen[unit][0], chosen[unit][1]).eq(value)
        m.d.sync += shown.eq(chosen)
        m.d.comb += self.o.eq(shown)
        return m
