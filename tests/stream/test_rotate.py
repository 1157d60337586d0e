"""`rotated` for every amount, both ways."""

import pytest

from hw.stream.rotate import rotated
from tests.streams import rearranged


@pytest.mark.parametrize("count", [1, 2, 8])
@pytest.mark.parametrize("back", [False, True])
def test_places(count, back):
    shown = rearranged(lambda inputs, amount: rotated(inputs, amount, back), count, count)
    for by, outputs in enumerate(shown):
        assert outputs == [(n + (-by if back else by)) % count for n in range(count)]
    assert len(shown) == count
