"""Sorting stage of `sofa`: the best keys of each segment, and masks of those that a row keeps."""

from .key_mask import GroupMasks, KeyMask, MaskRecord
from .rank_four import RankFour
from .row_select import RowSelect, SelectionRule
from .segment_sorter import Candidate, SegmentSorter
from .select_lane import SelectLane

__all__ = [
    "Candidate", "GroupMasks", "KeyMask", "MaskRecord", "RankFour", "RowSelect", "SegmentSorter", "SelectLane",
    "SelectionRule",
]
