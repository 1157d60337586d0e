"""One butterfly a cycle: two words against four coefficients, or against a twiddle."""

from amaranth.hdl import C, Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.arith import FloatAdd, FloatMultiply
from hw.shared import shared
from hw.stream.delay import delay

from .halves import give_halves, operands

__all__ = ["ButterflyUnit"]


class ButterflyUnit(wiring.Component):
    """Two words of two elements each, ``p`` and ``q``, become two words; every operation is rounded on its own.

    Fourier transform, of complex words (low element real) with ``w = coefficients[0] + i coefficients[1]``::

        t = w q;  p' = p + t;  q' = p - t

    with ``t = (q_r w_r - q_i w_i) + i (q_r w_i + q_i w_r)``. Butterfly matrix, of real elements: the half of the words
    that `half` names::

        p' = c[0] p + c[1] q;  q' = c[2] p + c[3] q

    Four multipliers and six adders in both modes: in the second the adders that would add `t` to `p` add it to minus
    zero, which changes nothing (FABNet, MICRO 2022, section 4.2, skips them, and its modes differ in latency). One
    butterfly a cycle: in the second mode the halves of a pair of words follow each other, the lower one first, and the
    words are there with the second.

    Members
    -------
    p, q : In(word)
    coefficients : In(ArrayLayout(element, 4))
    fft : In(1)
        From a cycle before a task's first words on, until its last results are there.
    half : In(1)
    o_p, o_q : Out(word)
        ``latency`` cycles later, behind a multiplexer: operands, product, sum of two, sum with `p`.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        self.latency = self.latency_of(p)
        pair = data.ArrayLayout(p.element_width, 2)
        super().__init__({
            "p": In(pair), "q": In(pair),
            "coefficients": In(data.ArrayLayout(p.element_width, 4)),
            "fft": In(1), "half": In(1),
            "o_p": Out(pair), "o_q": Out(pair),
        })

    @staticmethod
    def latency_of(parameters):
        """Cycles from the words to their results."""
        p = parameters
        return 1 + FloatMultiply.latency_of(p.format) + 2 * FloatAdd.latency

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        fft = delay(m, self.fft, 1, "own_fft", apart=True)   # all units are told at once

        # Operands: words with the coefficients w_r, w_i, w_i, w_r of a twiddle. Each unit has registers for them, for
        # the coefficients come from far away, and to all rows.
        p_half, q_half = (Mux(self.half, word[1], word[0]) for word in (self.p, self.q))
        left, right = Mux(fft, self.q[0], p_half), Mux(fft, self.q[1], q_half)
        c = self.coefficients
        left, right, *factors = operands(
            m, left, right, c[0], c[1], Mux(fft, c[1], c[2]), Mux(fft, c[0], c[3]))
        products = []
        for number, (a, b) in enumerate(zip((left, right, left, right), factors, strict=True)):
            m.submodules[f"multiply{number}"] = multiply = shared(FloatMultiply, p.format, p.vendor)
            m.d.comb += [multiply.a.as_value().eq(a), multiply.b.as_value().eq(b)]
            products.append(multiply.p.as_value())
        product_latency = 1 + FloatMultiply.latency_of(p.format)

        def add(name, a, b, subtract):
            m.submodules[name] = adder = shared(FloatAdd, p.format)
            m.d.comb += [adder.a.as_value().eq(a), adder.b.as_value().eq(b), adder.subtract.eq(subtract)]
            return adder.o.as_value()

        t = [add("sum0", products[0], products[1], fft),
             add("sum1", products[2], products[3], 0)]

        # The word that t is added to, or minus zero.
        sum_latency = FloatAdd.latency
        zero = C(1 << (p.element_width - 1), p.element_width)
        kept = Signal(data.ArrayLayout(p.element_width, 2))
        m.d.comb += kept.eq(Mux(fft, self.p.as_value(), Cat(zero, zero)))
        kept = data.View(data.ArrayLayout(p.element_width, 2), delay(
            m, kept.as_value(), product_latency + sum_latency, "kept", payload=True))
        above = [add(f"above{part}", kept[part], t[part], 0) for part in range(2)]
        below = [add(f"below{part}", kept[part], t[part], 1) for part in range(2)]

        give_halves(m, self, above, below, fft)
        return m
