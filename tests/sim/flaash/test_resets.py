"""Soft resets in mid-flight: the next task is bit-exact."""

import pytest

from sim.host.flaash.task import pack_task
from tests.sim.emitted import examples, soft_reset_at_random
from tests.sim.flaash.machine import draw_tensor, preset
from tests.sim.flaash.test_bit_exact import MACHINES
from tests.streams import generator


@pytest.mark.parametrize("machine", ["int16", "fp32"])
@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_soft_reset_at_random_moments(machine, stall):
    top, rng = preset("tiny", *MACHINES[machine]), generator()
    p = top.parameters
    for _ in range(examples(4)):
        tasks, portions = [], rng.choice((1, 3))
        # The second one may be hit as well.
        for _ in range(3):
            a, b = (draw_tensor(rng, (rng.randint(1, 4), 50), 0.5, p) for _ in "ab")
            tasks.append((pack_task(a, b, p, portions=portions), a, b))
        packets, (_, a, b) = [packet for packet, *_ in tasks], tasks[-1]
        words = len(packets[0]) // (p.bus_width // 8)
        script = soft_reset_at_random(rng, top, words)
        result = top.simulate(packets, script=script, expected_packets=1, stall=stall, seed=rng.getrandbits(16))
        assert result.registers["status"] & 7 == 0
        top.check_packet(result.packets[-1], a, b, portions)
