"""Width converter: packets of narrow words to packets of wide words and back."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ._check import require_positive
from .buffer import Buffer
from .word import Word


class WidthConverter(wiring.Component):
    """Changes the width of a packet stream by an integer ratio, little-endian.

    With ``ratio = max(in_width, out_width) / min(in_width, out_width)``:

    - up (`out_width` > `in_width`): `ratio` input words fill one output word, the first in the low bits. A
      packet that ends early is padded with zeros and its word is emitted at once. One input word a cycle;
      the output word appears 1 cycle after the input word that completes it.
    - down (`out_width` < `in_width`): each input word becomes `ratio` output words, low bits first, all of
      them, and `last` is set on the final piece only. One output word a cycle; the first piece appears 1
      cycle after its input word.
    - equal: a `Buffer`.

    Output data and valid are registers. `i.ready` follows `o.ready` combinationally, except at equal widths.

    Parameters
    ----------
    in_width, out_width : int
        Data widths in bits, at least 1; one must be a multiple of the other.

    Members
    -------
    i : In(stream.Signature(Word(in_width)))
    o : Out(stream.Signature(Word(out_width)))

    Raises
    ------
    TypeError
        If a width is not an integer.
    ValueError
        If a width is less than 1 or neither is a multiple of the other.
    """

    latency = 1

    def __init__(self, in_width, out_width):
        require_positive("in_width", in_width)
        require_positive("out_width", out_width)
        if in_width % out_width and out_width % in_width:
            raise ValueError(
                f"out_width must be a multiple or a divisor of in_width {in_width!r}, not {out_width!r}")
        self._in_width = in_width
        self._out_width = out_width
        super().__init__({
            "i": In(stream.Signature(Word(in_width))),
            "o": Out(stream.Signature(Word(out_width))),
        })

    @property
    def in_width(self):
        """Data width of the input in bits."""
        return self._in_width

    @property
    def out_width(self):
        """Data width of the output in bits."""
        return self._out_width

    @property
    def ratio(self):
        """Narrow words in a wide word."""
        return max(self._in_width, self._out_width) // min(self._in_width, self._out_width)

    def elaborate(self, platform):
        if self._in_width == self._out_width:
            return self._elaborate_equal()
        if self._in_width < self._out_width:
            return self._elaborate_up()
        return self._elaborate_down()

    def _elaborate_equal(self):
        m = Module()
        m.submodules.buffer = buffer = Buffer(Word(self._in_width))
        connect(m, outer=flipped(self.i), inner=buffer.i)
        connect(m, outer=flipped(self.o), inner=buffer.o)
        return m

    def _elaborate_up(self):
        m = Module()
        word = Signal(Word(self._out_width), reset_less=True)
        valid = Signal()
        place = Signal(self.ratio, init=1)                   # of the next piece, one bit

        m.d.comb += [
            self.o.payload.eq(word),
            self.o.valid.eq(valid),
            self.i.ready.eq(~valid | self.o.ready),
        ]
        complete = self.i.p.last | place[-1]
        with m.If(self.i.ready & self.i.valid):
            m.d.sync += place.eq(Mux(complete, 1, place << 1))
        with m.If(self.i.ready):
            m.d.sync += [valid.eq(self.i.valid & complete), word.last.eq(self.i.p.last)]
            # A place is written until its piece is there: `valid`, which may come late, does not spread over all bits.
            # The first piece clears the rest, which is what pads a short tail.
            for number in range(self.ratio):
                with m.If(place[0] | place[number]):
                    m.d.sync += word.data.word_select(number, self._in_width).eq(
                        self.i.p.data & place[number].replicate(self._in_width))
        return m

    def _elaborate_down(self):
        m = Module()
        word = Signal(Word(self._in_width), reset_less=True)
        valid = Signal()
        index = Signal(range(self.ratio))
        final = Signal()

        m.d.comb += [
            final.eq(index == self.ratio - 1),
            self.o.p.data.eq(word.data[:self._out_width]),
            self.o.p.last.eq(word.last & final),
            self.o.valid.eq(valid),
            self.i.ready.eq(~valid | (self.o.ready & final)),
        ]
        # The highest piece stays as it is, which is not seen, and needs no zeros.
        width = self._out_width
        with m.If(self.i.ready):
            m.d.sync += [
                valid.eq(self.i.valid),
                word.eq(self.i.payload),
                index.eq(0),
            ]
        with m.Elif(self.o.ready):
            m.d.sync += [
                word.data[:-width].eq(word.data[width:]),
                index.eq(index + 1),
            ]
        return m
