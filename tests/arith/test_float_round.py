from fractions import Fraction

import pytest

from hw.arith import FloatFormat, FloatRound
from sim.golden.arith.floats import nearest
from tests.arith.pipelines import pipeline


def results(form, rows):
    dut = FloatRound(form)
    inputs = [dut.sign, dut.exponent, dut.lower, dut.least, dut.significand, dut.sticky]
    return [o for o, in pipeline(dut, inputs, [dut.o.as_value()], rows, dut.latency)]


@pytest.mark.parametrize("form", [FloatFormat(2, 1), FloatFormat(3, 2), FloatFormat(3, 4), FloatFormat(4, 1)])
def test_exhaustive(form):
    """All that the members' descriptions allow, next to the nearest number."""
    rows, expected = [], []
    one, top = 2 << form.mantissa, (1 << form.exponent) - 1
    for lower in range(4):
        for exponent in range(top + 1):
            field = -1 if exponent == top and not lower else exponent - 2 * lower
            for significand in range(4 * one):
                if not -1 <= field <= top - 2 or (field > 0 and significand < one) or (
                        field == top - 2 and significand >= 2 * one):
                    continue
                for sticky in (0, 1):
                    size = Fraction(4 * significand + sticky, 4 * one) * Fraction(2)**(field + 1 - form.bias)
                    sign = significand & 1
                    rows.append((sign, exponent, lower, field == -1, significand, sticky))
                    expected.append(nearest(size, form) | sign << (form.width - 1))
    assert results(form, rows) == expected


def test_infinities_and_nans():
    form = FloatFormat(5, 10)
    rows = [(0, 31, 0, 0, 0, 0), (1, 31, 0, 0, 0, 1), (0, 31, 0, 0, 1 << form.mantissa, 0)]
    assert results(form, rows) == [form.infinity, form.infinity | 0x8000, form.nan]
