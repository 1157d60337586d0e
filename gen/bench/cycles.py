"""Section `cycles`: cycles, utilisation and gain over the dense run, on real heads in Verilator."""

import dataclasses
import tempfile

from gen.bench.heads import Head, model_heads, model_installed, save, shipped_heads
from gen.simulation import SimulationOptions
from gen.tops.registry import resolve, tops

__all__ = ["CUT", "PRESETS", "Case", "cases", "cut_head", "loads_figure", "measure_cycles", "outcome", "run_case"]

TOP = "sofa"

#: Twice the predictor: for shares of kept keys at which the preset's would bound the cycles.
WIDE = ("columns=16",)

#: Presets that are simulated, all of them on the head CUT too, which is cut so that the smallest holds it.
PRESETS = ("tiny", "ecp5")
CUT = "local, cut to fit"

#: What the section does not have.
NOTES = ("`paper` is in the section of that name, see the section simulation.",)


@dataclasses.dataclass(frozen=True)
class Case:
    """A head to run on a preset, with parameters set otherwise (``KEY=VALUE``), at a share of kept keys.

    With ``sample`` the counters are read every so many cycles, and the whole report is kept for ``thresher report``.
    """

    preset: str
    head: Head
    keep: float
    sets: tuple = ()
    sample: int | None = None

    @property
    def configuration(self):
        """Preset and what is set otherwise, for a table."""
        return ", ".join((self.preset, *self.sets))


def cases():
    """What is run: shipped heads and, where the model is installed, a head of 512 tokens."""
    chosen = [Case("ecp5", head, keep, sample=128 if keep == 0.25 else None)
              for head in shipped_heads() for keep in (0.25, 0.125)]
    if model_installed():
        chosen += [Case("ecp5", model_heads(2, [3])[0], keep, sets) for sets in ((), WIDE) for keep in (0.25, 0.125)]
    return [*chosen, *(Case(preset, cut_head(), 0.25, sample=64) for preset in PRESETS)]


def cut_head():
    """The shipped local head, cut so that `tiny` holds it."""
    tiny = resolve(TOP, "tiny", None, [])
    return Head(CUT, None, tuple(array[:tiny.max_keys // 2, :tiny.max_head_dim] for array in shipped_heads()[0].arrays))


def run_case(case, folder, *, simulator="verilator", compare_dense=True, output=None):
    """Simulate one case; the report of ``thresher sim``."""
    top = tops()[TOP]
    return top.simulate(resolve(TOP, case.preset, None, list(case.sets)), SimulationOptions(
        simulator=simulator, input=save(case.head, folder), output=output, keep=case.keep,
        sample=case.sample, compare_dense=compare_dense))


def outcome(report):
    """Columns of a table that any run has: how good its results are, what it loaded and moved."""
    accuracy, reuse = report["accuracy"], report["reuse"]
    return {"softmax_mass": report["softmax_mass"], "topk_agreement": accuracy["topk_agreement"],
            "max_error_over_selected": accuracy["max_error_over_selected"],
            "loads": reuse["loads"], "union_loads": reuse["union"], "loads_saved": reuse["saved"],
            "traffic_saved": report["traffic"]["saved"], "bit_exact": report["bit_exact"]}


def loads_figure(rows):
    """The line of the summary about the loads of all runs."""
    return {"loads of keys above the union of the rows that share them, at most":
            max(row["loads"] / row["union_loads"] - 1 for row in rows)}


def measure_cycles(update):
    """Run the section; see :func:`gen.bench.run.run_sections`."""
    rows, reports = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for case in cases():
            update(f"cycles: {case.configuration}, {case.head.name}, {case.keep:g} of the keys kept")
            report = run_case(case, folder)
            if case.sample is not None:
                reports[f"{case.configuration}, {case.head.name}"] = {**report, "preset": case.preset}
            q, k, _ = case.head.arrays
            rows.append({
                "preset": case.configuration, "head": case.head.name, "queries": len(q), "keys": len(k),
                "channels": q.shape[1], "keep": case.keep, "cycles": report["cycles"],
                "dense_cycles": report["dense_cycles"], "speedup_vs_dense": report["speedup_vs_dense"],
                "utilisation": report["utilisation"], **outcome(report)})
    figures = {}
    for row in rows:
        where = f"{row['preset']}, {row['head']}, {row['queries']} x {row['keys']}, keep {row['keep']:g}"
        figures[f"utilisation ({where})"] = row["utilisation"]
        figures[f"speed-up over dense ({where})"] = row["speedup_vs_dense"]
    figures |= loads_figure(rows)
    figures["bytes off chip saved against the vanilla baseline, at least"] = min(row["traffic_saved"] for row in rows)
    figures["runs that are bit-exact"] = f"{sum(row['bit_exact'] for row in rows)} of {len(rows)}"
    return {"tables": {"cycles": [row for row in rows if row["head"] != CUT],
                       "the same head on each preset": [row for row in rows if row["head"] == CUT]},
            "figures": figures, "notes": NOTES, "reports": reports}
