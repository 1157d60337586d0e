"""Bit-exact models of the hardware, and the float attention that they are measured against."""

from .sofa import GoldenHead, allowed_keys, golden_head
from .sorter import KeptKeys

__all__ = ["GoldenHead", "KeptKeys", "allowed_keys", "golden_head"]
