"""A contraction from named arrays to its result, and what is refused on the way."""

import numpy as np
import pytest

from sim.golden.flaash import INT8, contract_fibers
from sim.host.flaash import prepare


def arrays(**changes):
    """Shapes (2, 3, 4) and (5, 3), entries not in order."""
    generator = np.random.default_rng(6)
    case = {}
    for name, shape in (("a", (2, 3, 4)), ("b", (5, 3))):
        dense = generator.integers(-128, 128, shape) * (generator.random(shape) < 0.5)
        coords = generator.permutation(np.argwhere(dense))
        case |= {f"{name}_coords": coords, f"{name}_values": dense[tuple(coords.T)], f"{name}_shape": np.array(shape),
                 name: dense}
    return case | changes


def test_contraction():
    case = arrays()
    prepared = prepare(case, "ikj,lk->jil", INT8, entries=24, pointers=9)
    c = prepared.plan.result(contract_fibers(prepared.a, prepared.b, INT8).c)
    assert prepared.a.values.dtype == np.int8 and prepared.a.shape == (2, 4, 3)
    assert (c == np.einsum("ikj,lk->jil", case["a"], case["b"])).all()


@pytest.mark.parametrize("changes, einsum, limits, message", [
    ({}, "ikj,lj->ikl", {}, "mode 'j' has length 4 in tensor a .* but 3 in tensor b"),
    ({}, "ikj,lk->jil", dict(pointers=8), "tensor a has 9 fiber pointers, but the memory of the accelerator holds 8"),
    ({}, "ikj,lk->jil", dict(entries=2), "tensor a has .* entries, but the memory of the accelerator holds 2"),
    (dict(b_coords=np.array([[0, 3]]), b_values=[1]), "ikj,lk->jil", {}, "tensor b: entry 0 has coordinate 3"),
    (dict(b_coords=np.array([[0, 2]]), b_values=[200]), "ikj,lk->jil", {}, "tensor b: value 0 is 200, not an integer"),
    (dict(b_coords=np.array([[1, 2], [1, 2]]), b_values=[1, 2]), "ikj,lk->jil", {}, "tensor b: entries 0 and 1 have"),
])
def test_refused(changes, einsum, limits, message):
    with pytest.raises(ValueError, match=message):
        prepare(arrays(**changes), einsum, INT8, **limits)
