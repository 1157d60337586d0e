"""Section `flaash_area`: what `flaash` takes, and the merge of an engine next to Gamma's merger."""

import tempfile
from pathlib import Path

from gen.bench.estimate import compare_area
from gen.bench.flaash import TOP
from gen.estimate.area import KINDS

__all__ = ["AREA", "GAMMA", "measure_area", "merge_report"]

#: Configurations that are synthesised for ECP5 next to the estimate.
AREA = (("tiny", ()), ("ecp5", ()), ("tiny", ("values=fp32", "index_bits=32", "engines=4")))
FAMILY = "xcup"
#: Gamma's merger of two lists of 32-bit coordinates (abf149/spgemm_merger_gamma), by Yosys 0.23 for the same family.
GAMMA = {"luts": 56, "ffs": 34, "carry": 3}

_NOTES = (
    "The merge is what decides which window of which fiber is next: the head of each side in a register, its place and "
    "that of the window behind it. Gamma's merger has its heads outside. An engine has two, which take jobs in turn.",)


def merge_report():
    """Report of :func:`gen.synth.synth` on the merge of one index a side, of 32 bits."""
    from gen.emit import emit_verilog
    from gen.synth import synth
    from hw.flaash.parameters import FlaashParameters
    from hw.sdpe.merge import Merge

    text, _ = emit_verilog(Merge(FlaashParameters(window=1, index_bits=32, vendor="xilinx")), "merge", target="xilinx")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "merge.v"
        path.write_text(text, encoding="utf-8")
        return synth(path, "merge", "xilinx", flatten=True, family=FAMILY)


def measure_area(update, area=AREA):
    """Run the section; see :func:`gen.bench.run.run_sections`."""
    rows = []
    for preset, sets in area:
        update(f"flaash_area: synthesising {', '.join((preset, *sets))} for ecp5")
        rows.append(compare_area(preset, sets, TOP))
    update(f"flaash_area: synthesising the merge for {FAMILY}")
    report = merge_report()
    merge = {"luts": report["luts"], "ffs": report["ffs"], "carry": report["cells_by_type"].get("CARRY4", 0)}
    figures = {f"{kind} ({row['configuration']}, ecp5)": row[kind] for row in rows for kind in KINDS}
    figures |= {f"{kind}: deviation of the estimate from synthesis, at most":
                max(abs(row[f"{kind}_deviation"]) for row in rows) for kind in KINDS}
    figures |= {f"{kind} of a merge (Gamma: {GAMMA[kind]})": count for kind, count in merge.items()}
    return {"tables": {"ecp5, flattened, next to the estimate": rows,
                       f"merge of an index a side, of 32 bits, {FAMILY}": [
                           {"part": "merge", **merge}, {"part": "Gamma: merger of radix 2", **GAMMA},
                           {"part": "times Gamma's", **{kind: merge[kind] / GAMMA[kind] for kind in GAMMA}}]},
            "notes": _NOTES, "figures": figures, "reports": {}}
