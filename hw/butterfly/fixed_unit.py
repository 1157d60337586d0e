"""One butterfly a cycle in fixed point."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.arith import Multiply
from hw.shared import shared
from hw.stream.delay import delay

from .halves import give_halves, operands

__all__ = ["FixedButterflyUnit"]


class FixedButterflyUnit(wiring.Component):
    """Two words of two elements each, ``p`` and ``q``, become two words, as in :class:`~.unit.ButterflyUnit`.

    With ``r(a) = (a + 2^13) >> 14`` of the product of an element and a coefficient (13 and 14 for 14 bits behind a
    coefficient's point), Fourier transform of complex words::

        t = (r(q_r w_r) - r(q_i w_i)) + i (r(q_r w_i) + r(q_i w_r));  p' = f(p + t);  q' = f(p - t)

    and butterfly matrix, of the half of the words that `half` names::

        p' = f(r(c[0] p) + r(c[1] q));  q' = f(r(c[2] p) + r(c[3] q))

    Sums are exact. With `scale` ``f(y)`` is ``(y + 1) >> 1``, otherwise ``y``, in either case saturated to an element.

    Four multipliers and six adders in both modes; rounding takes none: the bit that is worth half a unit of one product
    is the carry into the sum of the products, and that of the other the carry into the sum behind it, where also
    the 1 of the shift has been added to `p` ahead. One butterfly a cycle; in the second mode the halves of a pair of
    words follow each other, the lower one first, and the words are there with the second.

    Members
    -------
    p, q : In(word)
    coefficients : In(ArrayLayout(element, 4))
    fft : In(1)
        From a cycle before a task's first words on, until its last results are there.
    half, scale : In(1)
    o_p, o_q : Out(word)
        ``latency`` cycles later, behind a multiplexer: operands, product, sum of two, sum with `p`, saturation.
    """

    _latency = Multiply.latency + 4

    def __init__(self, parameters):
        p = self._parameters = parameters
        self.latency = self._latency
        pair = data.ArrayLayout(p.element_width, 2)
        super().__init__({
            "p": In(pair), "q": In(pair),
            "coefficients": In(data.ArrayLayout(p.element_width, 4)),
            "fft": In(1), "half": In(1), "scale": In(1),
            "o_p": Out(pair), "o_q": Out(pair),
        })

    @staticmethod
    def latency_of(parameters):
        """Cycles from the words to their results."""
        return FixedButterflyUnit._latency

    def elaborate(self, platform):
        m = Module()
        p, width = self._parameters, self._parameters.element_width
        # All units are told at once.
        fft = delay(m, self.fft, 1, "own_fft", apart=True) if p.bpmm else None
        fraction = p.format.coefficient_fraction

        # Operands, and their products: words with the coefficients w_r, w_i, w_i, w_r of a twiddle.
        if p.bpmm:
            p_half, q_half = (Mux(self.half, word[1], word[0]) for word in (self.p, self.q))
            left, right = Mux(fft, self.q[0], p_half), Mux(fft, self.q[1], q_half)
        else:
            left, right = self.q[0], self.q[1]
        c = self.coefficients
        factors = ([c[0], c[1], Mux(fft, c[1], c[2]), Mux(fft, c[0], c[3])] if p.bpmm else [c[0], c[1], c[1], c[0]])
        left, right, *factors = operands(m, left, right, *factors)
        units, halves = [], []                                # of each product: what is left of the bits, and the next
        for number, (a, b) in enumerate(zip((left, right, left, right), factors, strict=True)):
            m.submodules[f"multiply{number}"] = multiply = shared(Multiply, signed(width), signed(width), p.vendor)
            m.d.comb += [multiply.a.eq(a.as_signed()), multiply.b.eq(b.as_signed())]
            units.append(multiply.p[fraction:].as_signed())
            halves.append(multiply.p[fraction - 1])

        def add(name, a, b, carry):
            """Register with ``a + b + carry``: the carry comes out of a place below the others."""
            total = Signal(signed(max(len(a), len(b)) + 1), name=name, reset_less=True)
            m.d.sync += total.eq((Cat(1, a).as_signed() + Cat(carry, b).as_signed()) >> 1)
            return total

        # The sums without a half unit: r(a) - r(b) is a + ~b + half(a) and then ~half(b) more.
        minus = fft if p.bpmm else 1
        sums = [add("sum0", units[0], Mux(minus, ~units[1], units[1]).as_signed(), halves[0]),
                add("sum1", units[2], units[3], halves[2])]
        rests = [delay(m, value, 1, f"rest{number}", payload=True)
                 for number, value in enumerate((halves[1] ^ minus, halves[3]))]

        # The word that they are added to, or zero, and the 1 of the shift.
        kept = []
        for part in range(2):
            raised = Signal(signed(width + 1), name=f"raised{part}", reset_less=True)
            word = self.p[part].as_signed()
            m.d.sync += raised.eq((Mux(fft, word, 0) if p.bpmm else word) + self.scale)
            kept.append(delay(m, raised, Multiply.latency + 1, f"kept{part}", payload=True).as_signed())
        above = [add(f"above{part}", kept[part], sums[part], rests[part]) for part in range(2)]
        below = [add(f"below{part}", kept[part], ~sums[part], ~rests[part]) for part in range(2)]

        scale = delay(m, self.scale, Multiply.latency + 3, "scaled", payload=True)

        def finish(name, total):
            """Register with the shifted and saturated total."""
            shifted, element = Mux(scale, total >> 1, total).as_signed(), Signal(width, name=name, reset_less=True)
            upper = shifted[width - 1:]
            m.d.sync += element.eq(Mux(upper.any() & ~upper.all(),
                                       Cat((~shifted[-1]).replicate(width - 1), shifted[-1]), shifted[:width]))
            return element

        above = [finish(f"p{part}", total) for part, total in enumerate(above)]
        below = [finish(f"q{part}", total) for part, total in enumerate(below)]
        if not p.bpmm:
            m.d.comb += [self.o_p.eq(Cat(above)), self.o_q.eq(Cat(below))]
            return m
        give_halves(m, self, above, below, fft)
        return m
