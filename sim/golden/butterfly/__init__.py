"""Butterfly matrices and Fourier transforms, bit for bit as butterfly units compute them."""

from .banks import bank_of, conflicts, schedule
from .block import BlockWeights, fabnet_block, fabnet_block_reference, random_block
from .divided import bpmm_divided, fft_divided
from .errors import error_statistics, transform_error
from .formats import BF16, FORMATS, FP16, FP32, FP64, FixedFormat, FloatFormat, find_format
from .layer_norm import LayerNormFormat, layer_norm, normalise, residual
from .layers import contract, expand, fourier_mix, gelu, pad, relu
from .transform import bit_reversed, bpmm, choose_scaling, dense_matrix, fft, stages_of, twiddles

__all__ = [
    "BF16", "BlockWeights", "FORMATS", "FP16", "FP32", "FP64", "FixedFormat", "FloatFormat", "LayerNormFormat",
    "bank_of", "bit_reversed", "bpmm", "bpmm_divided", "choose_scaling", "conflicts", "contract", "dense_matrix",
    "error_statistics", "expand", "fabnet_block", "fabnet_block_reference", "fft", "fft_divided", "find_format",
    "fourier_mix", "gelu", "layer_norm", "normalise", "pad", "random_block", "relu", "residual", "schedule",
    "stages_of", "transform_error", "twiddles",
]
