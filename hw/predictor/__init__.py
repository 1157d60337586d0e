"""Prediction stage of `sofa`: scores of keys with shift and add only."""

from .predictor import Predictor, ScoreSlot, predictor_latency
from .query_code import QueryCode, QueryEncoder
from .shift_tree import ShiftTree
from .sweep import Slot, Sweep

__all__ = ["Predictor", "QueryCode", "QueryEncoder", "ScoreSlot", "ShiftTree", "Slot", "Sweep", "predictor_latency"]
