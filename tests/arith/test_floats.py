"""The models of floating-point arithmetic next to each other, and next to numbers that are known."""

from fractions import Fraction

import numpy as np
import pytest

from hw.arith import BF16, FP16, FP32, FloatFormat
from sim.golden import arith as golden
from sim.golden.arith.floats import exact
from tests.arith.float_pairs import directed_pairs, every_pair, random_pairs, special_values
from tests.streams import generator

OPERATIONS = {"add": golden.float_add, "subtract": golden.float_subtract, "multiply": golden.float_multiply}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("form", [FP16, BF16, FP32], ids=["fp16", "bf16", "fp32"])
def test_fractions_and_numpy_agree(form, operation):
    """That NumPy rounds 16-bit formats twice makes no difference."""
    rng = np.random.default_rng(generator().getrandbits(32))
    special = special_values(form)
    pairs = [list(every_pair(special, special)), random_pairs(form, 1000, rng), directed_pairs(form, 3000, rng)]
    a, b = (np.concatenate(side) for side in zip(*pairs, strict=True))
    assert [exact(operation, int(x), int(y), form) for x, y in zip(a, b, strict=True)] == (
        OPERATIONS[operation](a, b, form).tolist())


def test_fractions_of_a_small_format():
    """Sign, three bits of exponent (bias 3), two of mantissa: 0x0c is 1, 0x0d is 1.25, 0x01 a sixteenth, 0x1b 14."""
    form = FloatFormat(3, 2)
    assert exact("add", 0x0C, 0x0C, form) == 0x10
    assert exact("multiply", 0x0D, 0x0D, form) == 0x0E                         # 1.5625 to 1.5
    assert exact("add", 0x0C, 0x02, form) == 0x0C                              # 1.125 to 1, the even one
    assert exact("add", 0x0D, 0x02, form) == 0x0E                              # 1.375 to 1.5
    assert exact("multiply", 0x01, 0x08, form) == 0x00                         # a 32nd to 0, the even one
    assert exact("multiply", 0x03, 0x08, form) == 0x02                         # 3/32 to 1/8
    assert exact("subtract", 0x0C, 0x0C, form) == 0x00
    assert exact("add", 0x1B, 0x08, form) == 0x1B                              # 14.5 to 14
    assert exact("add", 0x1B, 0x0C, form) == 0x1C                              # 15, half-way to 16, to infinity
    assert exact("subtract", 0x1C, 0x1C, form) == exact("multiply", 0x20, 0x1C, form) == form.nan


def test_rounds_to_one_of_the_nearest():
    """Of every pair of a format: no other number is nearer than the product."""
    form = FloatFormat(4, 2)
    sizes = np.arange(form.infinity)
    numbers = [Fraction(int(f) + 4 * (e > 0)) * Fraction(2)**(int(max(e, 1)) - form.bias - form.mantissa)
               for e, f in zip(sizes >> 2, sizes & 3, strict=True)]
    for x, y in zip(*every_pair(sizes, sizes), strict=True):
        product = numbers[x] * numbers[y]
        found = exact("multiply", int(x), int(y), form)
        if found == form.infinity:
            assert product >= numbers[-1] + (numbers[-1] - numbers[-2]) / 2
        else:
            distances = [abs(product - number) for number in numbers[max(0, found - 1):found + 2]]
            assert abs(product - numbers[found]) == min(distances)
