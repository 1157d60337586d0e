"""Section `tokens`: real heads from tokens and weights, in Verilator and one in Icarus."""

import dataclasses
import tempfile
from pathlib import Path

from gen.bench.cycles import loads_figure, outcome
from gen.bench.heads import model_installed, model_tokens
from gen.errors import ThresherError
from gen.simulation import SimulationOptions
from gen.tops.arrays import write_arrays
from gen.tops.registry import resolve, tops

__all__ = ["cases", "measure_tokens"]

TOP = "sofa"
PRESET = "ecp5"
HEADS = 12
KEEP = 0.25


@dataclasses.dataclass(frozen=True)
class Case:
    """So many heads of a layer of the model, of so many tokens, as one task; with stalls or on Icarus."""

    layer: int
    heads: int
    tokens: int
    stall: float = 0.0
    simulator: str = "verilator"

    @property
    def name(self):
        """What a table calls it."""
        return ", ".join((f"layer {self.layer}", f"{self.heads} heads" if self.heads > 1 else "one head",
                          *([f"stalls of {self.stall:g}"] if self.stall else []),
                          *([self.simulator] if self.simulator != "verilator" else [])))


def cases():
    """What is run: all heads of a local layer and of the last one, at three lengths and with stalls; a head alone."""
    return [*(Case(layer, HEADS, tokens) for layer in (2, 5) for tokens in (128, 256, 512)),
            *(Case(layer, HEADS, 256, stall=0.4) for layer in (2, 5)),
            Case(2, 1, 512), Case(2, 1, 128, stall=0.4, simulator="icarus")]


def run_case(case, folder):
    """Simulate one case; the report of ``thresher sim --from-tokens``."""
    path = Path(folder) / "heads.npz"
    write_arrays(path, **model_tokens(case.layer, case.tokens, slice(case.heads)))
    return tops()[TOP].simulate(resolve(TOP, PRESET, None, []), SimulationOptions(
        input=path, keep=KEEP, from_tokens=True, stall=case.stall, simulator=case.simulator))


def measure_tokens(update):
    """Run the section; see :func:`gen.bench.run.run_sections`."""
    if not model_installed():
        raise ThresherError("heads from tokens are measured on MiniLM-L6-v2, which is not installed; run `make setup`")
    rows, kinds = [], []
    with tempfile.TemporaryDirectory() as folder:
        for case in cases():
            update(f"tokens: {case.name}, {case.tokens} tokens")
            report = run_case(case, folder)
            traffic = report["traffic"]
            rows.append({
                "heads": case.name, "tokens": case.tokens, "cycles": report["cycles"],
                "cycles_per_head": round(report["cycles"] / case.heads),
                "utilisation_generator": report["utilisation_generator"],
                "utilisation_attention": report["utilisation_attention"],
                "kv_union_ratio": report["kv_union_ratio"], **outcome(report)})
            kinds.append({"heads": case.name, "tokens": case.tokens, **traffic["bytes"], "total": traffic["total"],
                          "baseline": round(traffic["baseline_total"])})
    # Stalls and the other simulator show that the bits are the same.
    usual = [row for row, case in zip(rows, cases(), strict=True) if case.stall == 0]
    figures = {f"utilisation of the busier array ({row['heads']}, {row['tokens']} tokens)":
               max(row["utilisation_generator"], row["utilisation_attention"]) for row in usual}
    figures |= {
        "largest error of an output over the kept keys": max(row["max_error_over_selected"] for row in rows),
        **loads_figure(rows),
        **{f"bytes off chip saved against the vanilla baseline ({row['heads']}, {row['tokens']} tokens)":
           row["traffic_saved"] for row in usual},
        "runs that are bit-exact": f"{sum(row['bit_exact'] for row in rows)} of {len(rows)}"}
    return {"tables": {f"heads from tokens, {PRESET}, {KEEP:g} of the keys kept": rows,
                       "bytes off chip by kind": kinds}, "figures": figures}
