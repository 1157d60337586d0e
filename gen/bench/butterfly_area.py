"""Sections `butterfly_area` and `butterfly_engine`: what `butterfly` takes, and how much of it is not arithmetic."""

import tempfile
from pathlib import Path

from gen.bench.area import emitted
from gen.bench.butterfly import TOP
from gen.bench.estimate import compare_area
from gen.estimate.area import KINDS

__all__ = ["ENGINE", "OUTER", "PARTS", "engine_by_module", "engine_report", "engine_verilog", "measure_area",
           "measure_engine"]

#: Configurations that are synthesised for ECP5 next to the estimate: the presets, and others far from them.
AREA = (("tiny", ()), ("ecp5", ()), ("tiny", ("lanes=1", "bus_width=32", "fft=false", "resident_points=64")),
        ("tiny", ("columns=2", "arithmetic=bf16", "bpmm=false", "max_points=512", "resident_points=1024")))
#: Presets that are synthesised for Xilinx, module by module.
XILINX = ("tiny", "ecp5")
FAMILY = "xcup"

#: An engine of four units, as FABNet's, without the bus shell; the memories hold vectors of 1,024 points.
ENGINE = {"lanes": 4, "rows": 1, "arithmetic": "fp16", "max_points": 1024, "resident_points": 1024, "counters": False,
          "vendor": "xilinx"}
#: FABNet's control, crossbars and pipeline of an engine of four units: a quarter of its module of four engines, by
#: Yosys 0.23, whose arithmetic and RAM were black boxes, and which has neither weight buffers nor the way to memory.
FABNET = {"luts": 4350, "ffs": 4000}
#: Part of the engine by the class that begins it; what is in a module is of the same part, or of one in it.
PARTS = {"hw.butterfly.array.ButterflyArray": "array",
         "hw.arith.float_multiply.FloatMultiply": "arithmetic", "hw.arith.float_add.FloatAdd": "arithmetic",
         "hw.stream.block_memory.BlockMemory": "memory", "hw.stream.register_file.RegisterFile": "memory"}
#: The part of the engine itself.
OUTER = "loader and bus"
#: Parts that have no others in them.
_CLOSED = ("arithmetic", "memory")

_NOTES = (
    f"Modules synthesised for {FAMILY} one by one, each with what all of its copies take. The array, outside "
    "arithmetic and memory, has what FABNet's engine has: rotations, pairing, registers between units, the walk over "
    "the stages; and the control of the coefficients, which is outside of FABNet's, as are loader and bus. The "
    "flip-flops of memories are their output registers, which Yosys does not move into block memories of Xilinx. "
    "FABNet's figures are of Yosys 0.23.",)


def measure_area(update, area=AREA, xilinx=XILINX):
    """Run the section; see :func:`gen.bench.run.run_sections`."""
    from gen.synth import synth

    rows, sums, reports = [], [], {}
    for preset, sets in area:
        update(f"butterfly_area: synthesising {', '.join((preset, *sets))} for ecp5")
        rows.append(compare_area(preset, sets, TOP))
    for preset in xilinx:
        update(f"butterfly_area: synthesising {preset} for xilinx, module by module")
        with tempfile.TemporaryDirectory() as folder:
            verilog, _ = emitted(preset, folder, target="xilinx", name=TOP)
            report = synth(verilog, TOP, "xilinx", flatten=False, family=FAMILY)
        sums.append({"preset": preset, "target": f"xilinx, {FAMILY}", **{kind: report[kind] for kind in KINDS},
                     "latches": report["latches"], "memory_bits": report["memory_bits"]})
        reports[f"{preset}, {FAMILY}"] = {"top": TOP, "preset": preset, **report}
    figures = {f"{kind} ({row['configuration']}, ecp5)": row[kind] for row in rows for kind in KINDS}
    figures |= {f"{kind} ({row['preset']}, {FAMILY})": row[kind] for row in sums for kind in KINDS}
    figures |= {f"{kind}: deviation of the estimate from synthesis, at most":
                max(abs(row[f"{kind}_deviation"]) for row in rows) for kind in KINDS}
    return {"tables": {"ecp5, flattened, next to the estimate": rows, "sums of modules": sums}, "figures": figures,
            "reports": reports}


def engine_verilog(changes=()):
    """Emit the engine of four units without the bus shell.

    Parameters
    ----------
    changes : dict
        Parameters other than those of :data:`ENGINE`.

    Returns
    -------
    tuple of (str, dict of str to str)
        Verilog of the module ``engine``, and the class of each module.
    """
    from gen.emit import emit_verilog
    from hw.butterfly.engine import ButterflyEngine
    from hw.butterfly.parameters import ButterflyParameters

    parameters = ButterflyParameters(**{**ENGINE, **dict(changes)})
    text, modules = emit_verilog(ButterflyEngine(parameters), "engine", target="xilinx")
    return text, {module.name: module.source for module in modules}


def engine_report():
    """Report of :func:`gen.synth.synth` on the engine, and the class of each module."""
    from gen.synth import synth

    text, sources = engine_verilog()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "engine.v"
        path.write_text(text, encoding="utf-8")
        return synth(path, "engine", "xilinx", flatten=False, family=FAMILY), sources


def engine_by_module(report, sources):
    """Cells of the engine by the class of the module that holds them, arithmetic and memories with all that is in them.

    Parameters
    ----------
    report, sources
        See :func:`engine_report`.

    Returns
    -------
    list of dict
        ``part`` (of :data:`PARTS`, or :data:`OUTER`), ``module`` (class), ``copies``, ``luts``, ``ffs``, ``dsps``,
        ``brams``. By part, most tables first.
    """
    rows = {}

    def visit(name, part, within):
        source = sources.get(name) or within
        new = source != within
        if part not in _CLOSED:
            part, within = PARTS.get(source, part), source
        row = rows.setdefault((part, within), {
            "part": part, "module": within.removeprefix("hw."), "copies": 0, **dict.fromkeys(KINDS, 0)})
        # Neither a part without a class of its own nor what is in arithmetic is another copy.
        row["copies"] += new and within == source
        for kind in KINDS:
            row[kind] += report["modules"][name]["own"][kind]
        for child, copies in report["modules"][name]["children"].items():
            for _ in range(copies):
                visit(child, part, within)

    visit(next(iter(report["modules"])), OUTER, "")
    return sorted(rows.values(), key=lambda row: (row["part"], -row["luts"]))


def measure_engine(update):
    """Run the section; see :func:`gen.bench.run.run_sections`."""
    update(f"butterfly_engine: synthesising an engine of {ENGINE['lanes']} units for {FAMILY}")
    report, sources = engine_report()
    rows = engine_by_module(report, sources)
    parts = {part: {"part": part, **dict.fromkeys(KINDS, 0)} for part in dict.fromkeys((*PARTS.values(), OUTER))}
    for row in rows:
        for kind in KINDS:
            parts[row["part"]][kind] += row[kind]
    array, outer = parts["array"], parts[OUTER]
    return {"tables": {
                f"engine of {ENGINE['lanes']} units, {ENGINE['max_points']} points, by part": [
                    *parts.values(), {"part": "whole engine", **{kind: report[kind] for kind in KINDS}},
                    {"part": "FABNet: array", **FABNET}],
                "by module": rows},
            "notes": _NOTES,
            "figures": {f"{kind} of the array, outside arithmetic and memory (FABNet: {FABNET[kind]:,})": array[kind]
                        for kind in FABNET}
            | {f"{kind} of array, loader and bus, outside arithmetic and memory": array[kind] + outer[kind]
               for kind in FABNET} | {"latches": report["latches"]},
            "reports": {f"engine, {FAMILY}": {"top": TOP, **report}}}
