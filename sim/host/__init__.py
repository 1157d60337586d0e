"""Host side of the engines: real tensors as packets of words, and results back from them."""

from .compare import compare_heads
from .quantise import Selection, plan_head
from .sofa import SofaHead, SofaRow, pack_task, unpack_result

__all__ = ["Selection", "SofaHead", "SofaRow", "compare_heads", "pack_task", "plan_head", "unpack_result"]
