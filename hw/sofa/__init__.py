"""The `sofa` accelerator: what its stages share. The engine, which is built of them, is in :mod:`hw.sofa.engine`."""

from .parameters import SofaParameters
from .task import HEADER_BITS, HEADER_MAGIC, Header, SofaError, Task, TaskDecoder

__all__ = ["HEADER_BITS", "HEADER_MAGIC", "Header", "SofaError", "SofaParameters", "Task", "TaskDecoder"]
