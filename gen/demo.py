"""The demo: a real text through the generated Verilog, as heads and from tokens, and what the hardware costs."""

import json
from pathlib import Path

from gen.bench.heads import model_tokens
from gen.emit import emit
from gen.simulation import SimulationOptions
from gen.synth import synth
from gen.tops.arrays import write_arrays
from gen.tops.registry import resolve, tops

__all__ = ["demo"]

PRESET = "ecp5"

#: The heads that start from tokens: all of a layer, of so many tokens.
LAYER, TOKENS = 2, 128


def demo(output, update=lambda message: None):
    """Emit `sofa` for ECP5, run a real head on it and on its dense baseline, and the heads of a layer from tokens and
    weights, and synthesise it.

    Parameters
    ----------
    output : path-like
        Folder for the Verilog, manifest, header, driver, results and reports.
    update : callable
        Told what is being done.

    Returns
    -------
    dict
        What a reader wants to know at a glance; the full reports are in the folder.
    """
    output = Path(output)
    top = tops()["sofa"]
    parameters = resolve("sofa", PRESET, None, [])
    text = model_tokens(LAYER, TOKENS)      # first, as it needs the model
    update("elaborating sofa and writing Verilog for ECP5")
    emit(top.build(parameters, "ecp5"), top.name, output, target="ecp5")
    update("compiling and simulating a head of MiniLM, sparse and dense, with Verilator")
    simulation = top.simulate(parameters, SimulationOptions(
        output=output / "result.npz", keep=0.25, compare_dense=True))
    update("simulating all heads of a layer from the tokens of a text")
    write_arrays(output / "tokens.npz", **text)
    tokens = top.simulate(parameters, SimulationOptions(
        input=output / "tokens.npz", output=output / "result_tokens.npz", keep=0.25, from_tokens=True))
    update("synthesising for ECP5 with Yosys")
    area = synth(output / f"{top.name}.v", top.name, "ecp5")
    for name, report in (("simulation", simulation), ("simulation_tokens", tokens), ("synthesis", area)):
        (output / f"{name}.json").write_text(json.dumps(report, indent=2, default=str) + "\n")
    return {
        "top": top.name, "preset": PRESET,
        "head": "MiniLM-L6-v2, 256 tokens of text, 32 channels, 25 % of the keys kept",
        "bit_exact": simulation["bit_exact"] and tokens["bit_exact"],
        "cycles": simulation["cycles"],
        "utilisation": simulation["utilisation"],
        "speedup_vs_dense": simulation["speedup_vs_dense"],
        "softmax_mass": simulation["softmax_mass"],
        "max_error_over_selected": simulation["accuracy"]["max_error_over_selected"],
        "max_error_over_all_keys": simulation["accuracy"]["max_error_over_all_keys"],
        "from_tokens": f"the 12 heads of layer {LAYER} from {TOKENS} tokens of text and the model's weights",
        "from_tokens_cycles": tokens["cycles"],
        "from_tokens_utilisation": tokens["utilisation"],
        "from_tokens_max_error_over_selected": tokens["accuracy"]["max_error_over_selected"],
        "luts": area["luts"], "ffs": area["ffs"], "dsps": area["dsps"], "brams": area["brams"],
        "files": str(output),
    }
