import numpy as np
import pytest

from hw.predictor.query_code import QueryCode, QueryEncoder
from sim.golden.predictor import query_code
from tests.streams import generator, run


def codes(dut, base, elements):
    got = []

    async def testbench(ctx):
        ctx.set(dut.base, base)
        for element in elements:
            ctx.set(dut.element, int(element))
            await ctx.tick().repeat(dut.latency)
            code = ctx.get(dut.code)
            got.append((code.nonzero, code.sign, code.shift))

    run(dut, testbench)
    return got


def expected(element, base, mode, levels):
    """The definition, on Python integers."""
    visible = element >> (16 - mode)
    magnitude = min(abs(visible), (1 << (mode - 1)) - 1)
    octave = magnitude.bit_length() - 1 - base if magnitude else -1
    return (1, int(visible < 0), min(octave, levels - 1)) if octave >= 0 else (0, 0, 0)


@pytest.mark.parametrize(("mode", "base", "levels"), [
    (16, 0, 15), (16, 11, 4), (16, 14, 1), (16, 15, 4), (8, 0, 7), (8, 3, 4), (8, 7, 2), (8, 15, 1), (16, 5, 3)])
def test_matches_definition_and_model(mode, base, levels):
    rng = generator()
    edges = [sign * (1 << n) + offset for n in range(15) for sign in (-1, 1) for offset in (-1, 0, 1)]
    elements = [0, -1, -32768, 32767, *edges, *(rng.randint(-32768, 32767) for _ in range(100))]
    got = codes(QueryEncoder(16, mode, levels), base, elements)
    assert got == [expected(element, base, mode, levels) for element in elements]
    sign, level = query_code(np.array(elements), base, mode, levels)
    assert [(sign, nonzero and shift + 1) for nonzero, sign, shift in got] == list(
        zip(sign.tolist(), level.tolist(), strict=True))


@pytest.mark.parametrize(("levels", "bits"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (8, 3), (9, 4), (15, 4)])
def test_code_has_room_for_every_octave(levels, bits):
    layout = QueryCode(levels)
    assert (layout["shift"].shape, layout.size) == (bits, bits + 2)
