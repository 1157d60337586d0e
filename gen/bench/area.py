"""Section `area`: what the presets take on an ECP5 and in gates, by stage of the machine."""

import json
import re
import tempfile
from pathlib import Path

from gen.emit import emit
from gen.emit.manifest import MANIFEST_FILE
from gen.tops.registry import resolve, tops

__all__ = ["STAGES", "emitted", "gates_by_stage", "instances", "measure_area", "prediction_share", "shares"]

TOP = "sofa"
TARGET = "ecp5"
KINDS = ("luts", "ffs", "dsps", "brams")

#: Configurations whose share of prediction and sorting is measured in ASIC cells; the second has the predictor
#: and the sorting cores of the paper.
IN_CELLS = (("paper", ()), ("paper", ("columns=32", "rows_per_sorter=1", "query_groups=4")))

#: Stage by the folder of a module's class; other modules belong to the stage of the module they are in.
STAGES = {"hw.predictor": "predictor", "hw.sorter": "sorter", "hw.attention": "attention",
          "hw.generation": "generation", "hw.sofa": "loading and control", "hw.shell": "shell"}
#: Stages that have multipliers.
MULTIPLYING = ("attention", "generation")

_MODULE = re.compile(r"^module (\S+?)\(.*?^endmodule$", re.MULTILINE | re.DOTALL)
_INSTANCE = re.compile(r"^  (?:\(\*.*\*\)\s*)?(\w+) (?:\w+|\\\S+ ) ?\($", re.MULTILINE)


def instances(verilog):
    """Modules that each module of a Verilog text instances, with repetitions, by name."""
    bodies = {match[1]: match[0] for match in _MODULE.finditer(verilog)}
    return {name: [kind for kind in _INSTANCE.findall(body) if kind in bodies]
            for name, body in bodies.items()}


def shares(top, children, sources, modules, kinds=KINDS):
    """Sum the cells of all instances by stage.

    Parameters
    ----------
    top : str
    children : dict of str to list of str
        See :func:`instances`.
    sources : dict of str to str
        Qualified name of the class of each module.
    modules : dict of str to dict
        As :func:`gen.synth.synth` reports them.
    kinds : iterable of str
        What to sum of each.

    Returns
    -------
    dict of str to dict
        Counts of each of the kinds by stage.
    """
    totals = {stage: dict.fromkeys(kinds, 0) for stage in STAGES.values()}

    def visit(name, stage):
        stage = next((found for folder, found in STAGES.items()
                      if sources.get(name, "").startswith(f"{folder}.")), stage)
        for kind in kinds:
            totals[stage][kind] += modules.get(name, {}).get("own", {}).get(kind, 0)
        for child in children.get(name, ()):
            visit(child, stage)

    visit(top, "shell")
    return totals


def emitted(preset, folder, sets=(), target=TARGET, name=TOP):
    """Emit a preset of a top; path of the Verilog and source of each module."""
    top = tops()[name]
    emit(top.build(resolve(name, preset, None, list(sets)), target), name, Path(folder), target=target)
    manifest = json.loads((Path(folder) / MANIFEST_FILE).read_text())
    return Path(folder) / f"{name}.v", {module["name"]: module["source"] for module in manifest["modules"]}


def gates_by_stage(preset, sets=()):
    """Gate equivalents of each stage in silicon, memories left out: dict of str to float.

    Each module is synthesised once and multiplied by its instances. The gates are Yosys's own, so that the figures
    are the same wherever it runs.
    """
    from gen.synth import synth

    with tempfile.TemporaryDirectory() as folder:
        verilog, sources = emitted(preset, folder, sets, "asic")
        report = synth(verilog, TOP, "asic", liberty=False, flatten=False, macro_words=1)
        stages = shares(TOP, instances(verilog.read_text()), sources, report["modules"], ("gate_equivalents",))
    return {stage: counts["gate_equivalents"] for stage, counts in stages.items()}


def prediction_share(gates):
    """Share of predictor and sorter in the gates of all stages but the shell."""
    return (gates["predictor"] + gates["sorter"]) / sum(count for stage, count in gates.items() if stage != "shell")


def measure_area(update, presets=("tiny", "ecp5")):
    """Run the section; see :func:`gen.bench.run.run_sections`."""
    from gen.synth import synth

    totals, tables, figures, reports = [], {}, {}, {}
    for preset in presets:
        update(f"area: synthesising {preset} for {TARGET}")
        with tempfile.TemporaryDirectory() as folder:
            verilog, sources = emitted(preset, folder)
            report = synth(verilog, TOP, TARGET)
            stages = shares(TOP, instances(verilog.read_text()), sources, report["modules"])
        sums = {kind: sum(counts[kind] for counts in stages.values()) for kind in KINDS}
        totals.append({"preset": preset, **{kind: report[kind] for kind in KINDS},
                       "latches": report["latches"], "memory_bits": report["memory_bits"]})
        tables[f"by stage, hierarchy kept: {preset}"] = [
            {"stage": stage, **counts, "share_of_luts": counts["luts"] / max(1, sums["luts"])}
            for stage, counts in stages.items()]
        prediction = sum(stages[stage]["luts"] for stage in ("predictor", "sorter"))
        elsewhere = sum(counts["dsps"] for stage, counts in stages.items() if stage not in MULTIPLYING)
        figures |= {f"{kind} ({preset})": report[kind] for kind in KINDS}
        figures[f"latches ({preset})"] = report["latches"]
        figures[f"share of look-up tables in predictor and sorter ({preset})"] = (
            prediction / max(1, sums["luts"]))
        figures[f"multiplier blocks outside attention and generation ({preset})"] = elsewhere
        reports[f"{preset}, {TARGET}"] = {"top": TOP, "preset": preset, **report}
    for preset, sets in IN_CELLS:
        name = ", ".join((preset, *sets))
        update(f"area: synthesising {name} to gates")
        gates = gates_by_stage(preset, sets)
        tables[f"gates by stage, memories left out: {name}"] = [
            {"stage": stage, "gate_equivalents": round(count), "share": count / sum(gates.values())}
            for stage, count in gates.items()]
        figures[f"share of gates in predictor and sorter, without the shell ({name})"] = prediction_share(gates)
    return {"tables": {f"totals, flattened, {TARGET}": totals, **tables}, "figures": figures,
            "reports": reports}
