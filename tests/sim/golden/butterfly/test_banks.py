import numpy as np
import pytest

from sim.golden.butterfly import bank_of, conflicts, schedule

SIZES = [1 << stages for stages in range(1, 14)]


@pytest.mark.parametrize("units", [1, 2, 4, 8])
def test_no_bank_is_needed_twice(units):
    banks = 2 * units
    for points in SIZES:
        if points >= banks:
            assert conflicts(points, banks) == (0, points // banks * (points.bit_length() - 1))


@pytest.mark.parametrize("units", [1, 2, 4, 8])
def test_schedule_brings_both_elements_of_each_pair_once(units):
    banks = 2 * units
    for points in (banks, 16 * banks):
        for stage in range(points.bit_length() - 1):
            stride = points >> (stage + 1)
            together = schedule(points, stride, banks)
            assert sorted(together.flat) == list(range(points))
            for cycle in together:
                assert {int(i) ^ stride for i in cycle} == set(cycle.tolist())


def test_eight_bits_of_the_row_are_too_few_for_4096_points():
    assert conflicts(2048, 8, row_bits=8) == (0, 2816)
    assert conflicts(4096, 8, row_bits=8) == (512, 6144)


def test_banks_by_hand():
    # Row 5 has two ones, row 7 three.
    assert bank_of(np.arange(5 * 4, 6 * 4), 4).tolist() == [2, 3, 0, 1]
    assert bank_of(7 * 8 + 6, 8) == (6 + 3) % 8
    assert bank_of(7 * 8 + 6, 8, row_bits=2) == 0


def test_a_vector_fills_a_row():
    with pytest.raises(ValueError, match=r"^The points must be at least the 8 banks, not 4$"):
        schedule(4, 2, 8)
