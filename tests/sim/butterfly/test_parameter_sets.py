"""Random legal parameter sets: emitted, compiled by Icarus, and run on random batches."""

import pytest

from gen.emit import emit_cached
from gen.tops.butterfly_simulation import run_vectors
from gen.tops.registry import tops
from hw.butterfly.parameters import ButterflyParameters
from tests.butterfly.machines import batch
from tests.sim.emitted import examples
from tests.streams import generator

pytestmark = pytest.mark.usefixtures("own_cache")


def draw_parameters(rng):
    """A small machine that is legal."""
    while True:
        lanes, bpmm = rng.choice((1, 1, 2, 2, 4)), rng.random() < 0.8
        try:
            return ButterflyParameters(
                bus_width=rng.choice((32, 64, 128)), lanes=lanes, rows=rng.randint(1, 4 // lanes + 1),
                columns=rng.randint(1, 4), max_points=1 << rng.randint(1, 7), resident_points=1 << rng.randint(2, 7),
                arithmetic=rng.choice(("fp16", "bf16")), bpmm=bpmm, fft=not bpmm or rng.random() < 0.8,
                counters=rng.random() < 0.5)
        except ValueError:
            pass


def test_random_parameter_sets():
    rng = generator()
    for _ in range(examples(2)):
        p = draw_parameters(rng)
        emitted = emit_cached(tops()["butterfly"], p)
        for mode in ("fft", "bpmm"):
            if getattr(p, mode):
                points, stall = 1 << rng.randint(1, p.max_points.bit_length() - 1), rng.choice((0.0, 0.4))
                count = rng.randint(1, 9 if points <= p.pass_points else 3)
                print(p, f"{mode} of {count} vectors of {points} points, stall={stall}")
                x, w = batch(rng, p, points, count, mode)
                result = run_vectors(emitted.verilog, emitted.registers, x, w, p, seed=rng.getrandbits(16),
                                     stall=stall, simulator="icarus")
                assert not result.mismatches
