"""Headers of packets, which take a beat or several."""

from amaranth.hdl import Cat, Signal

from .counter import counter

__all__ = ["collect_header"]


def collect_header(m, word, bits, heading, available):
    """Collect the first bits of a packet.

    Parameters
    ----------
    m : Module
        Module that the registers are added to.
    word : Value
        Data of a beat.
    bits : int
        Of the header, which begins with the lowest bit of the first beat.
    heading : Value
        Beats that are taken now are those of a header.
    available : Value
        There is a beat, which is taken.

    Returns
    -------
    header : Value
        `bits` wide; from the cycle behind its last beat on, until the next one.
    number : Signal
        Of the beat.
    end : Signal
        It is the last one.
    """
    beats = -(-bits // len(word))
    collected = Signal(max(bits, len(word)), reset_less=True)
    number, end = counter(m, beats - 1, heading & available, ~heading, "header_word")
    with m.If(heading & available):
        m.d.sync += collected.eq(Cat(collected, word)[len(word):] if beats > 1 else word)
    return collected[:bits], number, end
