"""Vectors through the emitted Verilog of `butterfly`, compared bit for bit with the golden model."""

import dataclasses

import numpy as np

from gen.emit import emit_cached
from gen.errors import ThresherError
from sim.golden.butterfly import bpmm, fft, find_format
from sim.host.butterfly import pack_task, unpack_result
from sim.runner import SimulationError, simulate
from sim.workloads import shipped

from .arrays import load_arrays, write_arrays

__all__ = ["VectorsRun", "run_vectors", "simulate_vectors"]

_VECTORS = 64                # of a batch that is drawn


@dataclasses.dataclass
class VectorsRun:
    """What a run returned: the simulation, the vectors, the golden model's, the plan and the places that differ."""

    simulation: object
    outputs: object
    golden: object
    plan: object
    mismatches: list

    @property
    def counters(self):
        """Counters by name."""
        return {name.removeprefix("counter_"): value for name, value in self.simulation.registers.items()
                if name.startswith("counter_")}


def run_vectors(verilog, registers, x, w, parameters, *, seed=None, stall=0.0, simulator="verilator", waves=None):
    """Send a batch as one task, and compare what comes back with the golden model.

    Parameters
    ----------
    verilog : path-like
    registers : dict of str to dict
    x : array (batch, N), or pair of arrays
        Elements of the format: real vectors, or real and imaginary parts.
    w : array (log2 N, N/2, 2, 2) or None
        Elements of the format, of real vectors.
    parameters : ButterflyParameters

    Returns
    -------
    VectorsRun

    Raises
    ------
    ThresherError
        The hardware reported an error, broke a rule of its buses, or hung.
    """
    p = parameters
    try:
        packet, plan = pack_task(x, p, w)
    except ValueError as error:
        raise ThresherError(str(error)) from error
    try:
        result = simulate(
            verilog, "butterfly", [packet], bus_width=p.bus_width, simulator=simulator, stall=stall, seed=seed,
            waves=waves, max_idle_cycles=1_000_000,
            registers_to_read={name: entry["address"] for name, entry in registers.items()})
    except SimulationError as error:
        raise ThresherError(f"the simulation failed: {error}") from error
    dtype = (x[0] if plan.fft else x).dtype
    try:
        outputs, code = unpack_result(result.packets[0], plan, p, dtype)
    except ValueError as error:
        raise ThresherError(f"the hardware broke its own format: {error}") from error
    if code:
        raise ThresherError(f"the hardware ended the task with error code {code}")
    golden = fft(x, p.arithmetic) if plan.fft else bpmm(x, w, p.arithmetic)
    return VectorsRun(result, outputs, golden, plan, differences(outputs, golden, plan))


def differences(outputs, golden, plan):
    """Elements that differ in a bit, two NaN being equal: the first ones, with their place."""
    found = []
    parts = ("real", "imaginary") if plan.fft else ("real",)
    for part, got, wanted in zip(parts, outputs if plan.fft else (outputs,), golden if plan.fft else (golden,),
                                 strict=True):
        bits = f"<u{got.dtype.itemsize}"
        wrong = (got.view(bits) != wanted.view(bits)) & ~(np.isnan(got) & np.isnan(wanted))
        found += [{"array": "y", "part": part, "vector": int(vector), "point": int(point),
                   "hardware": float(got[vector, point]), "golden": float(wanted[vector, point])}
                  for vector, point in np.argwhere(wrong)]
    return found


def simulate_vectors(top, parameters, options):
    """`thresher sim butterfly`: vectors of an ``.npz``, or the shipped ones, through the Verilog.

    A configuration that is too small for the shipped ones takes random vectors.

    Returns
    -------
    dict
        The report of the run.
    """
    options.refuse_others(top.name, {"mode"})
    p = parameters
    if options.input is not None:
        arrays, source = load_arrays(options.input), options.input
    else:
        arrays, source = shipped("butterfly"), "the shipped case"
        arrays = arrays if arrays["x"].shape[1] <= p.max_points else None
    mode = options.mode or _mode_of(arrays, p)
    x, w = _drawn(mode, options.seed, p) if arrays is None else _checked(arrays, source, mode, p)
    emitted = emit_cached(top, p)
    run = run_vectors(emitted.verilog, emitted.registers, x, w, p, seed=options.seed, stall=options.stall,
                      simulator=options.simulator, waves=options.waves)
    result, plan = run.simulation, run.plan
    stages = plan.points.bit_length() - 1
    products = 4 * plan.batch * plan.points // 2 * stages
    if options.output is not None:
        write_arrays(options.output, y=as_numbers(run.outputs, plan))
    return {
        "top": top.name, "parameters": dataclasses.asdict(p), "simulator": options.simulator, "mode": mode,
        "points": plan.points, "batch": plan.batch,
        "bit_exact": not run.mismatches, "mismatches": run.mismatches[:10], "mismatch_count": len(run.mismatches),
        "cycles": result.cycles, "utilisation": products / (p.multipliers * result.cycles),
        "cycles_per_vector": result.cycles / plan.batch,
        "accuracy": accuracy(x, w, run.outputs, plan),
        "seed": result.seed, "stall": options.stall, "counters": run.counters,
        "seconds": result.seconds, "kcycles_per_second": result.kcycles_per_second,
    }


def as_numbers(values, plan):
    """Results as numbers of NumPy: float32, or complex64."""
    if not plan.fft:
        return values.astype(np.float32)
    return (values[0].astype(np.float32) + 1j * values[1].astype(np.float32)).astype(np.complex64)


def accuracy(x, w, outputs, plan):
    """Error against float64, over the norm of the results."""
    if plan.fft:
        exact = np.fft.fft(x[0].astype(np.float64) + 1j * x[1].astype(np.float64))
        got = outputs[0].astype(np.float64) + 1j * outputs[1].astype(np.float64)
    else:
        exact, got = bpmm(x.astype(np.float64), w.astype(np.float64), "fp64"), outputs.astype(np.float64)
    norm = np.linalg.norm(exact)
    with np.errstate(invalid="ignore", over="ignore"):
        return {"relative_error": float(np.linalg.norm(got - exact) / norm) if norm > 0 else 0.0}


def _mode_of(arrays, parameters):
    """Mode that was not named: that of the input, or the first one that there is."""
    return "bpmm" if parameters.bpmm and (arrays is None or "w" in arrays) else "fft"


def _drawn(mode, seed, parameters):
    """A batch of random vectors of the longest size, and random coefficients that keep their norm."""
    p, draw = parameters, np.random.default_rng(seed)
    form, points = find_format(p.arithmetic), p.max_points
    shape = (_VECTORS, points)
    if mode == "fft":
        return tuple(form.encode(draw.standard_normal(shape)) for _ in range(2)), None
    angles = draw.uniform(0, 2 * np.pi, (points.bit_length() - 1, points // 2))
    w = np.stack([np.stack([np.cos(angles), -np.sin(angles)], -1), np.stack([np.sin(angles), np.cos(angles)], -1)], -2)
    return form.encode(draw.standard_normal(shape)), form.encode_coefficients(w)


def _checked(arrays, source, mode, parameters):
    """Vectors and coefficients of a file, as elements of the format."""
    form = find_format(parameters.arithmetic)
    for name in ("x", "w") if mode == "bpmm" else ("x",):
        if name not in arrays:
            raise ThresherError(f"{source} has no array {name!r}; the mode {mode} needs "
                                f"{'x (batch, N) and w (log2 N, N/2, 2, 2)' if mode == 'bpmm' else 'x (batch, N)'}")
    x = arrays["x"]
    if x.ndim != 2 or x.dtype.kind not in "fiuc":
        raise ThresherError(f"x must be an array (batch, N) of numbers, not {x.dtype} {x.shape}")
    if mode == "fft":
        return (form.encode(np.real(x)), form.encode(np.imag(x))), None
    if x.dtype.kind == "c":
        raise ThresherError("x must be real in the mode bpmm, not complex")
    w, points = arrays["w"], x.shape[1]
    stages = max(1, points.bit_length() - 1)
    shape = (stages, points // 2, 2, 2)
    if w.shape != shape or w.dtype.kind not in "fiu":
        raise ThresherError(f"w must be an array of numbers {shape} for vectors of {points} points, "
                            f"not {w.dtype} {w.shape}")
    return form.encode(x), form.encode_coefficients(w)
