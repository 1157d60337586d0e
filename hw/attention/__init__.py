"""Attention stage of `sofa`: exact attention over the keys that a row keeps."""

from .accumulator import Accumulator
from .attention import Attention
from .dot_product import DotProduct
from .group_walk import GroupWalk, KeyStep
from .normalise import RECIPROCAL_BITS, Normalise
from .row_issue import IssuedKey, RowIssue
from .softmax import Probability, Score, Softmax
from .value_lane import ValueLane

__all__ = [
    "RECIPROCAL_BITS", "Accumulator", "Attention", "DotProduct", "GroupWalk", "IssuedKey", "KeyStep", "Normalise",
    "Probability", "RowIssue", "Score", "Softmax", "ValueLane",
]
