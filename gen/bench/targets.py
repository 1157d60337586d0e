"""Section `targets`: what the presets take on each target, module by module."""

import tempfile

from gen.bench.area import TOP, emitted

__all__ = ["CHOSEN", "measure_targets"]

#: Targets of each preset. Modules are synthesised once each and summed, which takes minutes where flattening takes
#: hours or does not fit the memory.
#: The target ecp5, and the gates of `paper`, are in the section `area`.
CHOSEN = (("tiny", "xilinx"), ("tiny", "ice40"), ("tiny", "asic"), ("ecp5", "asic"))
NOTES = ("Gates are without memories. The target ecp5, and the gates of `paper`, are in the section area; `paper` is "
         "far larger than the devices of the other targets.",)
COLUMNS = ("cells", "luts", "ffs", "dsps", "brams", "gate_equivalents")


def measure_targets(update, chosen=CHOSEN):
    """Run the section; see :func:`gen.bench.run.run_sections`."""
    from gen.synth import synth

    rows, reports = [], {}
    for preset, target in chosen:
        update(f"targets: synthesising {preset} for {target}, module by module")
        with tempfile.TemporaryDirectory() as folder:
            verilog, _ = emitted(preset, folder, target=target)
            # Yosys's own gates, so that the figures are the same wherever it runs; memories would be macros.
            report = synth(verilog, TOP, target, liberty=False, flatten=False, macro_words=1)
        rows.append({"preset": preset, "target": target, **{column: report[column] for column in COLUMNS}})
        reports[f"{preset}, {target}"] = {"top": TOP, "preset": preset, **report}
    return {"tables": {"sums of modules": rows}, "reports": reports, "notes": NOTES,
            "figures": {f"{kind} ({row['preset']}, {row['target']})": row[kind] for row in rows
                        for kind in ("luts", "ffs", "gate_equivalents") if row[kind]}}
