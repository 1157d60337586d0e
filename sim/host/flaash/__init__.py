"""Host side of `flaash`: tensors in, contractions as those of last modes, results back."""

from .csfbin import csfbin_bytes, parse_csfbin, read_csfbin, write_csfbin
from .einsum import ContractionPlan, parse_einsum, plan_contraction
from .operands import check_fits, from_pydata, from_scipy, read_operand, to_pydata, to_scipy
from .prepare import Prepared, prepare

__all__ = [
    "ContractionPlan", "Prepared", "check_fits", "csfbin_bytes", "from_pydata", "from_scipy", "parse_csfbin",
    "parse_einsum", "plan_contraction", "prepare", "read_csfbin", "read_operand", "to_pydata", "to_scipy",
    "write_csfbin",
]
