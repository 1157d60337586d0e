"""Contraction of sparse tensors, bit for bit as sparse dot product engines compute it."""

from .contraction import Contraction, Jobs, contract_fibers, count_work, dot_product, enumerate_jobs, sparse_result
from .fibers import MAX_ORDER, FiberError, FiberTensor, check_coordinates, check_shape
from .formats import FP32, INT8, INT8_WIDE, INT16, INT16_WIDE, VALUE_FORMATS, ValueFormat, find_value_format
from .intersect import RULES, WINDOWS, Intersection, Step, intersect, intersect_many

__all__ = [
    "Contraction", "FP32", "FiberError", "FiberTensor", "INT16", "INT16_WIDE", "INT8", "INT8_WIDE", "Intersection",
    "Jobs", "MAX_ORDER", "RULES", "Step", "VALUE_FORMATS", "ValueFormat", "WINDOWS", "check_coordinates", "check_shape",
    "contract_fibers", "count_work", "dot_product", "enumerate_jobs", "find_value_format", "intersect",
    "intersect_many", "sparse_result",
]
