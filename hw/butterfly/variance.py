"""Variance of a vector from its sums, by digits."""

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

__all__ = ["EPSILON_LOG2", "SQUARE_BITS", "Variance"]

#: Bits that the sum of squares is cut to; what is added to the variance is ``2^EPSILON_LOG2``.
SQUARE_BITS = 48
EPSILON_LOG2 = -17
_UNIT = 24


class Variance(wiring.Component):
    """``value = max(0, N A - B^2 + E)``: ``A = squares >> 2 cut``, ``B = total >> cut``, ``E = N^2 epsilon >> 2 cut``.

    That is N^2 times the variance and epsilon, in units of ``2^(2 cut - 48)``. `cut` is the least number with
    ``A < 2^48``. The sums are shifted by a place of `total` a cycle; then B is squared, a bit a cycle, while A is
    multiplied by N = ``2^stages`` a bit a cycle, too; two cycles add all. There is no multiplier. The next sums are
    taken `period` cycles later at the earliest: 29 + log2(max_points) / 2 and one for each place cut, of which there
    are at most 17 + log2(max_points) / 2.

    Parameters
    ----------
    total_shape, squares_shape : shape-like
        As of `Moments`.
    max_points : int

    Members
    -------
    stages : In(range(log2 max_points + 1))
        log2 N; as long as a vector is at work.
    i : In(stream of {total, squares})
    o : Out(stream of {value, cut})
    """

    def __init__(self, total_shape, squares_shape, max_points):
        stages = self._max_stages = ceil_log2(max_points)
        # |B|^2 <= N A, and rounding down makes a negative one larger by up to 1.
        self._root_bits = SQUARE_BITS // 2 + -(-stages // 2) + 1
        self.value_bits = SQUARE_BITS + stages + 1
        self.cut_range = range(-(-(unsigned(squares_shape).width - SQUARE_BITS) // 2) + 1)
        super().__init__({
            "stages": In(range(stages + 1)),
            "i": In(stream.Signature(data.StructLayout({"total": total_shape, "squares": squares_shape}))),
            "o": Out(stream.Signature(data.StructLayout({"value": self.value_bits, "cut": self.cut_range}))),
        })

    def elaborate(self, platform):
        m = Module()
        total = Signal.like(self.i.payload.total, reset_less=True)
        squares = Signal.like(self.i.payload.squares, reset_less=True)
        epsilon = Signal(2 * self._max_stages + 2 * _UNIT + EPSILON_LOG2 + 1, reset_less=True)
        cut, steps, shifts = Signal(self.cut_range), Signal(range(self._root_bits)), Signal.like(self.stages)
        root, digits = (Signal(self._root_bits, name=name, reset_less=True) for name in ("root", "digits"))
        square = Signal(2 * self._root_bits, reset_less=True)
        value = Signal(signed(max(self.value_bits, 2 * self._root_bits) + 2), reset_less=True)
        kept = Signal.like(self.o.payload, reset_less=True)
        valid = Signal()
        m.d.comb += [self.o.valid.eq(valid), self.o.payload.eq(kept)]
        with m.If(self.o.ready):
            m.d.sync += valid.eq(0)
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [total.eq(self.i.payload.total), squares.eq(self.i.payload.squares), cut.eq(0)]
                with m.Switch(self.stages):
                    for stages in range(self._max_stages + 1):
                        with m.Case(stages):
                            m.d.sync += epsilon.eq(1 << (2 * stages + 2 * _UNIT + EPSILON_LOG2))
                with m.If(self.i.valid):
                    m.next = "CUT"
            with m.State("CUT"):
                with m.If(squares[SQUARE_BITS:].any()):
                    m.d.sync += [total.eq(total >> 1), squares.eq(squares >> 2), epsilon.eq(epsilon >> 2),
                                 cut.eq(cut + 1)]
                with m.Else():
                    m.next = "MAGNITUDE"
            with m.State("MAGNITUDE"):
                magnitude = Mux(total < 0, -total, total)[:self._root_bits]
                m.d.sync += [root.eq(magnitude), digits.eq(magnitude), square.eq(0), steps.eq(self._root_bits - 1),
                             value.eq(squares[:SQUARE_BITS]), shifts.eq(self.stages)]
                m.next = "SQUARE"
            with m.State("SQUARE"):
                m.d.sync += [square.eq((square << 1) + Mux(digits[-1], root, 0)), digits.eq(digits << 1),
                             steps.eq(steps - 1)]
                with m.If(shifts != 0):
                    m.d.sync += [value.eq(value << 1), shifts.eq(shifts - 1)]
                with m.If(steps == 0):
                    m.next = "ADD"
            with m.State("ADD"):
                m.d.sync += value.eq(value + epsilon)
                m.next = "SUBTRACT"
            with m.State("SUBTRACT"):
                m.d.sync += value.eq(value - square)
                m.next = "GIVE"
            with m.State("GIVE"):
                with m.If(~valid):
                    m.d.sync += [kept.value.eq(value[:self.value_bits] & ~value[-1].replicate(self.value_bits)),
                                 kept.cut.eq(cut), valid.eq(1)]
                    m.next = "IDLE"
        return m
