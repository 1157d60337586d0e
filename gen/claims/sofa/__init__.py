"""SOFA, MICRO 2024."""

from .evidence import PRESET, Evidence
from .inconsistencies import INCONSISTENCIES

__all__ = ["INCONSISTENCIES", "INTRODUCTION", "TOPICS", "evidence"]

TOPICS = ("predictor", "hit_rate", "sorter", "sorting_cost", "attention", "complexity", "schedule", "paper_tables",
          "simulation", "area")

INTRODUCTION = (f"The paper is SOFA (MICRO 2024); a dash stands where it gives no value. Real heads are the 72 of "
                f"MiniLM-L6-v2 on 512 tokens of a technical text, without fine-tuning; hardware is the preset "
                f"`{PRESET}`.")

evidence = Evidence
