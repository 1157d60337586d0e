"""Heads through the emitted Verilog of `sofa`, compared bit for bit with the golden model."""

import dataclasses

import numpy as np

from gen.emit import emit_cached
from gen.errors import ThresherError
from sim.golden.reference import attention, softmax_mass, topk_agreement
from sim.golden.sofa import allowed_keys, golden_head
from sim.host.compare import compare_heads
from sim.host.quantise import Selection
from sim.host.sofa import pack_task, unpack_result
from sim.host.tokens import fetch_rows, generated_keys
from sim.runner import SimulationError, simulate

from .arrays import write_arrays
from .sofa_inputs import check_heads, load_heads, shipped_case
from .sofa_stages import sampled_counters, timeline
from .sofa_traffic import reuse, traffic

__all__ = ["HeadsRun", "accuracy", "check_heads_run", "float_outputs", "measure_heads", "plan_inputs", "run_heads",
           "simulate_heads", "write_outputs"]


@dataclasses.dataclass
class HeadsRun:
    """What a run of heads returned: the simulation (None on a board), rows by head, and the golden models.

    ``generated`` bool (heads, Sk): the tokens whose key and value the hardware made, None unless from tokens.
    """

    simulation: object
    heads: list
    golden: list
    outputs: np.ndarray
    selected: np.ndarray
    counters: dict
    mismatches: list
    generated: np.ndarray | None


def run_heads(verilog, registers, heads, parameters, *, seed=None, stall=0.0, simulator="verilator", waves=None,
              sample=None):
    """Send quantised heads as one task, and compare what comes back with the golden model.

    Returns
    -------
    HeadsRun

    Raises
    ------
    ThresherError
        The hardware reported an error, broke a rule of its buses, or hung.
    """
    sampling = {}
    if sample is not None:
        sampling = {"sample_every": sample, "sample": sampled_counters(registers)}
    try:
        result = simulate(
            verilog, "sofa", [pack_task(heads, parameters)], bus_width=parameters.bus_width, simulator=simulator,
            stall=stall, seed=seed, waves=waves, max_idle_cycles=1_000_000, fetch=fetch_rows(heads, parameters),
            **sampling, registers_to_read={name: entry["address"] for name, entry in registers.items()})
    except SimulationError as error:
        raise ThresherError(f"the simulation failed: {error}") from error
    return check_heads_run(heads, parameters, result.packets[0], result.registers, result.fetches,
                           simulation=result)


def check_heads_run(heads, parameters, packet, registers, fetches, *, simulation=None):
    """Compare what the hardware returned for heads with the golden model.

    Parameters
    ----------
    heads : list of SofaHead
    parameters : SofaParameters
    packet : bytes
        The result, with its trailer.
    registers : dict of str to int
        At least the counters.
    fetches : list of int
        Requests for rows, in order.
    simulation : SimulationResult or None
        Tells when the words of the result left.

    Returns
    -------
    HeadsRun

    Raises
    ------
    ThresherError
        The hardware reported an error, or broke its own format.
    """
    try:
        rows, code = unpack_result(packet, heads, parameters)
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
    word_cycles = None if simulation is None else simulation.output_word_cycles[0]
    mismatches = compare_heads(heads, rows, golden, parameters, word_cycles)
    counters = {name.removeprefix("counter_"): value for name, value in registers.items()
                if name.startswith("counter_")}
    for name in expected_counters(golden, counters):
        mismatches.append({"array": "counters", "counter": name})
    generated = None
    if heads[0].tokens is not None:
        generated = generated_keys(fetches, heads)
        mismatches += [{"array": "kv_generated", "head": head} for head in range(len(heads))
                       if not np.array_equal(generated[head], golden[head].selected.any(axis=0))]
    return HeadsRun(simulation, heads, golden, outputs, selected, counters, mismatches, generated)


def expected_counters(golden, counters):
    """Names of the counters that differ from the golden model's."""
    totals = {}
    for head in golden:
        for name, value in head.counters.items():
            totals[name] = totals.get(name, 0) + value
    return [name for name, value in totals.items() if name in counters and counters[name] != value % (1 << 32)]


def measure_heads(parameters, options, verilog, waves):
    """`thresher power sofa`: heads through a netlist of the top, leaving a waveform.

    Returns
    -------
    dict
        ``macs`` (useful multiply-accumulates, of attention and of the generator), ``rows``, ``cycles``, ``keep``,
        ``bit_exact`` and ``utilisation``.

    Raises
    ------
    ThresherError
        The hardware failed, or returned other bits than the golden model.
    """
    _inputs, selection, heads, _scales = plan_inputs(parameters, options)
    run = run_heads(verilog, {}, heads, parameters, seed=options.seed, simulator=options.simulator, waves=waves)
    if run.mismatches:
        raise ThresherError(f"the netlist differs from the golden model: {run.mismatches[0]}")
    return {"macs": sum(useful_products(run).values()), "rows": sum(len(head.queries) for head in heads),
            "cycles": run.simulation.cycles, "keep": selection.keep, "bit_exact": True,
            "utilisation": utilisation(run, parameters)["utilisation"]}


def simulate_heads(top, parameters, options):
    """`thresher sim sofa`: heads of an ``.npz``, or the shipped one that fits, through the Verilog.

    Returns
    -------
    dict
        The report of the run.
    """
    options.refuse_others(top.name, {"keep", "causal", "policy", "compare_dense", "from_tokens", "sample", "netlist"})
    p = parameters
    if options.sample is not None and not p.counters:
        raise ThresherError("--sample reads the counters, and this configuration has none (counters=false)")
    inputs, selection, heads, scales = plan_inputs(p, options)
    verilog, registers, about = simulated_design(top, p, options.netlist)
    run = run_heads(verilog, registers, heads, p, seed=options.seed, stall=options.stall,
                    simulator=options.simulator, waves=options.waves, sample=options.sample)
    result = run.simulation
    outputs = float_outputs(run, scales)
    report = {
        "top": top.name, "parameters": dataclasses.asdict(p), "simulator": options.simulator, **about,
        "bit_exact": not run.mismatches, "mismatches": run.mismatches[:10], "mismatch_count": len(run.mismatches),
        "cycles": result.cycles, **utilisation(run, p),
        "accuracy": accuracy(inputs, heads, outputs, run.selected),
        "softmax_mass": float(np.mean([softmax_mass(q, k, selected, allowed_keys(head)) for q, k, selected, head in zip(
            inputs.q, inputs.k, run.selected, heads, strict=True)])),
        "keep": selection.keep, "policy": selection.policy, "seed": result.seed, "stall": options.stall,
        "counters": run.counters, "traffic": traffic(run, p), "reuse": reuse(run, p),
        "seconds": result.seconds, "kcycles_per_second": result.kcycles_per_second,
    }
    if run.generated is not None:
        report["kv_union_ratio"] = float(run.generated.mean())
    if options.sample is not None:
        report["timeline"] = timeline(result, options.sample, p)
    if options.compare_dense:
        dense = [dataclasses.replace(head, dense=True) for head in heads]
        baseline = run_heads(verilog, registers, dense, p, seed=options.seed, stall=options.stall,
                             simulator=options.simulator)
        report["dense_cycles"] = baseline.simulation.cycles
        report["speedup_vs_dense"] = baseline.simulation.cycles / result.cycles
        report["bit_exact"] = report["bit_exact"] and not baseline.mismatches
        report["mismatches"] = (report["mismatches"] + baseline.mismatches)[:10]
        report["mismatch_count"] += len(baseline.mismatches)
    write_outputs(options.output, inputs, run, outputs)
    return report


def simulated_design(top, parameters, netlist):
    """Verilog to simulate: what is emitted, or its netlist.

    Returns
    -------
    tuple
        Path of the Verilog, registers by name, and what a report says of it: of a netlist its target and cells.
    """
    if netlist is None:
        emitted = emit_cached(top, parameters)
        return emitted.verilog, emitted.registers, {}
    from gen.synth.simulated import simulated_netlist

    emitted = emit_cached(top, parameters, netlist)
    synthesised = simulated_netlist(emitted.verilog, top.name)
    return synthesised.verilog, emitted.registers, {"netlist": netlist, "cells": synthesised.cells}


def plan_inputs(parameters, options):
    """The heads that the options name, or the shipped one, quantised.

    Returns
    -------
    tuple
        `HeadInputs`, `Selection`, quantised heads, and the scale of each head's output.
    """
    p = parameters
    if options.input is None:
        inputs = check_heads(shipped_case(p, options.from_tokens), "the shipped case", p, options.from_tokens)
    else:
        inputs = load_heads(options.input, p, options.from_tokens)
    selection = Selection(keep=options.keep if options.keep is not None else 0.25,
                          policy=options.policy or "merge", causal=options.causal)
    return inputs, selection, *inputs.plan(selection, p)


def float_outputs(run, scales):
    """Outputs of a run as numbers."""
    return (run.outputs * scales[:, None, None]).astype(np.float32)


def write_outputs(path, inputs, run, outputs):
    """Write what the hardware returned, in the shape of the inputs; `path` may be None."""
    if path is None:
        return
    arrays = {"o": outputs, "o_raw": run.outputs.astype(np.int16), "selected": run.selected}
    if run.generated is not None:
        arrays["kv_generated"] = run.generated
    write_arrays(path, **{name: array.reshape(*inputs.lead, *array.shape[1:]) for name, array in arrays.items()})


def useful_products(run):
    """Multiply-accumulates that the result needs, of attention and, of heads from tokens, of the generator."""
    head = run.heads[0]
    channels, value_channels = head.keys.shape[1], head.values.shape[1]
    products = {"attention": int(run.selected.sum()) * (channels + value_channels)}
    if run.generated is not None:
        features = head.tokens.x.shape[1]
        queries = sum(len(head.queries) for head in run.heads)
        products["generator"] = features * (queries * channels
                                            + int(run.generated.sum()) * (channels + value_channels))
    return products


def utilisation(run, parameters):
    """Useful products over multipliers times cycles, of the busier one of the multiplier arrays, and of each."""
    multipliers = {"attention": parameters.multipliers, "generator": parameters.generator_multipliers}
    shares = {f"utilisation_{array}": products / (multipliers[array] * run.simulation.cycles)
              for array, products in useful_products(run).items()}
    return {"utilisation": max(shares.values())} | shares


def accuracy(inputs, heads, outputs, selected):
    """Errors of the outputs against float attention, over the selected keys and over all keys, and agreement."""
    selected_error = full_error = 0.0
    agreement = []
    for q, k, v, head, output, chosen in zip(inputs.q, inputs.k, inputs.v, heads, outputs, selected, strict=True):
        allowed = allowed_keys(head)
        exact, full = attention(q, k, v, chosen), attention(q, k, v, allowed)
        largest = max(np.abs(exact).max(), np.finfo(np.float32).tiny)
        selected_error = max(selected_error, float(np.abs(output - exact).max() / largest))
        full_error = max(full_error, float(np.abs(output - full).max() / max(np.abs(full).max(), largest)))
        agreement.append(topk_agreement(q, k, chosen, allowed))
    return {"max_error_over_selected": selected_error, "max_error_over_all_keys": full_error,
            "topk_agreement": float(np.mean(agreement))}
