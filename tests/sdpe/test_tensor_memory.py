"""`TensorMemory`: what was written is read by all engines at once, a row a cycle when its turn has come."""

import pytest

from hw.sdpe.tensor_memory import TensorMemory, read_latency
from tests.sdpe.machines import small
from tests.streams import generator, run


@pytest.mark.parametrize("memory", ["banked", "ideal"])
@pytest.mark.parametrize("engines, latency", [(1, 0), (2, 3), (8, 0)])
def test_every_engine_reads_every_row(memory, engines, latency):
    p, rng = small(engines=engines, latency=latency, memory=memory, entries=64), generator()
    dut, rows = TensorMemory(p), [rng.getrandbits(p.row_entries * p.entry_width) for _ in range(p.rows)]

    async def fill(ctx):
        for number, row in enumerate(rows):
            ctx.set(dut.write_enable, 1)
            ctx.set(dut.write_row, number)
            ctx.set(dut.write_data, row)
            await ctx.tick()
        ctx.set(dut.write_enable, 0)
        # Each engine reads all rows from one of its own on; one that waits for its turn reads in later cycles only.
        wanted = [rng.randrange(p.rows) for _ in range(engines)]
        left, due, waited = [p.rows] * engines, [{} for _ in range(engines)], [0] * engines
        cycle = 0
        while any(left) or any(due):
            for number, port in enumerate(dut.read):
                ctx.set(port.row, wanted[number])
                if cycle in due[number]:
                    assert ctx.get(port.data) == rows[due[number].pop(cycle)]
                turn = ctx.get(port.turn)
                if left[number] and (memory == "ideal" or wanted[number] % engines == turn):
                    due[number][cycle + read_latency(p)] = wanted[number]
                    wanted[number] = (wanted[number] + 1) % p.rows
                    left[number] -= 1
                elif left[number]:
                    waited[number] += 1
            await ctx.tick()
            cycle += 1
            assert cycle < 2 * p.rows + 100
        assert max(waited) < engines

    run(dut, fill)
