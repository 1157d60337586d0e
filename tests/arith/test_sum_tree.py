"""`sum_tree`: sums of signed terms at their stated latency, against Python."""

import pytest
from amaranth.hdl import Module, Shape, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import Out
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.arith import sum_tree, sum_tree_latency
from tests.arith.pipelines import pipeline
from tests.streams import generator


class Tree(wiring.Component):
    """A sum tree as a component; its output is wider than any sum, so that an overflow shows."""

    def __init__(self, count, width):
        self.terms = [Signal(signed(width), name=f"term{index}") for index in range(count)]
        super().__init__({"o": Out(signed(width + 8))})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(sum_tree(m, self.terms))
        return m


def check(count, width, rows):
    """Every row of terms comes out as its sum, one a cycle."""
    dut = Tree(count, width)
    results = pipeline(dut, dut.terms, [dut.o], rows, sum_tree_latency(count))
    assert [total for total, in results] == [sum(row) for row in rows]


@settings(max_examples=20)
@given(levels=st.integers(0, 5), width=st.integers(1, 20), seed=st.integers(0, 2**32 - 1))
def test_random_terms(levels, width, seed):
    rng = generator(seed)
    half = 1 << (width - 1)
    check(1 << levels, width, [[rng.randint(-half, half - 1) for _ in range(1 << levels)] for _ in range(20)])


@pytest.mark.parametrize("count", [1, 2, 4, 8, 16, 32])
def test_extremes_do_not_overflow(count):
    """All terms at one end of their range, at the two ends in turn, and one at its end among zeros."""
    low, high = -(1 << 7), (1 << 7) - 1
    rows = [[low] * count, [high] * count, [(low, high)[index % 2] for index in range(count)],
            [low] * (count // 2) + [high] * (count - count // 2)]
    rows += [[end if index == place else 0 for index in range(count)] for place in range(count) for end in (low, high)]
    check(count, 8, rows)


@pytest.mark.parametrize(("count", "latency"), [(1, 0), (2, 1), (4, 2), (8, 3), (16, 4), (32, 5)])
def test_latency_is_a_cycle_a_level(count, latency):
    """A single term that is not 0 leaves in one cycle only: no earlier, and no later."""
    assert sum_tree_latency(count) == latency
    dut = Tree(count, 4)
    rows = [[0] * count] * 3 + [[0] * (count - 1) + [-5]] + [[0] * count] * (latency + 3)
    results = pipeline(dut, dut.terms, [dut.o], rows, 0)
    assert [total for total, in results] == [-5 if cycle == 3 + latency else 0 for cycle in range(len(rows))]


@pytest.mark.parametrize("count", [1, 2, 32])
def test_one_bit_more_a_level(count):
    terms = [Signal(signed(8)) for _ in range(count)]
    assert Shape.cast(sum_tree(Module(), terms).shape()) == signed(8 + sum_tree_latency(count))
