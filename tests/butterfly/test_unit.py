"""`ButterflyUnit`: both modes, one after the other, against NumPy's rounding of each operation."""

import numpy as np
import pytest

from hw.butterfly.unit import ButterflyUnit
from sim.golden.butterfly import find_format
from tests.butterfly.machines import tiny
from tests.streams import generator, run


def word(low, high):
    return [int(part) for part in (low, high)]


@pytest.mark.parametrize("arithmetic", ["fp16", "bf16"])
def test_both_modes(arithmetic):
    p, rng = tiny(arithmetic=arithmetic), generator()
    form, draw = find_format(arithmetic), np.random.default_rng(rng.getrandbits(32))
    dut, count = ButterflyUnit(p), 40
    words = form.encode(draw.standard_normal((2 * count, 2, 2)))          # step, p or q, element
    factors = form.encode(draw.standard_normal((2 * count, 4)))
    bits = words.view(np.uint16), factors.view(np.uint16)
    expected = {}
    with np.errstate(all="ignore"):
        for step in range(count):
            (pr, pi), (qr, qi) = words[step]
            wr, wi = factors[step][:2]
            t = (form.subtract(form.multiply(qr, wr), form.multiply(qi, wi)),
                 form.add(form.multiply(qr, wi), form.multiply(qi, wr)))
            expected[step] = [[form.add(pr, t[0]), form.add(pi, t[1])],
                              [form.subtract(pr, t[0]), form.subtract(pi, t[1])]]
        # Halves of the same words, in two steps.
        for step in range(count, 2 * count, 2):
            words[step + 1], bits[0][step + 1] = words[step], bits[0][step]
            rows = []
            for half in range(2):
                c = factors[step + half]
                a, b = words[step][0][half], words[step][1][half]
                rows.append([form.add(form.multiply(a, c[2 * row]), form.multiply(b, c[2 * row + 1]))
                             for row in range(2)])
            expected[step + 1] = [[rows[0][0], rows[1][0]], [rows[0][1], rows[1][1]]]
    results = {}

    async def testbench(ctx):
        for fft, first in ((1, 0), (0, count)):
            ctx.set(dut.fft, fft)
            await ctx.tick()
            for step in range(first, first + count + dut.latency):
                if step < first + count:
                    ctx.set(dut.half, step & 1)
                    ctx.set(dut.p, word(*bits[0][step][0]))
                    ctx.set(dut.q, word(*bits[0][step][1]))
                    ctx.set(dut.coefficients, [int(bit) for bit in bits[1][step]])
                if step >= first + dut.latency:
                    results[step - dut.latency] = [list(ctx.get(dut.o_p)), list(ctx.get(dut.o_q))]
                await ctx.tick()

    run(dut, testbench)
    for step, values in expected.items():
        wanted = np.array(values, dtype=form.dtype).view(np.uint16)
        np.testing.assert_array_equal(results[step], wanted, err_msg=f"step {step}")
