"""Plans of contractions: every einsum of two tensors as a contraction of last modes, against NumPy's einsum."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.golden.flaash import FP32, INT16_WIDE, FiberError, FiberTensor, contract_fibers, dot_product
from sim.host.flaash import parse_einsum, plan_contraction


def run(einsum, a, b, form=INT16_WIDE):
    """The contraction of dense arrays by way of their entries, in an order of their own."""
    plan = plan_contraction(einsum, a.shape, b.shape)
    fibers = []
    for array, make in ((a, plan.fibers_a), (b, plan.fibers_b)):
        mixed = np.random.default_rng(0).permutation(np.argwhere(array))
        fibers.append(make(mixed, array[tuple(mixed.T)]))
    c = plan.result(contract_fibers(*fibers, form).c)
    assert c.shape == plan.result_shape and c.flags.c_contiguous
    return c


@pytest.mark.parametrize("einsum, a_shape, b_shape", [
    ("ijk,lk->ijl", (3, 2, 5), (4, 5)), ("ik,kj->ij", (3, 7), (7, 2)), ("ik,kj->ji", (3, 7), (7, 2)),
    ("k,k->", (11,), (11,)), ("k,k", (1,), (1,)), ("k,kj->j", (5,), (5, 3)), ("abc,cab->", (2, 3, 5), (5, 2, 3)),
    ("kai,jik->ja", (3, 2, 5), (7, 5, 3)), ("zy,yx", (2, 3), (3, 5)), (" uv d , v f -> u d f ", (5, 5, 2), (5, 3)),
    ("Kk,kK->", (2, 3), (3, 2)), ("abcdefgh,h->gfedcba", (1, 2, 1, 2, 1, 2, 3, 5), (5,)),
    ("abcdefgh,ijklmnoh->onmlkjiabcdefg", (1, 2, 1, 2, 1, 1, 2, 3), (2, 1, 1, 2, 1, 1, 2, 3)),
])
def test_einsum(einsum, a_shape, b_shape):
    generator = np.random.default_rng(7)
    a, b = (generator.integers(-9, 10, shape) * (generator.random(shape) < 0.6) for shape in (a_shape, b_shape))
    assert (run(einsum, a, b) == np.einsum(einsum.replace(" ", ""), a, b)).all()


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_any_einsum_of_orders_up_to_8(data):
    letters = data.draw(st.permutations("abcdefghijklmno"))
    shared = data.draw(st.integers(1, 8))
    free_a, free_b = data.draw(st.integers(0, 8 - shared)), data.draw(st.integers(0, 8 - shared))
    length = {letter: data.draw(st.integers(1, 3)) if place < 5 else 1 + place % 2 for place, letter in
              enumerate(letters)}
    common, own = letters[:shared], letters[shared:]
    a = data.draw(st.permutations(common + own[:free_a]))
    b = data.draw(st.permutations(common + own[free_a:free_a + free_b]))
    result = data.draw(st.permutations(own[:free_a + free_b]))
    einsum = f"{''.join(a)},{''.join(b)}->{''.join(result)}"
    generator = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    arrays = []
    for modes in (a, b):
        shape = [length[letter] for letter in modes]
        arrays.append(generator.integers(-9, 10, shape) * (generator.random(shape) < 0.4))
    assert (run(einsum, *arrays) == np.einsum(einsum, *arrays)).all()


def test_order_of_merged_modes_is_that_of_a():
    generator = np.random.default_rng(2)
    a = (generator.standard_normal((4, 5)) * 10.0 ** generator.integers(-6, 7, (4, 5))).astype(np.float32)
    b = generator.standard_normal((5, 4)).astype(np.float32)
    index = np.arange(20)
    ascending = dot_product(index, a.ravel(), index, b.T.ravel(), FP32)
    assert run("ij,ji->", a, b, FP32) == ascending
    assert run("ij,ji->", a, b, FP32) != dot_product(index, a.T.ravel(), index, b.ravel(), FP32)


@pytest.mark.parametrize("einsum, message", [
    ("ij,j.->i", r"has '\.' at place 4"), ("ij->i", "must have the modes of two tensors"),
    ("ij,jk,kl->il", "must have the modes of two tensors"), (",j->j", "must have the modes of two tensors"),
    ("iij,j->i", "has mode 'i' of a twice"), ("ij,jj->i", "has mode 'j' of b twice"),
    ("ij,jk->iik", "has mode 'i' of the result twice"), ("ij,ij->i", "keeps mode 'i', which both tensors have"),
    ("ij,jk->iz", "has mode 'z' in the result, which neither tensor has"), ("ij,jk->i", "lacks mode 'k' in the result"),
    ("ij,kl->ijkl", "contracts nothing"), ("ij,jk->ik,", "has ',' at place 9"), ("ij,jk-ik", "has '-' at place 5"),
    ("ij,jk->i->k", "has '-' at place 8"), ("...i,i->...", r"has '\.' at place 0"), ("", "must have the modes of two"),
    (None, "must be text"),
])
def test_bad_einsum(einsum, message):
    with pytest.raises(ValueError, match=message):
        parse_einsum(einsum)


@pytest.mark.parametrize("einsum, a_shape, b_shape, message", [
    ("ik,kj->ij", (3, 4), (5, 2), r"mode 'k' has length 4 in tensor a \(mode 1\), but 5 in tensor b \(mode 0\)"),
    ("ik,kj->ij", (3, 4, 1), (4, 2), r"gives tensor a 2 modes, but its shape \(3, 4, 1\) has 3"),
    ("ik,kj->ij", (3, 4), (4,), "gives tensor b 2 modes"),
    ("abcdefghi,i->abcdefgh", (1,) * 9, (1,), r"tensor a: a tensor must have 1\.\.8 modes, not 9"),
    ("i,i->", (3,), (0,), "tensor b: the length of mode 0"),
    ("jk,jk->", (1 << 20, 1 << 20), (1 << 20, 1 << 20), "'jk' are 1099511627776 long together"),
])
def test_shapes_refused(einsum, a_shape, b_shape, message):
    with pytest.raises(ValueError, match=message):
        plan_contraction(einsum, a_shape, b_shape)


def test_entries_refused_by_the_users_numbers():
    plan = plan_contraction("kia,ka->i", (3, 2, 5), (3, 5))
    with pytest.raises(FiberError, match=r"tensor a: entry 1 has coordinate 2 in mode 1, out of 0\.\.1"):
        plan.fibers_a([[0, 0, 0], [1, 2, 3]], [1, 2])
    with pytest.raises(FiberError, match="tensor b: entries 0 and 2 have the same coordinates"):
        plan.fibers_b([[2, 4], [0, 0], [2, 4]], [1, 2, 3])
    empty = plan.fibers_a(np.zeros((0, 3)), np.zeros(0))
    assert isinstance(empty, FiberTensor) and empty.shape == (2, 15) and empty.nnz == 0
