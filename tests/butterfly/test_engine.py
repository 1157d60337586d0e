"""The engine against the golden model; errors, and the task after them."""

import numpy as np
import pytest

from hw.butterfly.engine import ButterflyEngine
from hw.butterfly.task import ButterflyError
from sim.golden.butterfly import bpmm, fft
from sim.host.butterfly import pack_task, unpack_result
from tests.butterfly.machines import batch, tiny
from tests.streams import collect, generator, run, send


def beats(packet, p):
    size = p.bus_width // 8
    return [{"data": int.from_bytes(packet[at:at + size], "little"), "last": at + size == len(packet)}
            for at in range(0, len(packet), size)]


def run_tasks(p, packets, stall=0.0):
    """Result packets of tasks; and what `done` says of each."""
    dut, rng, results, codes = ButterflyEngine(p), generator(), [], []

    async def source(ctx):
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

    async def done(ctx):
        codes.extend(item.error for item in await collect(ctx, dut.done, len(packets), stall, rng, timeout=200_000))

    run(dut, source, sink, done)
    assert len(codes) == len(packets)
    return results, codes


def task(rng, p, points, count, mode, **options):
    x, w = batch(rng, p, points, count, mode)
    packet, plan = pack_task(x, p, w, **options)
    scaling = options.get("scaling")
    golden = fft(x, p.arithmetic, scaling) if mode == "fft" else bpmm(x, w, p.arithmetic, scaling)
    return packet, plan, golden


def check(p, result, plan, golden):
    values, code = unpack_result(result, plan, p, np.asarray(golden).dtype)
    assert code == 0
    values, golden = (np.asarray(each) for each in (values, golden))
    bits = f"<u{golden.dtype.itemsize}"
    np.testing.assert_array_equal(values.view(bits), golden.view(bits))


@pytest.mark.parametrize("changes", [
    dict(), dict(lanes=1, max_points=8, resident_points=8), dict(rows=2, bus_width=128),
    dict(rows=2), dict(lanes=4, bus_width=32, max_points=16), dict(arithmetic="bf16", rows=4),
    dict(columns=2), dict(columns=3, rows=2), dict(columns=5, rows=2, bus_width=128, lanes=1)], ids=str)
def test_tasks_of_both_modes(changes):
    """Tasks of all sizes follow one another, with stalls."""
    p, rng = tiny(**changes), generator()
    tasks, points = [], 2
    while points <= p.max_points:
        for mode in ("fft", "bpmm"):
            tasks.append(task(rng, p, points, rng.randint(1, 7), mode))
        points *= 4
    results, codes = run_tasks(p, [packet for packet, *_ in tasks], stall=rng.choice([0, 0.4]))
    assert not any(codes)
    for (_, plan, golden), result in zip(tasks, results, strict=True):
        check(p, result, plan, golden)


@pytest.mark.parametrize("changes", [
    dict(), dict(lanes=1, max_points=8, resident_points=8), dict(rows=2, bus_width=128), dict(bpmm=False)], ids=str)
def test_fixed_point(changes):
    """Tasks of all sizes, scaled anyhow; some saturate."""
    p, rng = tiny(arithmetic="fixed16", **changes), generator()
    tasks, points, saturated = [], 2, 0
    while points <= p.max_points:
        for mode in ("fft", "bpmm") if p.bpmm else ("fft",):
            scaling = [rng.getrandbits(1) for _ in range(points.bit_length() - 1)]
            tasks.append(task(rng, p, points, rng.randint(1, 7), mode, scaling=scaling))
            saturated += np.isin(tasks[-1][2], (-32768, 32767)).sum()
        points *= 2
    assert saturated
    results, codes = run_tasks(p, [packet for packet, *_ in tasks], stall=rng.choice([0, 0.4]))
    assert not any(codes)
    for (_, plan, golden), result in zip(tasks, results, strict=True):
        check(p, result, plan, golden)


def test_scaling_of_more_stages_than_there_are():
    p, rng = tiny(arithmetic="fixed16"), generator()
    x, _ = batch(rng, p, 8, 3, "fft")
    wrong = [pack_task(x, p, scaling=[0, 0, 0, 1])[0], pack_task(x, p, scaling=[0] * 15 + [1])[0]]
    good = task(rng, p, 8, 3, "fft", scaling=[1, 1, 1])
    results, codes = run_tasks(p, [packet for bad in wrong for packet in (bad, good[0])])
    assert codes == [ButterflyError.BAD_MAGIC.value, 0] * 2
    for result in results[1::2]:
        check(p, result, *good[1:])


def test_coefficients_are_kept():
    p, rng = tiny(), generator()
    first, second = (batch(rng, p, 16, 3, "bpmm") for _ in range(2))
    packets = [pack_task(first[0], p, first[1]), pack_task(second[0], p, keep=True)]
    results, codes = run_tasks(p, [packet for packet, _ in packets])
    assert codes == [0, 0]
    for (x, _), (_, plan), result in zip((first, second), packets, results, strict=True):
        check(p, result, plan, bpmm(x, first[1], p.arithmetic))


def test_errors_and_the_task_after_each():
    p, rng = tiny(), generator()
    bus, good = p.bus_width // 8, task(rng, p, 16, 3, "fft")
    matrix = task(rng, p, 16, 3, "bpmm")[0]
    x, _ = batch(rng, p, 16, 3, "fft")

    def header(**fields):
        return pack_task(x, p, **fields)[0]

    wrong = [
        (header(magic=0x1234), ButterflyError.BAD_MAGIC), (header(reserved_flags=1), ButterflyError.BAD_MAGIC),
        (header(scaling=[1]), ButterflyError.BAD_MAGIC), (header(first_block=2), ButterflyError.BAD_POINTS),
        (header(worked=5), ButterflyError.BAD_POINTS),
        (header(stages=0), ButterflyError.BAD_POINTS), (header(stages=6), ButterflyError.BAD_POINTS),
        (header(memory_rows=0), ButterflyError.BAD_GROUP), (header(memory_rows=3), ButterflyError.BAD_GROUP),
        (header(memory_rows=17), ButterflyError.BAD_GROUP), (header(groups=0), ButterflyError.EMPTY),
        (header(fft=0, keep_coefficients=1), ButterflyError.NO_COEFFICIENTS),
        (good[0][:bus], ButterflyError.SHORT_PACKET), (matrix[:4 * bus], ButterflyError.SHORT_PACKET),
        (good[0][:-bus], ButterflyError.SHORT_PACKET), (good[0] + bytes(bus), ButterflyError.LONG_PACKET),
    ]
    packets = [packet for bad, _ in wrong for packet in (bad, good[0])]
    results, codes = run_tasks(p, packets)
    assert codes == [code for _, error in wrong for code in (error.value, 0)]
    for result, code in zip(results, codes, strict=True):
        assert result[-bus:][:2] == bytes([code, 0xED])
        if not code:
            check(p, result, *good[1:])


@pytest.mark.parametrize("missing", ["fft", "bpmm"])
def test_a_mode_that_is_left_out(missing):
    other = {"fft": "bpmm", "bpmm": "fft"}[missing]
    p, whole, rng = tiny(**{missing: False}), tiny(), generator()
    bad, good = task(rng, whole, 8, 2, missing)[0], task(rng, p, 8, 2, other)
    results, codes = run_tasks(p, [bad, good[0]])
    assert codes == [ButterflyError.NO_MODE.value, 0]
    check(p, results[1], *good[1:])


def test_infinities_and_nan_are_numbers_like_others():
    p, rng = tiny(), generator()
    x, w = batch(rng, p, 8, 4, "bpmm")
    w[0, 0], w[1, 2, 0, 1], x[1, 3], x[2, 0] = np.nan, np.inf, -np.inf, np.nan
    packet, plan = pack_task(x, p, w)
    (result,), _ = run_tasks(p, [packet])
    values, code = unpack_result(result, plan, p, np.float16)
    golden = bpmm(x, w)
    assert code == 0 and np.isnan(golden).any()
    np.testing.assert_array_equal(values, golden)
