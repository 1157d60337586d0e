from fractions import Fraction

import numpy as np
import pytest

from hw.arith.bipartite import _candidates, _try_split, bipartite_exp2, exact_powers
from sim.golden.arith import exp2


@pytest.mark.parametrize("fraction_bits", [1, 5, 10])
def test_exact_powers(fraction_bits):
    powers = exact_powers(fraction_bits)
    expected = 2.0**(np.arange(1 << fraction_bits) / (1 << fraction_bits))
    assert np.abs(np.array([power / 2**96 for power in powers]) - expected).max() < 1e-15
    # Raised to the power 2**fraction_bits every entry is 2**n again, to far more places than a float has.
    value = powers[-1]
    for _ in range(fraction_bits):
        value = value * value >> 96
        while value >= 2 << 96:
            value >>= 1
    relative = Fraction(value, 1 << 96)
    assert min(abs(relative - 1), abs(relative - 2)) < Fraction(1, 1 << 78)


@pytest.mark.parametrize("fraction_bits, output_bits, max_error", [
    (10, 14, None), (10, 14, 2**-12), (10, 14, 2**-15), (8, 14, None), (6, 12, None), (4, 6, None),
    (1, 2, None), (2, 2, None), (12, 16, None), (14, 14, 2**-12), (7, 10, Fraction(3, 2000)),
])
def test_error_exhaustive(fraction_bits, output_bits, max_error):
    table = bipartite_exp2(fraction_bits, output_bits, max_error)
    f = np.arange(1 << fraction_bits)
    result = exp2(f, table) / 2.0**output_bits
    errors = np.abs(result - 2.0**(f / (1 << fraction_bits)))
    assert errors.max() <= float(max_error or 2.0**(1 - output_bits))
    assert errors.max() == pytest.approx(float(table.error), abs=1e-15)
    assert result[0] == 1
    assert result.min() >= 1
    assert result.max() < 2


@pytest.mark.parametrize("fraction_bits, output_bits", [(10, 14), (8, 14), (5, 8)])
def test_no_cheaper_split_exists(fraction_bits, output_bits):
    limit = Fraction(1, 1 << (output_bits - 1))
    tables = [_try_split(exact_powers(fraction_bits), fraction_bits, output_bits, split, int(limit * 2**96))
              for _, *split in _candidates(fraction_bits, output_bits)]
    chosen = bipartite_exp2(fraction_bits, output_bits)
    assert chosen.rom_bits == min(table.rom_bits for table in tables if table)


def test_default_costs():
    table = bipartite_exp2(10, 14)
    assert table.rom_bits == 2816
    assert table.error <= Fraction(1, 1 << 13)


def test_bad_parameters():
    with pytest.raises(ValueError, match=r"^output_bits must be in 2\.\.24, not 25$"):
        bipartite_exp2(10, 25)
    with pytest.raises(ValueError, match=r"^fraction_bits must be in 1\.\.14, not 15$"):
        bipartite_exp2(15, 14)
    with pytest.raises(ValueError, match=r"^max_error must be at least 2\*\*-15 and below 1, not 1e-06$"):
        bipartite_exp2(10, 14, 1e-6)
    with pytest.raises(TypeError, match=r"^max_error must be a number or None, not 'small'$"):
        bipartite_exp2(10, 14, "small")
