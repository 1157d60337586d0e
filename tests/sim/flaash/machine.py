"""Contractions through the emitted Verilog of `flaash`, each compared with the golden model."""

import numpy as np

from sim.golden.flaash import FiberTensor, contract_fibers, find_value_format
from sim.host.flaash.task import pack_task, portion_length, unpack_result
from tests.sim.emitted import EmittedTop

__all__ = ["Machine", "draw_tensor", "preset"]

#: Of fp32, beside random ones: zeros, the smallest, subnormal, largest, infinite, and NaN.
SPECIAL = np.array([0.0, -0.0, 1e-45, -1e-45, 1e-39, 1.1754944e-38, 3.4028235e38, -3.4028235e38, np.inf, -np.inf,
                    np.nan, 1.0, -1.0], dtype=np.float32)


def draw_tensor(rng, shape, density, parameters, special=False):
    """A random tensor of values of all bits, or of fp32 numbers of which some cancel."""
    form = find_value_format(parameters.values, parameters.accumulator)
    draw = np.random.default_rng(rng.getrandbits(32))
    coords = np.argwhere(draw.random(shape) < density)
    if not form.is_float:
        half = 1 << (form.width - 1)
        values = draw.integers(-half, half, len(coords))
    elif special:
        values = draw.choice(SPECIAL, len(coords))
    else:
        values = draw.choice((-1, 1), len(coords)) * 2.0 ** draw.integers(-20, 20, len(coords)) * draw.integers(
            1, 9, len(coords))
    return FiberTensor.from_coo(coords, form.encode(values), shape)


class Machine(EmittedTop):
    """Emitted Verilog of a parameter set of `flaash`."""

    name = "flaash"

    def check_packet(self, packet, a, b, portions=1, drop_zeros=False):
        """Compare the results of a contraction, bit for bit."""
        form = find_value_format(self.parameters.values, self.parameters.accumulator)
        c, code = unpack_result(packet, self.parameters, (a.fibers, b.fibers), drop_zeros)
        assert code == 0
        portion = None if portions == 1 else portion_length(a.shape[-1], portions)
        golden = contract_fibers(a, b, form, portion).c
        bits = f"<u{golden.dtype.itemsize}"
        np.testing.assert_array_equal(c.view(bits), golden.view(bits))

    def check(self, pairs, portions=1, drop_zeros=False, **options):
        """Contract pairs of tensors one behind the other."""
        result = self.simulate([pack_task(a, b, self.parameters, portions=portions, drop_zeros=drop_zeros)
                                for a, b in pairs], **options)
        for packet, (a, b) in zip(result.packets, pairs, strict=True):
            self.check_packet(packet, a, b, portions, drop_zeros)
        assert result.registers["tasks_done"] == len(pairs)
        assert result.registers["tasks_failed"] == result.registers["error"] == 0
        return result


preset = Machine.preset
