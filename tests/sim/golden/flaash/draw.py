"""Random sparse tensors for the tests."""

import math

import numpy as np
from hypothesis import strategies as st

from sim.golden.flaash import FP32, FiberTensor

__all__ = ["draw_pair", "pairs", "random_tensor"]


def random_tensor(generator, shape, density, form):
    """A tensor with entries of the whole range of `form`, zeros among them; fp32 of very different magnitudes."""
    size = math.prod(shape)
    places = np.sort(generator.choice(size, round(density * size), replace=False))
    if form is FP32:
        values = generator.standard_normal(len(places)) * 10.0 ** generator.integers(-6, 7, len(places))
    else:
        limit = 1 << (form.width - 1)
        values = generator.integers(-limit, limit, len(places))
    coords = np.stack(np.unravel_index(places, shape), axis=1)
    return FiberTensor.from_coo(coords, form.encode(values), shape)


def draw_pair(seed, a_free, b_free, length, density, form):
    """Two tensors that can be contracted, printed to be found again."""
    print(f"seed {seed}: {a_free} x {length}, {b_free} x {length}, density {density}, {form.name}")
    generator = np.random.default_rng(seed)
    return (random_tensor(generator, (*a_free, length), density, form),
            random_tensor(generator, (*b_free, length), density, form))


@st.composite
def pairs(draw, form):
    """Pairs of orders 1..8, from empty to full."""
    free = st.lists(st.integers(1, 3), max_size=7).map(lambda lengths: lengths[:1] + [min(n, 2) for n in lengths[1:]])
    return draw_pair(draw(st.integers(0, 2**32)), draw(free), draw(free), draw(st.integers(1, 19)),
                     draw(st.sampled_from([0.0, 0.1, 0.5, 1.0])), form)
