"""What the emitted Verilog does with heads, under Verilator."""

import numpy as np

from gen.claims.claim import between, claims, equal
from gen.tops.sofa_traffic import traffic, union_loads
from sim.golden.reference import softmax_mass
from sim.host.quantise import Selection
from sim.workloads import attention_case

from .schedule import GROUP, figure_15

#: Of Table II: 24,423 GOPS over two operations of 1,024 multipliers at 1 GHz, and the work left at 2 % loss.
PAPER_GAIN = 24423 / 2048
PAPER_SHARE = 7.4


def products(run):
    """Multiply-accumulates of the kept keys."""
    q, _, v = run.arrays
    return int(run.result.selected.sum()) * (q.shape[1] + v.shape[1])


@claims("IV-D", "simulation")
def fixed_point_of_the_verilog(evidence):
    for name, run in evidence.runs.items():
        golden = run.result.golden[0].counters
        counted = ", ".join(f"{counter} {golden[counter]}" for counter in ("max_raise", "z_pos", "z_clip"))
        yield between(f"rows and counters that differ from the golden model, {name}", "SU-FA", None,
                      len(run.result.mismatches), f"of {len(run.result.outputs[0])} rows", high=0, note=counted)


@claims("IV-E", "simulation")
def loads_of_the_verilog(evidence):
    needed = figure_15()
    case = attention_case(*needed.shape, 32, seed=15)
    run = evidence.simulate(tuple(case[role] for role in "qkv"), Selection(dense=True), mask=needed)
    yield equal("vectors of K and V that the four queries load in Verilog", "Fig. 15", 16,
                2 * run.result.counters["key_loads"], "vectors")
    yield equal("pairs of a query and a key that are issued to the multipliers in Verilog", "Fig. 15",
                int(needed.sum()), run.result.counters["multiplying"], "pairs")
    for name, run in evidence.runs.items():
        loads, union = run.result.counters["key_loads"], union_loads(run.result.selected[0], GROUP)
        yield between(f"keys loaded beyond the union of four rows' keys, {name}", "each key is loaded once", None,
                      loads - union, f"of {union:,} keys", high=0)


@claims("V", "simulation")
def bytes_off_chip_of_the_verilog(evidence):
    for name, run in {**evidence.runs, **evidence.token_runs}.items():
        moved = traffic(run.result, evidence.parameters)
        kinds = ", ".join(f"{kind.replace('_', ' ')} {count:,}" for kind, count in moved["bytes"].items())
        yield between(f"bytes off chip saved over a vanilla dynamic-sparsity accelerator, {name}", "memory access", 79,
                      100 * moved["saved"], "%", low=79,
                      note=f"{kinds}; the other's {round(moved['baseline_total']):,} are computed for blocks of 128 "
                           f"queries that pass predicted scores and scores through memory and load key and value of "
                           f"each kept pair; what is saved grows with the number of queries")


@claims("V", "simulation")
def utilisation_of_the_verilog(evidence):
    for name, run in evidence.runs.items():
        cycles = run.result.simulation.cycles
        yield between(f"utilisation of the multipliers, {name}", "PE utilisation", 85.2,
                      100 * products(run) / (evidence.parameters.multipliers * cycles), "%", low=85.2,
                      note=f"from the first word in to the last word out, {cycles:,} cycles, a quarter of the keys "
                           f"kept; the paper's is a mean over its benchmarks")


@claims("V", "simulation")
def effective_throughput_of_the_verilog(evidence):
    for name, run in evidence.runs.items():
        q, k, v = run.arrays
        p, cycles = evidence.parameters, run.result.simulation.cycles
        dense = 2 * len(q) * len(k) * (q.shape[1] + v.shape[1]) / cycles
        share = np.mean(run.result.selected)
        mass = softmax_mass(q, k, run.result.selected[0])
        yield between(f"dense-equivalent operations over the peak of the multipliers, {name}",
                      "effective throughput of Table II", 0.852 / share, dense / (2 * p.multipliers), "times",
                      low=0.852 / share,
                      note=f"{dense:.0f} operations a cycle from {p.multipliers} multipliers, with {100 * share:.0f} % "
                           f"of the keys and {100 * mass:.1f} % of the softmax mass kept. The paper's value is its "
                           f"utilisation at that share; it prints {PAPER_GAIN:.1f} times for {PAPER_SHARE} % of the "
                           f"work")
