# amaranth: UnusedElaboratable=no
"""The shell around an engine that fetches rows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.shared import shared
from hw.shell import TRAILER_MARKER, ShellError
from tests.shell.axi import hold_checker, send_packet, stream_pins
from tests.shell.bench import Bench
from tests.shell.row_sum import RowSum, model, random_rows

SOFT_RESET_TRAILER = TRAILER_MARKER << 8 | ShellError.SOFT_RESET.value
ENABLE, SOFT_RESET = 0b01, 0b10


class FetchBench(Bench):
    """A host that answers from `rows`, with a beat of zeros where there is no row."""

    def __init__(self, rows, *, engine=None, **kwargs):
        super().__init__(engine=engine or RowSum(), **kwargs)
        self.rows = rows
        self.asked = []
        top = self.shell
        self.request = top.m_axis_fetch_tvalid, top.m_axis_fetch_tready, top.m_axis_fetch_tdata
        self.response = stream_pins(top, "s_axis_fetch")
        self.checkers.append(hold_checker(*self.request))

    async def take_requests(self, ctx):
        """Background: take requests."""
        valid, ready, data = self.request
        while True:
            is_ready = not (self.stall and self.rng.random() < self.stall)
            ctx.set(ready, is_ready)
            _clk, _rst, is_valid, request = await ctx.tick().sample(valid, data)
            if is_valid and is_ready:
                self.asked.append(request)

    async def answer(self, ctx, count):
        """Answer the next `count` requests."""
        for _ in range(count):
            while not self.asked:
                await ctx.tick()
            await send_packet(ctx, self.response, self.rows.get(self.asked.pop(0), [0]), stall=self.stall,
                              rng=self.rng)

    async def answer_all(self, ctx):
        """Background: answer requests for ever."""
        while True:
            await self.answer(ctx, 1)


@pytest.mark.parametrize("stall", [0.0, 0.5])
@pytest.mark.parametrize("engine", [RowSum, lambda: shared(RowSum)], ids=["plain", "shared"])
def test_tasks(engine, stall):
    bench = FetchBench({}, engine=engine(), stall=stall)
    rng = bench.rng
    bench.rows = random_rows(rng)
    # Some requests are for rows that do not exist.
    tasks = [rng.choices([*bench.rows, 0], k=rng.randint(1, 12)) for _ in range(12)]

    async def producer(ctx):
        for requests in tasks:
            await bench.send(ctx, requests)

    async def consumer(ctx):
        for requests in tasks:
            assert await bench.receive(ctx) == model(requests, bench.rows)
        await ctx.tick().repeat(5)
        assert await bench.read(ctx, "status") == 0b1000
        assert await bench.read(ctx, "tasks_done") == len(tasks)
    bench.run(producer, consumer, background=[bench.take_requests, bench.answer_all])


def test_soft_reset_leaves_the_shell_busy_until_the_last_row():
    bench = FetchBench({1: [10, 11], 2: [20, 21, 22], 3: [30]})

    async def testbench(ctx):
        await bench.send(ctx, [1, 2, 2])
        await ctx.tick().repeat(5)
        assert bench.asked == [1, 2, 2]
        bench.asked.clear()
        await bench.write(ctx, "control", ENABLE | SOFT_RESET)
        assert await bench.read(ctx, "error") == ShellError.SOFT_RESET.value
        assert await bench.read(ctx, "status") == 0b0001
        await bench.send(ctx, [3])
        await ctx.tick().repeat(5)
        assert bench.asked == [3]
        bench.asked[:0] = [1, 2, 2]
        await bench.answer(ctx, 4)
        assert await bench.receive(ctx) == model([3], bench.rows)
        await ctx.tick().repeat(3)
        assert await bench.read(ctx, "status") == 0b1000
        assert await bench.read(ctx, "tasks_done") == 1
    bench.run(testbench, background=[bench.take_requests])


def test_soft_reset_in_an_idle_engine_with_rows_to_come():
    """There is no task left to abandon, and the port is still busy."""
    bench = FetchBench({1: [10, 11]})

    async def testbench(ctx):
        await bench.send(ctx, [1, 1])
        await ctx.tick().repeat(5)
        await bench.write(ctx, "control", ENABLE | SOFT_RESET)
        await bench.write(ctx, "error", 0)
        await bench.answer(ctx, 1)
        await bench.write(ctx, "control", ENABLE | SOFT_RESET)
        assert await bench.read(ctx, "error") == 0
        assert await bench.read(ctx, "status") == 0b0001
        await bench.answer(ctx, 1)
        assert await bench.read(ctx, "status") == 0
    bench.run(testbench, background=[bench.take_requests])


@settings(max_examples=10)
@given(st.sampled_from([0.0, 0.3, 0.7]), st.integers(0, 2**32 - 1))
def test_soft_reset_at_any_moment(stall, seed):
    """After the reset, and while rows for lost tasks still come, the next tasks are right."""
    bench = FetchBench({}, stall=stall, seed=seed)
    rng = bench.rng
    bench.rows = random_rows(rng)
    unsent, received = [], []

    async def settle(ctx):
        for _ in range(1000):
            if not unsent and not await bench.read(ctx, "status") & 0b0111:
                return
            await ctx.tick()
        raise AssertionError("the shell does not come to rest")

    async def controller(ctx):
        for _ in range(6):
            lost = [rng.choices(list(bench.rows), k=rng.randint(1, 20)) for _ in range(2)]
            unsent.extend(lost)
            await ctx.tick().repeat(rng.randint(1, 60))
            await bench.write(ctx, "control", ENABLE | SOFT_RESET)
            while unsent:
                await ctx.tick()
            good = [rng.choices(list(bench.rows), k=rng.randint(1, 5)) for _ in range(2)]
            unsent.extend(good)
            await settle(ctx)
            assert received[-2:] == [model(requests, bench.rows) for requests in good]
            expected = iter([model(requests, bench.rows) for requests in lost])
            for beats in received[:-2]:
                closed = beats[-1] == SOFT_RESET_TRAILER
                assert any(beats == whole or (closed and beats[:-1] == whole[:len(beats) - 1])
                           for whole in expected)
            received.clear()
    bench.run(controller, background=[bench.sender(unsent), bench.receiver(received), bench.take_requests,
                                      bench.answer_all])
