"""`thresher sim`."""

from pathlib import Path
from typing import Annotated

import typer

from gen.cli.options import (
    Causal,
    Config,
    DropZeros,
    Einsum,
    FromTokens,
    Input,
    InputB,
    Keep,
    Mode,
    Output,
    Policy,
    Portions,
    Preset,
    Report,
    Sets,
    TopName,
    choose,
)
from gen.cli.output import check_report_path, out, print_mapping, progress, write_report


def command(
    top: TopName, preset: Preset = "tiny", config: Config = None, sets: Sets = None, report: Report = None,
    simulator: Annotated[str | None, typer.Option(
        metavar="NAME", show_default="verilator; icarus for a netlist", help="verilator or icarus.")] = None,
    input: Input = None, output: Output = None,
    seed: Annotated[int, typer.Option(
        help="Of random tensors and stalls.")] = 0,
    stall: Annotated[float, typer.Option(
        metavar="P", help="Probability of a stall on each stream and cycle.")] = 0.0,
    waves: Annotated[Path | None, typer.Option(
        metavar="FILE", show_default=False, help="Write a waveform.")] = None,
    sample: Annotated[int | None, typer.Option(
        metavar="N", show_default=False,
        help="Read the counters every N cycles, for the timeline that `thresher report` draws (sofa).")] = None,
    keep: Keep = None, causal: Causal = False, policy: Policy = None,
    compare_dense: Annotated[bool, typer.Option(
        "--compare-dense", help="Also run with all keys kept, and report the speed-up (sofa).")] = False,
    from_tokens: FromTokens = False,
    netlist: Annotated[str | None, typer.Option(
        metavar="TARGET", show_default=False,
        help="Synthesise for ecp5, and run its cells in place of the emitted Verilog (sofa).")] = None,
    mode: Mode = None,
    einsum: Einsum = None, input_b: InputB = None, portions: Portions = None, drop_zeros: DropZeros = False,
    workload: Annotated[str | None, typer.Option(
        metavar="NAME", show_default=False, help="Name or JSON file of a graph (workflow).")] = None,
):
    """Run the emitted Verilog on tensors and compare every bit with the golden model.

    The exit code is 1 when a bit differs.
    """
    from gen.simulation import SimulationOptions

    check_report_path(report)
    simulator = simulator or ("verilator" if netlist is None else "icarus")
    options = SimulationOptions(
        simulator=simulator, input=input, output=output, seed=seed, stall=stall, waves=waves, sample=sample, keep=keep,
        causal=causal, policy=policy, compare_dense=compare_dense, from_tokens=from_tokens, mode=mode, einsum=einsum,
        input_b=input_b, portions=portions, drop_zeros=drop_zeros, workload=workload, netlist=netlist)
    entry, parameters = choose(top, preset, config, sets)
    with progress(f"{'' if netlist is None else 'synthesising, '}compiling and running {top} on {simulator}"):
        result = {**entry.simulate(parameters, options), "preset": preset}
    write_report(report, result)
    # Thousands of numbers, for programs only.
    print_mapping(out(), top, {key: value for key, value in result.items() if key != "timeline"})
    if not result.get("bit_exact", True):
        raise typer.Exit(1)
