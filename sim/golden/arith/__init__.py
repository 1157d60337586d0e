"""Models of `hw.arith`."""

from .exp2 import exp2, scaled_exp2
from .floats import float_add, float_multiply, float_subtract
from .leading_zero import leading_zero_count8, leading_zero_encoder, leading_zeros, log_code
from .multiply import multiply
from .reciprocal import reciprocal

__all__ = [
    "exp2", "float_add", "float_multiply", "float_subtract", "leading_zero_count8", "leading_zero_encoder",
    "leading_zeros", "log_code", "multiply", "reciprocal", "scaled_exp2",
]
