"""`BlockMemory` against a list of words."""

import pytest
from amaranth.sim import Simulator

from hw.stream.block_memory import BlockMemory
from tests.streams import generator


@pytest.mark.parametrize("latency", [1, 2])
def test_reads_what_was_written_and_holds(latency):
    rng = generator()
    depth, width = 11, 7
    dut = BlockMemory(width, depth, latency=latency)

    async def bench(ctx):
        words, shown = [0] * depth, [0] * latency           # now, and in the cycles before
        for _ in range(500):
            write, target, word = rng.random() < 0.5, rng.randrange(depth), rng.getrandbits(width)
            read = rng.random() < 0.6
            # A word that is written in the same cycle is undefined: read another one.
            source = rng.choice([place for place in range(depth) if not write or place != target])
            ctx.set(dut.write_enable, write)
            ctx.set(dut.write_address, target)
            ctx.set(dut.write_data, word)
            ctx.set(dut.read_enable, read)
            ctx.set(dut.read_address, source)
            shown = [words[source] if read else shown[0], *shown[:-1]]
            if write:
                words[target] = word
            await ctx.tick()
            assert ctx.get(dut.read_data) == shown[-1]

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()


def test_bad_latency():
    with pytest.raises(ValueError, match=r"^latency must be 1 or 2, not 3$"):
        BlockMemory(4, 8, latency=3)
