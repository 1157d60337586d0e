"""The engine against the golden model."""

import numpy as np
import pytest

from hw.butterfly.engine import ButterflyEngine
from hw.butterfly.parameters import ButterflyParameters
from sim.golden.butterfly import bpmm, fft
from sim.host.butterfly import pack_task, unpack_result
from tests.streams import collect, generator, run, send


def tiny(**changes):
    return ButterflyParameters(**{"bus_width": 64, "lanes": 2, "max_points": 64, "resident_points": 128} | changes)


def beats(packet, p):
    size = p.bus_width // 8
    return [{"data": int.from_bytes(packet[at:at + size], "little"), "last": at + size == len(packet)}
            for at in range(0, len(packet), size)]


def run_tasks(p, packets, stall=0.0):
    """Results of tasks, and the cycles in which their beats were taken."""
    dut, rng, results, cycles = ButterflyEngine(p), generator(), [], []

    async def source(ctx):
        ctx.set(dut.done.ready, 1)
        for packet in packets:
            await send(ctx, dut.i, beats(packet, p), stall, rng, timeout=100_000)

    async def sink(ctx):
        for _ in packets:
            data = b""
            while True:
                word, = await collect(ctx, dut.o, 1, stall, rng, timeout=100_000)
                data += word.data.to_bytes(p.bus_width // 8, "little")
                if word.last:
                    break
            results.append(data)

    run(dut, source, sink)
    return results


def numbers(rng, *shape):
    draw = np.random.default_rng(rng.getrandbits(32))
    return draw.standard_normal(shape).astype(np.float16)


@pytest.mark.parametrize("points", [2, 4, 8, 16, 64])
@pytest.mark.parametrize("mode", ["fft", "bpmm"])
def test_one_task(points, mode):
    p, rng = tiny(), generator()
    if mode == "fft":
        x = numbers(rng, 5, points), numbers(rng, 5, points)
        packet, plan = pack_task(x, p)
        golden = fft(x, "fp16")
    else:
        x, w = numbers(rng, 5, points), numbers(rng, points.bit_length() - 1, points // 2, 2, 2)
        packet, plan = pack_task(x, p, w)
        golden = bpmm(x, w)
    result, = run_tasks(p, [packet])
    values, code = unpack_result(result, plan, p, np.float16)
    assert code == 0
    np.testing.assert_array_equal(np.asarray(values), np.asarray(golden))
