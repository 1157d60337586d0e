"""A contraction as the user states it, ready for the accelerator or its golden model."""

from dataclasses import dataclass

from sim.golden.flaash import FiberError, FiberTensor

from .einsum import ContractionPlan, plan_contraction
from .operands import check_fits, read_operand

__all__ = ["Prepared", "prepare"]


@dataclass(frozen=True, eq=False)
class Prepared:
    """What is contracted: the plan, which takes the result back, and both tensors, contracted modes last."""

    plan: ContractionPlan
    a: FiberTensor
    b: FiberTensor


def prepare(arrays, einsum, form, entries=None, pointers=None):
    """Check, permute, merge and sort the tensors of a contraction.

    Parameters
    ----------
    arrays : mapping of str to array
        ``a_coords`` (nnz, order), ``a_values`` (nnz,), ``a_shape`` (order,), and the same for ``b``.
    einsum : str
        As ``ijk,lk->ijl``; see `parse_einsum`.
    form : sim.golden.flaash.ValueFormat
    entries, pointers : int or None
        What the memory of each tensor holds; None: any number.

    Returns
    -------
    Prepared

    Raises
    ------
    ValueError
        See `read_operand`, `plan_contraction`, `ContractionPlan.fibers_a`, `ValueFormat.encode` and `check_fits`.
    """
    operands = {name: read_operand(arrays, name) for name in "ab"}
    plan = plan_contraction(einsum, operands["a"][2], operands["b"][2])
    tensors = {}
    for name, fibers in (("a", plan.fibers_a), ("b", plan.fibers_b)):
        coords, values, _ = operands[name]
        try:
            values = form.encode(values)
        except FiberError as error:
            raise FiberError(f"tensor {name}: {error}") from None
        tensors[name] = fibers(coords, values)
        check_fits(name, tensors[name], entries, pointers)
    return Prepared(plan, tensors["a"], tensors["b"])
