"""Typed stream parts."""

from .arbiter import Arbiter
from .buffer import Buffer
from .fifo import Fifo
from .fork import Fork
from .join import Join
from .pointer_fifo import PointerFifo
from .width_converter import WidthConverter
from .word import Word

__all__ = ["Arbiter", "Buffer", "Fifo", "Fork", "Join", "PointerFifo", "WidthConverter", "Word"]
