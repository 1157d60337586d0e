"""Heads through the emitted Verilog of `sofa`, compared bit for bit with the golden model."""

import dataclasses
import tempfile
from pathlib import Path

import numpy as np

from gen.emit import emit_cached
from gen.errors import ThresherError
from sim.golden.reference import attention, softmax_mass, topk_agreement
from sim.golden.sofa import allowed_keys, golden_head
from sim.host.compare import compare_heads
from sim.host.quantise import Selection, plan_head
from sim.host.sofa import pack_task, unpack_result
from sim.runner import SimulationError, simulate

__all__ = ["load_heads", "run_heads", "simulate_heads"]

ARRAYS = ("q", "k", "v")


def load_heads(path, parameters):
    """Arrays of an ``.npz`` of heads, checked against the configuration.

    Returns
    -------
    q, k, v : float32 arrays (heads, S, d)
    mask : bool array (heads, Sq, Sk) or None
    lead : tuple of int
        Leading dimensions that ``heads`` stands for.

    Raises
    ------
    ThresherError
        An array is missing, has the wrong shape, is not finite or does not fit the configuration.
    """
    try:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError) as error:
        raise ThresherError(f"{path} is not an .npz file of plain arrays: {error}") from error
    return check_heads(arrays, path, parameters)


def check_heads(arrays, source, parameters):
    """Arrays of heads, named as in an ``.npz``, checked as :func:`load_heads` says; `source` is for messages."""
    p = parameters
    for name in ARRAYS:
        if name not in arrays:
            raise ThresherError(f"{source} has no array {name!r}; attention takes q (…,Sq,d), k (…,Sk,d), v (…,Sk,dv)")
        if arrays[name].ndim < 2 or arrays[name].dtype.kind not in "fiu":
            raise ThresherError(f"{name} must be an array of numbers with at least 2 dimensions, not "
                                f"{arrays[name].dtype} {arrays[name].shape}")
        if not np.isfinite(arrays[name]).all():
            raise ThresherError(f"{name} must be finite, but it holds NaN or infinity")
    q, k, v = (arrays[name].astype(np.float32) for name in ARRAYS)
    lead = q.shape[:-2]
    if k.shape[:-2] != lead or v.shape[:-2] != lead:
        raise ThresherError(f"q, k and v must agree in their leading dimensions, not {q.shape}, {k.shape}, {v.shape}")
    if q.shape[-1] != k.shape[-1]:
        raise ThresherError(f"q and k must have the same last dimension, not {q.shape[-1]} and {k.shape[-1]}")
    if k.shape[-2] != v.shape[-2]:
        raise ThresherError(f"k and v must have the same number of keys, not {k.shape[-2]} and {v.shape[-2]}")
    if 0 in q.shape or 0 in k.shape or 0 in v.shape:
        raise ThresherError(f"q, k and v must not be empty, but their shapes are {q.shape}, {k.shape}, {v.shape}")
    for name, value, limit, parameter in (
            ("keys", k.shape[-2], p.max_keys, "max_keys"), ("head dimension", k.shape[-1], p.max_head_dim,
                                                            "max_head_dim"),
            ("value dimension", v.shape[-1], p.max_head_dim, "max_head_dim"), ("queries", q.shape[-2], 65535, None)):
        if value > limit:
            where = f"; choose a larger {parameter}" if parameter else ""
            raise ThresherError(
                f"the {name} of a head must be at most {limit} in this configuration, not {value}{where}")
    mask = arrays.get("mask")
    if mask is not None:
        if mask.dtype != bool:
            raise ThresherError(f"mask must be boolean, not {mask.dtype}")
        try:
            mask = np.broadcast_to(mask, (*lead, q.shape[-2], k.shape[-2])).reshape(-1, q.shape[-2], k.shape[-2])
        except ValueError as error:
            raise ThresherError(f"mask must have the shape {(*lead, q.shape[-2], k.shape[-2])}, "
                                f"not {mask.shape}") from error
    return *(x.reshape(-1, *x.shape[-2:]) for x in (q, k, v)), mask, lead


@dataclasses.dataclass
class HeadsRun:
    """What a run of heads returned: the simulation, rows by head, and the golden models."""

    simulation: object
    heads: list
    golden: list
    outputs: np.ndarray
    selected: np.ndarray
    counters: dict
    mismatches: list


def run_heads(verilog, registers, heads, parameters, *, seed=None, stall=0.0, simulator="verilator", waves=None):
    """Send quantised heads as one task, and compare what comes back with the golden model.

    Returns
    -------
    HeadsRun

    Raises
    ------
    ThresherError
        The hardware reported an error, broke a rule of its buses, or hung.
    """
    try:
        result = simulate(
            verilog, "sofa", [pack_task(heads, parameters)], bus_width=parameters.bus_width, simulator=simulator,
            stall=stall, seed=seed, waves=waves, max_idle_cycles=1_000_000,
            registers_to_read={name: entry["address"] for name, entry in registers.items()})
    except SimulationError as error:
        raise ThresherError(f"the simulation failed: {error}") from error
    try:
        rows, code = unpack_result(result.packets[0], heads, parameters)
    except ValueError as error:
        raise ThresherError(f"the hardware broke its own format: {error}") from error
    if code:
        raise ThresherError(f"the hardware ended the task with error code {code}")
    golden = [golden_head(head, parameters) for head in heads]
    shape = (len(heads), len(heads[0].queries))
    outputs = np.array([[row.outputs for row in head] for head in rows])
    selected = np.zeros((*shape, len(heads[0].keys)), dtype=bool)
    for head, returned in enumerate(rows):
        for row, got in enumerate(returned):
            # A key that does not exist is a mismatch of the list, and has no place here.
            selected[head, row, got.keys[got.keys < selected.shape[2]]] = True
    mismatches = compare_heads(heads, rows, golden, parameters, result.output_word_cycles[0])
    counters = {name.removeprefix("counter_"): value for name, value in result.registers.items()
                if name.startswith("counter_")}
    for name in expected_counters(golden, counters):
        mismatches.append({"array": "counters", "counter": name})
    return HeadsRun(result, heads, golden, outputs, selected, counters, mismatches)


def expected_counters(golden, counters):
    """Names of the counters that differ from the golden model's."""
    totals = {}
    for head in golden:
        for name, value in head.counters.items():
            totals[name] = totals.get(name, 0) + value
    return [name for name, value in totals.items() if name in counters and counters[name] != value % (1 << 32)]


def simulate_heads(top, parameters, options):
    """`thresher sim sofa`: heads of an ``.npz``, or the shipped one that fits, through the Verilog.

    Returns
    -------
    dict
        The report of the run.
    """
    options.refuse_others(top.name, {"keep", "causal", "policy", "compare_dense"})
    p = parameters
    if options.input is None:
        q, k, v, mask, lead = check_heads(shipped_case(p), "the shipped case", p)
    else:
        q, k, v, mask, lead = load_heads(options.input, p)
    selection = Selection(keep=options.keep if options.keep is not None else 0.25,
                          policy=options.policy or "merge", causal=options.causal)
    try:
        planned = [plan_head(q[i], k[i], v[i], selection, p, mask=None if mask is None else mask[i])
                   for i in range(len(q))]
    except ValueError as error:
        raise ThresherError(str(error)) from error
    heads = [head for head, _ in planned]
    scales = np.array([scale for _, scale in planned])
    emitted = emit_cached(top, p)
    run = run_heads(emitted.verilog, emitted.registers, heads, p, seed=options.seed, stall=options.stall,
                    simulator=options.simulator, waves=options.waves)
    result = run.simulation
    outputs = (run.outputs * scales[:, None, None]).astype(np.float32)
    macs = int(run.selected.sum()) * (k.shape[-1] + v.shape[-1])
    report = {
        "top": top.name, "parameters": dataclasses.asdict(p), "simulator": options.simulator,
        "bit_exact": not run.mismatches, "mismatches": run.mismatches[:10], "mismatch_count": len(run.mismatches),
        "cycles": result.cycles, "utilisation": macs / (p.multipliers * result.cycles),
        "accuracy": accuracy(q, k, v, heads, outputs, run.selected),
        "softmax_mass": float(np.mean([softmax_mass(q[i], k[i], run.selected[i], allowed_keys(heads[i]))
                                       for i in range(len(q))])),
        "keep": selection.keep, "policy": selection.policy, "seed": result.seed, "stall": options.stall,
        "counters": run.counters,
        "seconds": result.seconds, "kcycles_per_second": result.kcycles_per_second,
    }
    if options.compare_dense:
        dense = [dataclasses.replace(head, dense=True) for head in heads]
        baseline = run_heads(emitted.verilog, emitted.registers, dense, p, seed=options.seed, stall=options.stall,
                             simulator=options.simulator)
        report["dense_cycles"] = baseline.simulation.cycles
        report["speedup_vs_dense"] = baseline.simulation.cycles / result.cycles
        report["bit_exact"] = report["bit_exact"] and not baseline.mismatches
        report["mismatches"] = (report["mismatches"] + baseline.mismatches)[:10]
        report["mismatch_count"] += len(baseline.mismatches)
    if options.output is not None:
        write_arrays(options.output, o=outputs.reshape(*lead, *outputs.shape[1:]),
                     o_raw=run.outputs.astype(np.int16).reshape(*lead, *run.outputs.shape[1:]),
                     selected=run.selected.reshape(*lead, *run.selected.shape[1:]))
    return report


def accuracy(q, k, v, heads, outputs, selected):
    """Errors of the outputs against float attention, over the selected keys and over all keys, and agreement."""
    selected_error = full_error = 0.0
    agreement = []
    for i, head in enumerate(heads):
        allowed = allowed_keys(head)
        exact = attention(q[i], k[i], v[i], selected[i])
        full = attention(q[i], k[i], v[i], allowed)
        largest = max(np.abs(exact).max(), np.finfo(np.float32).tiny)
        selected_error = max(selected_error, float(np.abs(outputs[i] - exact).max() / largest))
        full_error = max(full_error, float(np.abs(outputs[i] - full).max() / max(np.abs(full).max(), largest)))
        agreement.append(topk_agreement(q[i], k[i], selected[i], allowed))
    return {"max_error_over_selected": selected_error, "max_error_over_all_keys": full_error,
            "topk_agreement": float(np.mean(agreement))}


def shipped_case(parameters):
    """Arrays of a shipped case, cut to what the configuration holds."""
    from sim.workloads import shipped

    arrays = shipped("local")
    keys, width = parameters.max_keys // 2, parameters.max_head_dim
    return {name: arrays[name][:keys, :width] for name in ARRAYS}


def write_arrays(path, **arrays):
    """Write an ``.npz`` whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".npz", delete=False) as file:
        np.savez_compressed(file, **arrays)
    Path(file.name).replace(path)
