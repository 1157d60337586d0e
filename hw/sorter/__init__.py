"""Sorting stage of `sofa`: the best keys of each segment, and masks of those that a row keeps."""

from .key_mask import GroupMasks, KeyMask, MaskRecord
from .row_select import RowSelect, SelectionRule
from .segment_sorter import Candidate, SegmentSorter
from .select_lane import SelectLane
from .top_four import TopFour, top_four_network

__all__ = [
    "Candidate", "GroupMasks", "KeyMask", "MaskRecord", "RowSelect", "SegmentSorter", "SelectLane", "SelectionRule",
    "TopFour", "top_four_network",
]
