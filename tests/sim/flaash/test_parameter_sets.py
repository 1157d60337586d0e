"""Random legal parameter sets: emitted, compiled by Icarus, and run on random tensors."""

import pytest

from hw.flaash.parameters import FlaashParameters
from tests.sim.emitted import examples
from tests.sim.flaash.machine import Machine, draw_tensor
from tests.streams import generator

pytestmark = pytest.mark.usefixtures("own_cache")


def draw_parameters(rng):
    """A small machine that is legal."""
    while True:
        try:
            return FlaashParameters(
                bus_width=rng.choice((64, 128, 256, 512)), engines=rng.choice((1, 2, 2, 4, 8)),
                window=rng.choice((1, 2, 4)), values=rng.choice(("int8", "int16", "fp32")),
                accumulator=rng.choice((32, 48)), index_bits=rng.randint(6, 32), entries=512, fibers=128,
                row_entries=rng.choice((1, 2, 4, 8)), bundle=rng.choice((1, 2, 4, 8)),
                buffer_windows=rng.choice((16, 32, 64)), memory=rng.choice(("banked", "ideal")),
                latency=rng.choice((0, 0, 3, 17)), dispatch=rng.choice(("least_loaded", "round_robin")),
                sums=rng.choice((0, 64)), counters=rng.random() < 0.5)
        except ValueError:
            pass


def test_random_parameter_sets():
    rng = generator()
    for _ in range(examples(3)):
        p = draw_parameters(rng)
        portions, pairs = rng.randint(2, 4) if p.sums and rng.random() < 0.5 else 1, []
        for _ in range(3):
            length = rng.choice((1, 2, 13, 40, 64))
            most = min(20, 512 // length) if portions == 1 else 4
            pairs.append(tuple(draw_tensor(rng, (rng.randint(1, most), length), rng.choice((0, 0.05, 0.3, 1)), p)
                               for _ in "ab"))
        stall, drop_zeros = rng.choice((0.0, 0.4)), rng.random() < 0.3
        print(p, [(a.shape, b.shape) for a, b in pairs], portions, stall, drop_zeros)
        Machine.emit(p).check(pairs, portions, drop_zeros, stall=stall, seed=rng.getrandbits(16), simulator="icarus")
