"""Layer normalisation on the emitted Verilog, in both simulators, against its golden model."""

import shutil

import numpy as np
import pytest

from gen.emit import emit_cached
from gen.tops.registry import resolve, tops
from sim.golden.butterfly.layer_norm import layer_norm, residual
from sim.host.butterfly_norm import pack_norm_task, unpack_norm_result
from sim.runner import simulate
from tests.butterfly.norm_vectors import hard_vectors, same
from tests.streams import generator


@pytest.mark.parametrize("simulator, stall", [("verilator", 0.4), ("icarus", 0)])
def test_emitted_verilog(simulator, stall):
    if simulator == "icarus" and shutil.which("iverilog") is None:
        pytest.skip("Icarus is not installed")
    p, rng = resolve("butterfly", "tiny", None, ["norm=true"]), generator()
    draw = np.random.default_rng(rng.getrandbits(32))
    emitted = emit_cached(tops()["butterfly"], p)
    x, y = hard_vectors(draw, 32), draw.permutation(hard_vectors(draw, 32))
    norm = hard_vectors(draw, 32)[[0, 1]]
    packets = [pack_norm_task(x, p), pack_norm_task(x, p, y, norm)]
    result = simulate(emitted.verilog, "butterfly", packets, bus_width=p.bus_width, simulator=simulator, stall=stall,
                      seed=rng.getrandbits(31))
    for packet, golden in zip(result.packets, (layer_norm(x), layer_norm(residual(x, y), *norm)), strict=True):
        same(unpack_norm_result(packet, x.shape, p)[0], golden)
