"""Pairs of words at every distance, and back."""

import pytest

from hw.butterfly.pairing import paired, unpaired
from tests.streams import rearranged


@pytest.mark.parametrize("count", [2, 4, 8, 16])
def test_pairs(count):
    def outputs(inputs, pairing):
        first, second = paired(inputs, pairing)
        return [*first, *second, *unpaired(first, second, pairing)]

    shown = rearranged(outputs, count, exponents := (count - 1).bit_length())
    for exponent, words in enumerate(shown):
        # The first words are those whose place has a zero where the distance is, in ascending order.
        places = [n for n in range(count) if not n >> exponent & 1]
        assert words[:count // 2] == places
        assert words[count // 2:count] == [n + (1 << exponent) for n in places]
        assert words[count:] == list(range(count))
    assert len(shown) == exponents
