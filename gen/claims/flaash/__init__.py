"""FLAASH (arXiv 2404.16317)."""

from .evidence import PRESET, Evidence
from .inconsistencies import INCONSISTENCIES

__all__ = ["INCONSISTENCIES", "INTRODUCTION", "TOPICS", "evidence"]

TOPICS = ("function", "work", "simulation", "curves", "processors")

INTRODUCTION = (f"The paper is FLAASH (2024); its curves are read off its figures, within 2 %, a nanosecond being a "
                f"cycle of its clock of 1 GHz. A dash stands where it gives no value. Hardware is the preset "
                f"`{PRESET}`, on random tensors, unless a note says otherwise. Cycles are those of contracting alone, "
                f"from its start to the last result, as the paper's are; tensors are loaded before.")

evidence = Evidence
