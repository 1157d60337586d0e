import numpy as np
import pytest

from sim.golden.butterfly import (
    bpmm,
    error_statistics,
    fabnet_block,
    fabnet_block_reference,
    fourier_mix,
    layer_norm,
    random_block,
    relu,
)


def tokens(seed=5):
    return np.random.default_rng(seed).standard_normal((32, 64))


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu", "none"])
def test_block_is_close_to_double_precision(activation, norm_first):
    block = random_block(64, 4, seed=1, activation=activation, norm_first=norm_first)
    y = fabnet_block(tokens(), block)
    assert y.shape == (32, 64) and y.dtype == np.float16
    assert error_statistics(y.astype(float), fabnet_block_reference(tokens(), block))["rms"] < 2.5e-3


def test_block_step_by_step():
    block, x = random_block(64, 2, seed=2), tokens().astype(np.float16)
    h = layer_norm(x + fourier_mix(x), *block.norms[0])
    wide = relu(np.concatenate([bpmm(h, block.up[0]), bpmm(h, block.up[1])], axis=-1))
    y = layer_norm(h + bpmm(wide, block.down)[:, :64], *block.norms[1])
    assert np.array_equal(fabnet_block(x, block), y)


def test_bad_activation():
    with pytest.raises(ValueError, match=r"^activation must be one of relu, gelu, none, not 'tanh'$"):
        random_block(8, 1, activation="tanh")
