"""`KeyNumber` against its equation, with gaps."""

import pytest

from hw.sorter.key_number import KeyNumber
from tests.sofa.heads import tiny
from tests.streams import generator, run


@pytest.mark.parametrize("tile", [4, 8, 16, 32, 128])
def test_number_of_a_key(tile):
    rng = generator()
    p = tiny(tile=tile, max_keys=256, max_segment_keys=4)
    dut = KeyNumber(p)
    coming = [None] * dut.latency                            # keys on their way, the newest first

    async def testbench(ctx):
        for _ in range(300):
            base, position, step = rng.randrange(p.max_keys), rng.randrange(tile), rng.randrange(p.max_keys)
            enable = rng.random() < 0.7
            for name, value in dict(base=base, position=position, step=step, enable=enable).items():
                ctx.set(getattr(dut, name), value)
            await ctx.tick()
            if enable:
                coming[:] = [(base + position * step) % (1 << p.key_bits), *coming[:-1]]
            if coming[-1] is not None:
                assert ctx.get(dut.key) == coming[-1]

    run(dut, testbench)
