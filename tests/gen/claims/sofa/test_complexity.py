from itertools import pairwise

import pytest

from gen.claims.sofa.complexity import head_operations
from gen.claims.sofa.sorting_cost import selection_comparisons


@pytest.mark.parametrize("sort, before, after", [
    ("selection", sum(1023 - found for found in range(256)), selection_comparisons(1024, 256, 16)),
    ("bitonic", 28160, 47 * 320)])
def test_each_step_changes_its_own_operations(sort, before, after):
    steps = head_operations(sort)
    changed = [{name for name in old if old[name] != new[name]} for old, new in pairwise(steps)]
    assert changed == [{"shift", "multiply 4"}, {"compare"}, {"compare", "multiply", "exponential"}]
    assert steps[1]["shift"] == steps[0]["multiply 4"] == (768 + 1024) * 64
    assert steps[1]["compare"] - steps[2]["compare"] == before - after
