"""Vectors through the emitted Verilog of `butterfly`, compared bit for bit with the golden model."""

import dataclasses

import numpy as np

from gen.emit import emit_cached
from gen.errors import ThresherError
from sim.golden.butterfly import bit_reversed, bpmm, fft, find_format
from sim.golden.butterfly import relu as golden_relu
from sim.host.butterfly import pack_task, unpack_result
from sim.host.butterfly_passes import plan_passes
from sim.host.fixed_point import fixed_task
from sim.workloads import shipped

from .arrays import load_arrays, write_arrays
from .packets import run_packets, totals, unpacked

__all__ = ["VectorsRun", "differences", "run_vectors", "simulate_vectors"]

_VECTORS = 64                # of a batch that is drawn


@dataclasses.dataclass
class VectorsRun:
    """What a run returned: a simulation a pass, the plans of all tasks, vectors, the golden model's, and mismatches."""

    simulations: list
    plans: list
    outputs: object
    golden: object
    mismatches: list

    @property
    def fft(self):
        """Whether it was a Fourier transform."""
        return isinstance(self.outputs, tuple)

    @property
    def batch(self):
        """Number of vectors."""
        return len(self.outputs[0] if self.fft else self.outputs)

    @property
    def points(self):
        """Points of a vector."""
        return (self.outputs[0] if self.fft else self.outputs).shape[1]

    @property
    def cycles(self):
        """Cycles of all passes."""
        return sum(result.cycles for result in self.simulations)

    @property
    def counters(self):
        """Counters by name, over all passes."""
        return totals(self.simulations)["counters"]


def run_vectors(verilog, registers, x, w, parameters, *, scaling=None, relu=False, seed=None, stall=0.0,
                simulator="verilator", waves=None):
    """Send a batch, as one task or pass by pass, and compare what comes back with the golden model.

    Parameters
    ----------
    verilog : path-like
    registers : dict of str to dict
    x : array (batch, N), or pair of arrays
        Elements of the format: real vectors, or real and imaginary parts.
    w : array (log2 N, N/2, 2, 2) or None
        Elements of the format, of real vectors.
    parameters : ButterflyParameters
    scaling : sequence of int or None
        Of fixed point: 1 for each stage that is halved.
    relu : bool
        Results of a butterfly matrix that have the sign bit become +0.
    waves : path-like, optional
        Waveform file of the last pass.

    Returns
    -------
    VectorsRun

    Raises
    ------
    ThresherError
        The hardware reported an error, broke a rule of its buses, or hung.
    """
    p, complex_ = parameters, isinstance(x, tuple)
    planes = [plane.copy() for plane in (x if complex_ else (x,))]
    batch, points = planes[0].shape
    try:
        passes = plan_passes(points, p, complex_)
    except ValueError as error:
        raise ThresherError(str(error)) from error
    simulations, plans = [], []
    for each in passes:
        tasks = list(_tasks(each, complex_))
        inputs = [[plane[:, places].reshape(-1, each.task_points) for plane in planes] for places, _ in tasks]
        try:
            packed = [pack_task(tuple(values) if complex_ else values[0], p,
                                None if complex_ else each.coefficients(w, places[0]),
                                worked=each.worked, first_block=block * complex_, relu=int(relu and each is passes[-1]),
                                scaling=None if scaling is None else scaling[each.first:each.first + each.worked])
                      for values, (places, block) in zip(inputs, tasks, strict=True)]
        except ValueError as error:
            raise ThresherError(str(error)) from error
        result = run_packets("butterfly", verilog, registers, [packet for packet, _ in packed], p, simulator=simulator,
                             stall=stall, seed=seed, waves=waves if each is passes[-1] else None)
        seed = result.seed
        for packet, (_, plan), (places, _) in zip(result.packets, packed, tasks, strict=True):
            outputs = unpacked(unpack_result, packet, plan, p, planes[0].dtype, natural=False)
            for plane, values in zip(planes, outputs if complex_ else (outputs,), strict=True):
                plane[:, places] = values.reshape(batch, *places.shape)
        simulations.append(result)
        plans += [plan for _, plan in packed]
    if complex_:
        order = bit_reversed(points)
        outputs, golden = tuple(plane[:, order] for plane in planes), fft(x, p.arithmetic, scaling)
    else:
        outputs, golden = planes[0], bpmm(x, w, p.arithmetic, scaling)
        golden = golden_relu(golden) if relu else golden
    return VectorsRun(simulations, plans, outputs, golden, differences(outputs, golden))


def _tasks(each, complex_):
    """Places of the vectors of each task of a pass, and the block that they are in.

    Vectors of a block have the same twiddles, and each its own coefficients.
    """
    for block, vectors in enumerate(each.places()):
        if complex_:
            yield vectors, block
        else:
            for vector in vectors:
                yield vector[None], block


def differences(outputs, golden):
    """Elements that differ in a bit, two NaN being equal: the first ones, with their place."""
    found = []
    complex_ = isinstance(outputs, tuple)
    for part, got, wanted in zip(("real", "imaginary") if complex_ else ("real",), outputs if complex_ else (outputs,),
                                 golden if complex_ else (golden,), strict=True):
        bits = f"<u{got.dtype.itemsize}"
        wrong = (got.view(bits) != wanted.view(bits)) & ~(np.isnan(got) & np.isnan(wanted))
        found += [{"array": "y", "part": part, "vector": int(vector), "point": int(point),
                   "hardware": float(got[vector, point]), "golden": float(wanted[vector, point])}
                  for vector, point in np.argwhere(wrong)]
    return found


def simulate_vectors(top, parameters, options, emitted=None):
    """`thresher sim butterfly`: vectors of an ``.npz``, or the shipped ones, through the Verilog.

    A configuration that is too small for the shipped ones takes random vectors.
    Another netlist of the top may take the place of the emitted Verilog: an object with ``verilog`` and
    ``registers``.

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
    x, w = _drawn(mode, options.seed, p) if arrays is None else _checked(arrays, source, mode)
    fixed, scaling, exponent = None, None, 0
    if p.fixed_point:
        fixed = _fixed(x, w, p)
        x, w, scaling, exponent = fixed.x, fixed.w, fixed.scaling, fixed.exponent
    else:
        x, w = _elements(x, w, mode, p)
    emitted = emitted or emit_cached(top, p)
    run = run_vectors(emitted.verilog, emitted.registers, x, w, p, scaling=scaling, seed=options.seed,
                      stall=options.stall, simulator=options.simulator, waves=options.waves)
    stages = run.points.bit_length() - 1
    products = 2 * run.batch * run.points * stages
    if options.output is not None:
        write_arrays(options.output, y=as_numbers(run.outputs, p, exponent))
    return {
        "top": top.name, "parameters": dataclasses.asdict(p), "simulator": options.simulator, "mode": mode,
        "points": run.points, "batch": run.batch, "passes": len(run.simulations), "tasks": len(run.plans),
        "bit_exact": not run.mismatches, "mismatches": run.mismatches[:10], "mismatch_count": len(run.mismatches),
        "cycles": run.cycles, "utilisation": products / (p.multipliers * run.cycles),
        "cycles_per_vector": run.cycles / run.batch,
        "accuracy": accuracy(x, w, run.outputs, p, scaling),
        **({} if fixed is None else {"scaling": scaling, "exponent": exponent, "saturated": fixed.saturated}),
        "stall": options.stall, **totals(run.simulations),
    }


def as_numbers(values, parameters, exponent=0):
    """Results, times ``2^exponent``, as numbers of NumPy: float32, or complex64."""
    form = find_format(parameters.arithmetic)
    if not isinstance(values, tuple):
        return np.ldexp(form.decode(values), exponent).astype(np.float32)
    return np.ldexp(form.decode(np.stack(values, -1)), exponent).astype(np.float32).view(np.complex64)[..., 0]


def accuracy(x, w, outputs, parameters, scaling=None):
    """Error against float64, with the elements that the hardware was given, over the norm of the results."""
    form, exponent = find_format(parameters.arithmetic), sum(scaling or ())

    def complex_of(parts):
        return form.decode(parts[0]) + 1j * form.decode(parts[1])

    if isinstance(outputs, tuple):
        exact, got = np.fft.fft(complex_of(x)), complex_of(outputs) * 2.0 ** exponent
    else:
        exact = bpmm(form.decode(x), form.decode_coefficients(w), "fp64")
        got = form.decode(outputs) * 2.0 ** exponent
    norm = np.linalg.norm(exact)
    with np.errstate(invalid="ignore", over="ignore"):
        return {"relative_error": float(np.linalg.norm(got - exact) / norm) if norm > 0 else 0.0}


def _mode_of(arrays, parameters):
    """Mode that was not named: that of the input, or the first one that there is."""
    return "bpmm" if parameters.bpmm and (arrays is None or "w" in arrays) else "fft"


def _drawn(mode, seed, parameters):
    """Random vectors of the longest size of a task, and random coefficients that keep their norm, as numbers."""
    p, draw = parameters, np.random.default_rng(seed)
    points = p.pass_points
    shape = (_VECTORS, points)
    if mode == "fft":
        return draw.standard_normal(shape) + 1j * draw.standard_normal(shape), None
    angles = draw.uniform(0, 2 * np.pi, (points.bit_length() - 1, points // 2))
    w = np.stack([np.stack([np.cos(angles), -np.sin(angles)], -1), np.stack([np.sin(angles), np.cos(angles)], -1)], -2)
    return draw.standard_normal(shape), w


def _elements(x, w, mode, parameters):
    """Vectors and coefficients as elements of a floating-point format."""
    form = find_format(parameters.arithmetic)
    if mode == "fft":
        return (form.encode(np.real(x)), form.encode(np.imag(x))), None
    return form.encode(x), form.encode_coefficients(w)


def _fixed(x, w, parameters):
    """The same in fixed point."""
    try:
        return fixed_task(x, w, parameters.arithmetic)
    except ValueError as error:
        raise ThresherError(str(error)) from error


def _checked(arrays, source, mode):
    """Vectors and coefficients of a file, as numbers."""
    for name in ("x", "w") if mode == "bpmm" else ("x",):
        if name not in arrays:
            raise ThresherError(f"{source} has no array {name!r}; the mode {mode} needs "
                                f"{'x (batch, N) and w (log2 N, N/2, 2, 2)' if mode == 'bpmm' else 'x (batch, N)'}")
    x = arrays["x"]
    if x.ndim != 2 or x.dtype.kind not in "fiuc":
        raise ThresherError(f"x must be an array (batch, N) of numbers, not {x.dtype} {x.shape}")
    if mode == "fft":
        return x, None
    if x.dtype.kind == "c":
        raise ThresherError("x must be real in the mode bpmm, not complex")
    w, points = arrays["w"], x.shape[1]
    stages = max(1, points.bit_length() - 1)
    shape = (stages, points // 2, 2, 2)
    if w.shape != shape or w.dtype.kind not in "fiu":
        raise ThresherError(f"w must be an array of numbers {shape} for vectors of {points} points, "
                            f"not {w.dtype} {w.shape}")
    return x, w
