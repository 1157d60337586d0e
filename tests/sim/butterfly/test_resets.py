"""Soft resets in mid-flight: the next task is bit-exact."""

import numpy as np
import pytest

from sim.golden.butterfly import bpmm, fft
from sim.host.butterfly import pack_task, unpack_result
from tests.butterfly.machines import batch
from tests.sim.emitted import EmittedTop, examples, soft_reset_at_random
from tests.streams import generator

#: By columns; other tests have compiled them as well.
MACHINES = {1: [], 3: ["columns=3", "bus_width=128"]}


class Top(EmittedTop):
    """Emitted Verilog of a parameter set of `butterfly`."""

    name = "butterfly"


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_soft_reset_at_random_moments(columns, stall):
    top, rng = Top.preset("tiny", *MACHINES[columns]), generator()
    p = top.parameters
    for _ in range(examples(4)):
        tasks = []
        # The second one may be hit as well.
        for mode in ("bpmm", "fft", rng.choice(("fft", "bpmm"))):
            x, w = batch(rng, p, 1 << rng.randint(1, 6), rng.randint(1, 12), mode)
            tasks.append((*pack_task(x, p, w), fft(x) if mode == "fft" else bpmm(x, w)))
        packets, (_, plan, golden) = [packet for packet, *_ in tasks], tasks[-1]
        words = len(packets[0]) // (p.bus_width // 8)
        script = soft_reset_at_random(rng, top, words)
        result = top.simulate(packets, script=script, expected_packets=1, stall=stall, seed=rng.getrandbits(16))
        values, code = unpack_result(result.packets[-1], plan, p, np.float16)
        assert code == 0 and result.registers["status"] & 7 == 0
        np.testing.assert_array_equal(np.asarray(values).view(np.uint16), np.asarray(golden).view(np.uint16))
