"""Sorting stage of `sofa`: the best keys of each segment, and masks of those that a row keeps."""

from .row_select import RowSelect, SelectionRule
from .segment_sorter import Candidate, SegmentSorter
from .select_lane import KeyMask, SelectLane
from .top_four import TopFour, top_four_network

__all__ = [
    "Candidate", "KeyMask", "RowSelect", "SegmentSorter", "SelectLane", "SelectionRule", "TopFour",
    "top_four_network",
]
