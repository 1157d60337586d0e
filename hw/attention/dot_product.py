"""Exact query-key scores, one (row, key) pair a cycle."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.arith import Multiply, sum_tree, sum_tree_latency
from hw.shared import shared
from hw.stream.delay import delay

__all__ = ["DotProduct"]


class DotProduct(wiring.Component):
    """``score = clip((sum_c query[c] * key[c]) >> score_shift)`` in units of 2^-log_fraction octaves.

    A vector of more than ``lanes`` channels takes one cycle a fold; the sum is kept in full. Scores beyond
    +-2^log_integer octaves are clipped and counted.

    Members
    -------
    query, key : In(ArrayLayout(signed(element_width), lanes))
        One fold of two vectors.
    valid, first_fold, last_fold : In(1)
    shift : In(5)
    o, o_valid : Out(signed(log_width)), Out(1)
        Score, ``latency`` cycles after its last fold. One fold a cycle.
    saturated : Out(1)
        The score was clipped.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        self.latency = Multiply.latency + sum_tree_latency(p.lanes) + 1 + 5
        elements = data.ArrayLayout(signed(p.element_width), p.lanes)
        super().__init__({
            "query": In(elements),
            "key": In(elements),
            "valid": In(1),
            "first_fold": In(1),
            "last_fold": In(1),
            "shift": In(5),
            "o": Out(signed(p.log_width)),
            "o_valid": Out(1),
            "saturated": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        terms = []
        for lane in range(p.lanes):
            m.submodules[f"multiply{lane}"] = multiply = shared(
                Multiply, signed(p.element_width), signed(p.element_width), p.vendor)
            m.d.comb += [multiply.a.eq(self.query[lane]), multiply.b.eq(self.key[lane])]
            terms.append(multiply.p)

        tree = Multiply.latency + sum_tree_latency(p.lanes)
        # The sum so far is 0 ahead of a first fold.
        total, so_far, added = (Signal(signed(p.product_width), name=name, reset_less=True)
                                for name in ("total", "so_far", "added"))
        first_follows = delay(m, self.first_fold, tree - 1, "first")
        m.d.comb += added.eq(so_far + sum_tree(m, terms))
        m.d.sync += [total.eq(added), so_far.eq(Mux(first_follows, 0, added))]

        # The shift, two bits of its number at a time; the clipping.
        scaled = total
        for low in (4, 2, 0):
            stage = Signal(signed(p.product_width), name=f"scaled{low}", reset_less=True)
            m.d.sync += stage.eq(scaled >> (self.shift[low:low + 2] << low))
            scaled = stage
        # In range are the scores whose upper bits are all copies of the sign, but for the lowest of them.
        limit = (1 << (p.log_width - 1)) - 1
        upper, negative = scaled[p.log_width - 1:], scaled[-1]
        none, all_, lowest, inside = (Signal(name=name) for name in ("none", "all", "lowest", "inside"))
        kept = Signal(signed(p.log_width), reset_less=True)
        m.d.sync += [none.eq(upper == 0), all_.eq(upper.all()), lowest.eq(scaled[:p.log_width - 1] == 0),
                     kept.eq(scaled[:p.log_width]), self.saturated.eq(~inside)]
        m.d.comb += inside.eq(none | (all_ & ~lowest))
        sign = delay(m, negative, 1, "sign")
        m.d.sync += self.o.eq(Mux(inside, kept, Mux(sign, -limit, limit)))
        m.d.comb += self.o_valid.eq(delay(m, self.valid & self.last_fold, self.latency, "valid"))
        return m
