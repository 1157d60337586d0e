"""Shapes, densities, formats, portions, stalls and both simulators: every result equals the golden model's."""

import numpy as np
import pytest

from sim.golden.flaash import FiberTensor, count_work
from tests.sim.flaash.machine import draw_tensor, preset
from tests.streams import generator

#: One machine a format, for each is compiled: other windows, rows, buses and memories with them.
MACHINES = {
    "int16": (),
    "int8": ("values=int8", "accumulator=48", "bus_width=128", "window=4", "engines=4", "dispatch=round_robin",
             "bundle=8"),
    "fp32": ("values=fp32", "index_bits=32", "window=1", "row_entries=8", "latency=9", "buffer_windows=32"),
}


def pairs_of_shapes(rng, p):
    """Orders 1 to 5; lengths of 1, primes, and fibers that no buffer holds."""
    shapes = [((1,), (1,)), ((5,), (1, 5)), ((7, 13), (3, 13)), ((2, 3, 11), (5, 11)), ((1, 2, 3, 2, 17), (2, 2, 17)),
              ((31, 3), (37, 3)), ((2, 211), (2, 211)), ((1, 499), (1, 499)), ((127, 2), (1, 2))]
    return [tuple(draw_tensor(rng, shape, rng.choice((0.02, 0.3, 0.7, 1)), p) for shape in pair) for pair in shapes]


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("simulator, stall", [("verilator", 0.0), ("verilator", 0.4), ("icarus", 0.4)])
def test_shapes(machine, simulator, stall):
    top, rng = preset("tiny", *MACHINES[machine]), generator()
    top.check(pairs_of_shapes(rng, top.parameters), simulator=simulator, stall=stall, seed=rng.getrandbits(16))


@pytest.mark.parametrize("machine", MACHINES)
def test_empty_disjoint_identical_and_single_entries(machine):
    top, rng = preset("tiny", *MACHINES[machine]), generator()
    p, empty = top.parameters, [draw_tensor(rng, (5, 9), 0, top.parameters) for _ in range(2)]
    some = draw_tensor(rng, (5, 9), 0.5, p)
    full = draw_tensor(rng, (6, 40), 1, p)
    even, odd = (full.to_dense() * (np.arange(40) % 2 == rest) for rest in (0, 1))
    one = draw_tensor(rng, (1, 1), 1, p)
    pairs = [(empty[0], empty[1]), (empty[0], some), (some, empty[1]), (some, some), (full, full),
             (FiberTensor.from_dense(even), FiberTensor.from_dense(odd)), (one, one)]
    result = top.check(pairs)
    work = [count_work(a, b) for a, b in pairs]
    assert result.registers["counter_macs"] == sum(each["macs"] for each in work)
    assert result.registers["counter_jobs"] == sum(each["jobs"] - each["jobs_skipped"] for each in work)
    assert result.registers["counter_compares"] == sum(
        count_work(a, b, p.window, rule="rows")["compare_cycles"] for a, b in pairs)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("portions", [1, 2, 5])
def test_portions_and_dropped_zeros(machine, portions):
    top, rng = preset("tiny", *MACHINES[machine]), generator()
    p = top.parameters
    pairs = [tuple(draw_tensor(rng, shape, density, p) for shape in pair) for pair, density in (
        (((3, 40), (4, 40)), 0.1), (((1, 97), (1, 97)), 1), (((2, 3), (6, 3)), 0.5))]
    result = top.check(pairs, portions=portions, drop_zeros=True, stall=0.2, seed=rng.getrandbits(16))
    assert result.registers["counter_results"] < sum(a.fibers * b.fibers for a, b in pairs) * portions


def test_infinities_subnormals_and_nan():
    top, rng = preset("tiny", *MACHINES["fp32"]), generator()
    pairs = [tuple(draw_tensor(rng, (6, 30), 0.6, top.parameters, special=True) for _ in "ab") for _ in range(4)]
    top.check(pairs, stall=0.2, seed=rng.getrandbits(16))


@pytest.mark.parametrize("machine", MACHINES)
def test_tensors_stay(machine):
    """Contractions of a tensor with others, and of the same two again."""
    from sim.host.flaash.task import pack_task

    top, rng = preset("tiny", *MACHINES[machine]), generator()
    p = top.parameters
    a, b, other = (draw_tensor(rng, (fibers, 23), 0.4, p) for fibers in (5, 3, 8))
    result = top.simulate([pack_task(a, b, p), pack_task(None, None, p), pack_task(None, other, p),
                           pack_task(b, None, p), pack_task(None, a, p, contract=False), pack_task(None, None, p)])
    for packet, pair in zip(np.array(result.packets, dtype=object)[[0, 1, 2, 3, 5]],
                            ((a, b), (a, b), (a, other), (b, other), (b, a)), strict=True):
        top.check_packet(packet, *pair)
