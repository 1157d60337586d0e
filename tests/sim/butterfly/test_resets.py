"""Soft resets in mid-flight: the next task is bit-exact."""

import numpy as np
import pytest

from gen.emit import emit_cached
from gen.tops.registry import resolve, tops
from sim.golden.butterfly import bpmm, fft
from sim.host.butterfly import pack_task, unpack_result
from sim.runner import (
    PauseInput,
    ResumeInput,
    WaitCycles,
    WaitInputPackets,
    WaitInputWords,
    WaitRegister,
    WriteRegister,
    simulate,
)
from tests.butterfly.machines import batch
from tests.sim.sofa.simulation import examples
from tests.streams import generator

ENABLE, SOFT_RESET, BUSY = 1, 2, 1
#: By columns; other tests have compiled them as well.
MACHINES = {1: [], 3: ["columns=3", "bus_width=128"]}


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_soft_reset_at_random_moments(columns, stall):
    p, rng = resolve("butterfly", "tiny", None, MACHINES[columns]), generator()
    emitted = emit_cached(tops()["butterfly"], p)
    address = {name: entry["address"] for name, entry in emitted.registers.items()}
    for _ in range(examples(4)):
        tasks = []
        # The second one may be hit as well.
        for mode in ("bpmm", "fft", rng.choice(("fft", "bpmm"))):
            x, w = batch(rng, p, 1 << rng.randint(1, 6), rng.randint(1, 12), mode)
            tasks.append((*pack_task(x, p, w), fft(x) if mode == "fft" else bpmm(x, w)))
        packets, (_, plan, golden) = [packet for packet, *_ in tasks], tasks[-1]
        words = len(packets[0]) // (p.bus_width // 8)
        moment = rng.choice(([WaitInputWords(rng.randint(1, words - 1)), PauseInput(), WaitCycles(rng.randint(0, 12))],
                             [WaitInputPackets(1), PauseInput(), WaitCycles(rng.randint(1, 600))]))
        script = [*moment, WriteRegister(address["control"], ENABLE | SOFT_RESET), ResumeInput(),
                  WaitInputPackets(3), WaitRegister(address["status"], 0, BUSY)]
        result = simulate(emitted.verilog, "butterfly", packets, bus_width=p.bus_width, script=script,
                          expected_packets=1, stall=stall, seed=rng.getrandbits(16), registers_to_read=address)
        values, code = unpack_result(result.packets[-1], plan, p, np.float16)
        assert code == 0 and result.registers["status"] & 7 == 0
        np.testing.assert_array_equal(np.asarray(values).view(np.uint16), np.asarray(golden).view(np.uint16))
