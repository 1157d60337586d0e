"""Arithmetic parts."""

from .bipartite import BipartiteTable, bipartite_exp2
from .exp2 import Exp2, ScaledExp2
from .fixed_format import FIXED16, FixedFormat
from .float_add import FloatAdd
from .float_format import BF16, FP16, FP32, FloatFormat
from .float_multiply import FloatMultiply
from .float_round import FloatRound
from .leading_zero import LeadingZeroCount8, LeadingZeroEncoder, LogCode
from .multiply import Multiply
from .reciprocal import Reciprocal
from .sticky_shift import lost_bits, shift_right
from .sum_tree import sum_tree, sum_tree_latency
from .wide_multiply import WideMultiply

__all__ = [
    "BF16", "BipartiteTable", "Exp2", "FIXED16", "FP16", "FP32", "FixedFormat", "FloatAdd", "FloatFormat",
    "FloatMultiply", "FloatRound", "LeadingZeroCount8", "LeadingZeroEncoder", "LogCode", "Multiply", "Reciprocal",
    "ScaledExp2", "WideMultiply", "bipartite_exp2", "lost_bits", "shift_right", "sum_tree", "sum_tree_latency",
]
