"""Results of a butterfly unit, as words."""

from amaranth.hdl import Cat, Mux

from hw.stream.delay import delay

__all__ = ["give_halves"]


def give_halves(m, unit, above, below, fft):
    """Connect the outputs of a unit of both modes.

    Of a Fourier transform a word is there at once. Of a butterfly matrix each step gives an element of both words,
    both in `above`, and the lower half of the words waits a cycle for the upper one.

    Parameters
    ----------
    m : Module
        Module that the registers are added to.
    unit : component
        With `o_p`, `o_q` and ``latency``.
    above, below : pairs of Value
        Sums and differences, real part first.
    fft : Value
        The mode, as the step's words came.
    """
    before = [delay(m, value, 1, f"before{number}", payload=True) for number, value in enumerate(above)]
    fft = delay(m, fft, unit.latency, "fft_o")
    m.d.comb += [
        unit.o_p.eq(Mux(fft, Cat(above), Cat(before[0], above[0]))),
        unit.o_q.eq(Mux(fft, Cat(below), Cat(before[1], above[1]))),
    ]
