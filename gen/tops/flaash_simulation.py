"""Contractions through the emitted Verilog of `flaash`, compared bit for bit with the golden model and with einsum."""

import dataclasses
import math

import numpy as np

from gen.emit import emit_cached
from gen.errors import ThresherError
from sim.golden.flaash import FiberTensor, contract_fibers, find_value_format, sparse_result
from sim.host.flaash import (
    pack_contraction,
    plan_tasks,
    portion_length,
    unpack_contraction,
    write_csfbin,
)

from .arrays import write_arrays
from .flaash_inputs import read_inputs
from .packets import run_packets, totals, unpacked

__all__ = ["ContractionRun", "count_macs", "einsum_of", "run_contraction", "simulate_contraction"]

#: Contractions of more products are not computed by einsum, which would take minutes.
_MOST_PRODUCTS = 1 << 31
#: Nor are tensors of more elements made dense.
_MOST_ELEMENTS = 1 << 26


@dataclasses.dataclass
class ContractionRun:
    """What a run returned: its simulation, tasks, results (fibers of a, fibers of b), and those of the golden model.

    ``overflows`` counts results whose exact sum the accumulator does not hold.
    """

    simulation: object
    tasks: list
    c: np.ndarray
    golden: np.ndarray
    overflows: int
    macs: int


def count_macs(a, b):
    """Pairs of entries of equal index, one multiply-accumulate each."""
    places, counts = np.unique(a.indices, return_counts=True)
    others, more = np.unique(b.indices, return_counts=True)
    _, here, there = np.intersect1d(places, others, assume_unique=True, return_indices=True)
    return int(np.sum(counts[here] * more[there]))


def run_contraction(verilog, registers, a, b, parameters, *, portions=1, drop_zeros=False, **options):
    """Send a contraction, as one task or as several, and compute what the golden model makes of it.

    Parameters
    ----------
    verilog : path-like
    registers : dict of str to dict
    a, b : FiberTensor
        Values of the accelerator's format.
    parameters : FlaashParameters
    portions : int
        Parts of the contracted mode.
    drop_zeros : bool
        Do not let the hardware send results that are zero.
    **options
        ``seed``, ``stall``, ``simulator`` and ``waves``; see :func:`sim.runner.simulate`.

    Returns
    -------
    ContractionRun

    Raises
    ------
    ThresherError
        The accelerator does not hold such tensors, reported an error, broke a rule of its buses, or hung.
    """
    p = parameters
    try:
        tasks = plan_tasks(a, b, p, portions)
    except ValueError as error:
        raise ThresherError(str(error)) from error
    packets = pack_contraction(a, b, tasks, p, portions=portions, drop_zeros=drop_zeros)
    result = run_packets("flaash", verilog, registers, packets, p, **options)
    c = unpacked(unpack_contraction, result.packets, tasks, p, drop_zeros)
    golden = contract_fibers(a, b, find_value_format(p.values, p.accumulator), portion_length(a.shape[-1], portions))
    return ContractionRun(result, tasks, c, golden.c, golden.overflows, count_macs(a, b))


def simulate_contraction(top, parameters, options, emitted=None):
    """`thresher sim flaash`: the contraction of an ``.npz`` or two ``.csfbin``, or the shipped one, in Verilog.

    Another netlist of the top may take the place of the emitted Verilog: an object with ``verilog`` and
    ``registers``.

    Returns
    -------
    dict
        The report of the run.
    """
    options.refuse_others(top.name, {"einsum", "portions", "drop_zeros", "input_b"})
    p, portions = parameters, options.portions or 1
    inputs = read_inputs(p, options)
    plan, a, b = inputs.prepared.plan, inputs.prepared.a, inputs.prepared.b
    emitted = emitted or emit_cached(top, p)
    run = run_contraction(emitted.verilog, emitted.registers, a, b, p, portions=portions, drop_zeros=options.drop_zeros,
                          seed=options.seed, stall=options.stall, simulator=options.simulator, waves=options.waves)
    c, golden, exact = plan.result(run.c), plan.result(run.golden), einsum_of(inputs)
    different = differences(c, golden)
    if not p.is_float and inputs.scale is None and exact is not None:
        different += differences(c, wrapped(exact, p.accumulator).astype(c.dtype), "einsum")
    numbers = c if inputs.scale is None else c * inputs.scale
    if options.output is not None:
        write_result(options.output, numbers)
    cycles, working = run.simulation.cycles, run.simulation.registers.get("counter_working")
    return {
        "top": top.name, "parameters": dataclasses.asdict(p), "simulator": options.simulator, "einsum": inputs.einsum,
        "shapes": {"a": plan.a_shape, "b": plan.b_shape, "c": c.shape},
        "density": {"a": density(a), "b": density(b), "c": float(np.count_nonzero(c) / c.size)},
        "tasks": len(run.tasks), "portions": portions, "drop_zeros": options.drop_zeros,
        "bit_exact": not different, "mismatches": different[:10], "mismatch_count": len(different),
        "cycles": cycles, "utilisation": run.macs / (p.multipliers * cycles),
        **({"utilisation_while_working": run.macs / (p.multipliers * working)} if working else {}),
        "macs": run.macs, "overflows": run.overflows, "accuracy": {"relative_error": relative_error(numbers, exact)},
        **({} if inputs.scale is None else {"scale": inputs.scale}),
        "stall": options.stall, **totals([run.simulation]),
    }


def density(tensor):
    """Share of a tensor that it has entries of."""
    return tensor.nnz / math.prod(tensor.shape)


def einsum_of(inputs):
    """The contraction by NumPy on dense tensors of the user, exact or in float64; None if it were too large."""
    plan = inputs.prepared.plan
    sizes = [math.prod(shape) for shape in (plan.a_shape, plan.b_shape, plan.free_shape)]
    if max(sizes) > _MOST_ELEMENTS or math.prod(plan.free_shape) * plan.length > _MOST_PRODUCTS:
        return None
    dense = []
    for name, shape in (("a", plan.a_shape), ("b", plan.b_shape)):
        values = np.asarray(inputs.arrays[f"{name}_values"])
        kind = np.int64 if holds_integers(values) else np.float64
        dense.append(FiberTensor.from_coo(inputs.arrays[f"{name}_coords"], values.astype(kind), shape).to_dense())
    with np.errstate(all="ignore"):
        return np.einsum(inputs.einsum, *dense, optimize=True)


def holds_integers(values):
    """Whether all values are integers of 63 bits, of whatever type."""
    if values.dtype.kind != "f":
        return True
    return bool(np.all(np.abs(values) < 2.0 ** 62) and np.all(values == np.floor(values)))


def wrapped(exact, accumulator):
    """Exact sums modulo ``2^accumulator``, as integers with a sign."""
    half = 1 << (accumulator - 1)
    return ((exact + half) & (2 * half - 1)) - half


def differences(c, golden, of="golden"):
    """Results that differ in a bit, with their place."""
    bits = f"<u{c.dtype.itemsize}"
    return [{"array": "c", "place": tuple(int(index) for index in place), "hardware": c[tuple(place)].item(),
             of: golden[tuple(place)].item()}
            for place in np.argwhere(c.view(bits) != golden.view(bits))]


def relative_error(c, exact):
    """Error over the norm of the exact results, of those that are finite; None where there is nothing to compare."""
    if exact is None:
        return None
    finite = np.isfinite(exact) & np.isfinite(c)
    error, norm = (np.linalg.norm(np.asarray(values[finite], dtype=np.float64)) for values in (c - exact, exact))
    return float(error / norm) if norm > 0 else float(error)


def write_result(path, c):
    """Write ``c`` of an ``.npz``, or the results that are not zero as a ``.csfbin``."""
    if path.suffix != ".csfbin":
        write_arrays(path, c=c)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        write_csfbin(path, sparse_result(c))
    except ValueError as error:
        raise ThresherError(f"{path} cannot hold the result: {error}") from error
