"""Tasks of layer normalisation in the engine, between others, and their errors."""

import numpy as np
import pytest

from hw.butterfly.task import ButterflyError
from sim.golden.butterfly import bpmm
from sim.golden.butterfly.layer_norm import layer_norm, residual
from sim.golden.butterfly.layers import relu
from sim.host.butterfly import pack_task
from sim.host.butterfly_norm import pack_norm_task, unpack_norm_result
from tests.butterfly.machines import batch, tiny
from tests.butterfly.norm_vectors import hard_vectors, same
from tests.butterfly.test_engine import check, run_tasks, task
from tests.streams import generator


@pytest.mark.parametrize("changes, stall", [
    (dict(), 0.4), (dict(norm_lanes=4), 0), (dict(bus_width=32, norm_lanes=1), 0),
    (dict(bus_width=128, norm_lanes=2, rows=2), 0.4)], ids=str)
def test_normalisation_between_other_tasks(changes, stall):
    p, rng = tiny(**{"norm": True, "norm_lanes": 2} | changes), generator()
    draw = np.random.default_rng(rng.getrandbits(32))
    packets, checks = [], []
    for points in (4, 32):
        x, y = hard_vectors(draw, points), draw.permutation(hard_vectors(draw, points))
        norm = hard_vectors(draw, points)[[0, 1]]
        for packet, golden in ((pack_norm_task(x, p, y, norm), layer_norm(residual(x, y), *norm)),
                               (pack_norm_task(x[:5], p), layer_norm(x[:5])),
                               (pack_norm_task(x[:1], p, y[:1]), layer_norm(residual(x[:1], y[:1])))):
            packets.append(packet)
            checks.append((golden, None))
        packet, plan, golden = task(rng, p, points, 3, rng.choice(["fft", "bpmm"]))
        packets.append(packet)
        checks.append((golden, plan))
    results, codes = run_tasks(p, packets, stall)
    assert not any(codes)
    for result, (golden, plan) in zip(results, checks, strict=True):
        if plan is None:
            same(unpack_norm_result(result, golden.shape, p)[0], golden)
        else:
            check(p, result, plan, golden)


def test_errors_and_the_task_after_each():
    p, rng = tiny(norm=True, norm_lanes=4), generator()
    draw, bus = np.random.default_rng(rng.getrandbits(32)), p.bus_width // 8
    x, y = draw.standard_normal((2, 3, 16)).astype(np.float16)
    good, other = pack_norm_task(x, p, y, (x[0], y[0])), task(rng, p, 16, 3, "fft")

    def header(**fields):
        return pack_norm_task(x, p, **fields)

    wrong = [
        (header(magic=0x1234), ButterflyError.BAD_MAGIC), (header(fft=1), ButterflyError.BAD_MAGIC),
        (header(reserved_flags=1), ButterflyError.BAD_MAGIC), (header(stages=1), ButterflyError.BAD_POINTS),
        (header(stages=6), ButterflyError.BAD_POINTS), (header(worked=1), ButterflyError.BAD_POINTS),
        (header(groups=0), ButterflyError.EMPTY), (good[:bus], ButterflyError.SHORT_PACKET),
        (good[:2 * bus], ButterflyError.SHORT_PACKET), (good[:5 * bus], ButterflyError.SHORT_PACKET),
        (good[:-bus], ButterflyError.SHORT_PACKET), (good + bytes(bus), ButterflyError.LONG_PACKET),
        (pack_task(x, p, batch(rng, p, 16, 3, "bpmm")[1], residual=1)[0], ButterflyError.BAD_MAGIC),
    ]
    packets = [packet for bad, _ in wrong for packet in (bad, good, other[0])]
    results, codes = run_tasks(p, packets)
    assert codes == [code for _, error in wrong for code in (error.value, 0, 0)]
    for number in range(0, len(results), 3):
        same(unpack_norm_result(results[number + 1], x.shape, p)[0], layer_norm(residual(x, y), x[0], y[0]))
        check(p, results[number + 2], *other[1:])


def test_an_accelerator_without_it():
    p, rng = tiny(), generator()
    x = np.ones((2, 8), dtype=np.float16)
    other = task(rng, p, 8, 2, "fft")
    results, codes = run_tasks(p, [pack_norm_task(x, tiny(norm=True)), other[0]])
    assert codes == [ButterflyError.NO_MODE.value, 0]
    check(p, results[1], *other[1:])


def test_results_without_a_sign():
    p, rng = tiny(), generator()
    x, w = batch(rng, p, 16, 5, "bpmm")
    packet, plan = pack_task(x, p, w, relu=1)
    bad = pack_task((x, x), p, relu=1)[0]
    results, codes = run_tasks(p, [packet, bad, packet])
    assert codes == [0, ButterflyError.BAD_MAGIC.value, 0]
    check(p, results[2], plan, relu(bpmm(x, w)))


@pytest.mark.parametrize("changes, sentence", [
    (dict(arithmetic="bf16"), "norm is of fp16 only"), (dict(norm_lanes=8), "norm_lanes must be at most"),
    (dict(norm_lanes=3), "norm_lanes must be")])
def test_refused_parameters(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        tiny(norm=True, **changes)
