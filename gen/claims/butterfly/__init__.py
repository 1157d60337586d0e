"""FABNet, MICRO 2022, and Multilayer Dataflow with its successor MLX, ISCA 2026."""

from .evidence import PRESET, Evidence
from .inconsistencies import INCONSISTENCIES

__all__ = ["INCONSISTENCIES", "INTRODUCTION", "TOPICS", "evidence"]

TOPICS = ("arithmetic", "fabnet_model", "simulation", "layers")

INTRODUCTION = (f"The papers are FABNet (MICRO 2022), with its published artifact, and MLX (ISCA 2026), the successor "
                f"of Multilayer Dataflow; a dash stands where they give no value. Hardware is the preset `{PRESET}`, "
                f"on random vectors, unless a note says otherwise.")

evidence = Evidence
