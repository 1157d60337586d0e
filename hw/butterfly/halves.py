"""What the butterfly units of all formats do alike: registers of operands, results as words."""

from amaranth.hdl import Cat, Mux

from hw.stream.delay import delay

__all__ = ["give_halves", "operands"]


def operands(m, *values):
    """Return registers of what the multipliers take, in order."""
    return [delay(m, value, 1, f"operand{number}", payload=True) for number, value in enumerate(values)]


def give_halves(m, unit, above, below, fft):
    """Connect the outputs of a unit of both modes.

    Of a Fourier transform a word is there at once. Of a butterfly matrix each step gives an element of both words,
    both in `above`, and the lower half of the words waits a cycle for the upper one.

    Parameters
    ----------
    m : Module
        Module that the registers are added to.
    unit : component
        With `o_p` and `o_q`.
    above, below : pairs of Value
        Sums and differences, real part first.
    fft : Value
        The mode, which is not another one while there are words in the unit.
    """
    before = [delay(m, value, 1, f"before{number}", payload=True) for number, value in enumerate(above)]
    m.d.comb += [
        unit.o_p.eq(Mux(fft, Cat(above), Cat(before[0], above[0]))),
        unit.o_q.eq(Mux(fft, Cat(below), Cat(before[1], above[1]))),
    ]
