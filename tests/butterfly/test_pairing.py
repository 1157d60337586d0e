"""Pairs of words at every distance, and back."""

import pytest
from amaranth.hdl import Module, Signal

from hw.butterfly.pairing import paired, unpaired
from tests.streams import run


@pytest.mark.parametrize("count", [2, 4, 8, 16])
def test_pairs(count):
    exponents = (count - 1).bit_length()
    m, pairing = Module(), Signal(max(1, (exponents - 1).bit_length()))
    inputs, back = ([Signal(5, name=f"{name}{n}") for n in range(count)] for name in ("in", "back"))
    firsts, seconds = ([Signal(5, name=f"{name}{n}") for n in range(count // 2)] for name in ("first", "second"))
    first, second = paired(inputs, pairing)
    m.d.comb += [signal.eq(value) for signal, value in zip(
        firsts + seconds + back, [*first, *second, *unpaired(firsts, seconds, pairing)], strict=True)]

    async def testbench(ctx):
        for n, value in enumerate(inputs):
            ctx.set(value, n)
        for exponent in range(exponents):
            ctx.set(pairing, exponent)
            await ctx.delay(1e-9)
            # The first words are those whose place has a zero where the distance is, in ascending order.
            places = [n for n in range(count) if not n >> exponent & 1]
            assert [ctx.get(value) for value in firsts] == places
            assert [ctx.get(value) for value in seconds] == [n + (1 << exponent) for n in places]
            assert [ctx.get(value) for value in back] == list(range(count))

    run(m, testbench)
