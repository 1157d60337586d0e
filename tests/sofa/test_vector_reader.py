"""`VectorReader`: every word of the keys or values has its number, whatever holds it up."""

import pytest

from hw.sofa.vector_reader import VectorReader
from tests.sofa.heads import tiny
from tests.streams import generator, run


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_numbers_of_words(stall):
    """A word a cycle from the cycle after the start, and none before or behind."""
    rng, p = generator(), tiny(max_head_dim=11)
    dut, beats = VectorReader(p), -(-p.max_head_dim // p.elements_per_beat)
    sizes = [(1, 1), (1, beats), (p.max_keys, 1), (2, 2)]
    sizes += [(rng.randint(1, p.max_keys), rng.randint(1, beats)) for _ in range(4)]

    async def testbench(ctx):
        ctx.set(dut.available, 1)
        ctx.set(dut.free, 1)
        for vectors, words in sizes:
            ctx.set(dut.vectors, vectors)
            ctx.set(dut.last_beat, words - 1)
            for _ in range(3):
                assert not ctx.get(dut.take) and not ctx.get(dut.write)
                await ctx.tick()
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            got, cycles = [], 0
            while ctx.get(dut.reading):
                available, free = rng.random() >= stall, rng.random() >= stall
                ctx.set(dut.available, available)
                ctx.set(dut.free, free)
                _, _, take, write, *place = await ctx.tick().sample(dut.take, dut.write, dut.vector, dut.beat)
                assert (take, write) == (free, free and available)
                got += [tuple(place)] * write
                cycles += 1
            assert got == [(vector, word) for vector in range(vectors) for word in range(words)]
            assert stall or cycles == vectors * words

    run(dut, testbench)
