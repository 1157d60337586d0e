"""Arithmetic parts."""

from .bipartite import BipartiteTable, bipartite_exp2
from .exp2 import Exp2, ScaledExp2
from .leading_zero import LeadingZeroCount8, LeadingZeroEncoder, LogCode
from .multiply import Multiply
from .reciprocal import Reciprocal
from .sum_tree import sum_tree, sum_tree_latency

__all__ = [
    "BipartiteTable", "Exp2", "LeadingZeroCount8", "LeadingZeroEncoder", "LogCode", "Multiply", "Reciprocal",
    "ScaledExp2", "bipartite_exp2", "sum_tree", "sum_tree_latency",
]
