"""Sorting stage of `sofa`: the best keys of each segment, and the list of those that a row keeps."""

from .key_list import KeyEntry, KeyList, ListedKey
from .row_lane import RowLane, RowRule
from .segment_sorter import Candidate, SegmentSorter
from .top_four import TopFour, top_four_network

__all__ = [
    "Candidate", "KeyEntry", "KeyList", "ListedKey", "RowLane", "RowRule", "SegmentSorter", "TopFour",
    "top_four_network",
]
