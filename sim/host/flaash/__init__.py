"""Host side of `flaash`: tensors in, contractions as those of last modes, results back."""

from .csfbin import csfbin_bytes, parse_csfbin, read_csfbin, write_csfbin
from .cut import ContractionTask, pack_contraction, plan_tasks, take_fibers, unpack_contraction
from .einsum import ContractionPlan, parse_einsum, plan_contraction
from .operands import check_fits, from_pydata, from_scipy, read_operand, to_pydata, to_scipy
from .prepare import Prepared, prepare
from .quantise import quantise_pair
from .task import fiber_pieces, pack_task, portion_length, unpack_result

__all__ = [
    "ContractionPlan", "ContractionTask", "Prepared", "check_fits", "csfbin_bytes", "fiber_pieces", "from_pydata",
    "from_scipy", "pack_contraction", "pack_task", "parse_csfbin", "parse_einsum",
    "plan_contraction", "plan_tasks", "portion_length", "prepare", "quantise_pair", "read_csfbin", "read_operand",
    "take_fibers", "to_pydata", "to_scipy", "unpack_contraction", "unpack_result", "write_csfbin",
]
