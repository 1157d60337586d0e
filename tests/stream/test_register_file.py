import pytest

from hw.stream.register_file import RegisterFile
from tests.streams import PERIOD, generator, run


@pytest.mark.parametrize(("width", "depth"), [(7, 11), (1, 1), (16, 2), (5, 16)])
def test_reads_in_the_cycle_of_the_address(width, depth):
    rng = generator()
    dut = RegisterFile(width, depth)

    async def testbench(ctx):
        words = [0] * depth
        for _ in range(300):
            write, target, word = rng.getrandbits(1), rng.randrange(depth), rng.getrandbits(width)
            ctx.set(dut.write_enable, write)
            ctx.set(dut.write_address, target)
            ctx.set(dut.write_data, word)
            # Every word can be read within a cycle; the one that is being written still is what it was.
            for source in (target, *rng.sample(range(depth), min(depth, 3))):
                ctx.set(dut.read_address, source)
                await ctx.delay(PERIOD / 100)
                assert ctx.get(dut.read_data) == words[source]
            await ctx.tick()
            if write:
                words[target] = word

    run(dut, testbench)
