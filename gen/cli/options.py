"""Options that several commands share, written once so that they read the same everywhere."""

from pathlib import Path
from typing import Annotated

import typer

from gen.errors import ThresherError

__all__ = ["Causal", "Config", "DropZeros", "Einsum", "FromTokens", "Input", "InputB", "Keep", "Mode", "Output",
           "Policy", "Portions", "Preset", "Report", "Sets", "Simulator", "Target", "TopName", "choose", "find_top"]

TopName = Annotated[str, typer.Argument(
    metavar="TOP", show_default=False, help="Name of the accelerator; see `thresher list`.")]
Preset = Annotated[str, typer.Option(
    "--preset", metavar="NAME", help="Named set of parameters to start from.")]
Config = Annotated[Path | None, typer.Option(
    "--config", metavar="FILE.toml", show_default=False, help="Parameters that replace those of the preset.")]
Sets = Annotated[list[str] | None, typer.Option(
    "--set", metavar="KEY=VALUE", show_default=False,
    help="One parameter, over preset and file; may be repeated.")]
Report = Annotated[Path | None, typer.Option(
    "--report", metavar="FILE", show_default=False, help="Also write the result as JSON.")]
Target = Annotated[str, typer.Option(
    "--target", metavar="TARGET", help="generic, ecp5, xilinx, ice40 or asic; emit also knows vivado and litex.")]

# Of the commands that run tensors.
Input = Annotated[Path | None, typer.Option(
    "--input", "-i", metavar="IN.npz", show_default=False, help="Tensors to run; without it, a case that comes along.")]
Output = Annotated[Path | None, typer.Option(
    "--output", "-o", metavar="OUT.npz", show_default=False, help="Where to put what the hardware returned.")]
Keep = Annotated[float | None, typer.Option(
    metavar="SHARE", show_default=False, help="Share of the keys to keep (sofa).")]
Causal = Annotated[bool, typer.Option("--causal", help="Hide keys after the query (sofa).")]
Policy = Annotated[str | None, typer.Option(
    metavar="NAME", show_default=False, help="Selection across tiles, quota or merge (sofa).")]
FromTokens = Annotated[bool, typer.Option(
    "--from-tokens", help="Start from x, wq, wk and wv although the input has q, k and v (sofa).")]
Mode = Annotated[str | None, typer.Option(
    metavar="NAME", show_default=False, help="bpmm, fft or block (butterfly).")]
Einsum = Annotated[str | None, typer.Option(
    metavar="TEXT", show_default=False,
    help='The contraction, as "ijk,lk->ijl"; without it, that of the last modes (flaash).')]
InputB = Annotated[Path | None, typer.Option(
    "--input-b", metavar="B.csfbin", show_default=False,
    help="The second tensor, of an --input that is a .csfbin file (flaash).")]
Portions = Annotated[int | None, typer.Option(
    metavar="P", show_default=False, help="Cut the contracted mode into so many parts, each summed alone (flaash).")]
DropZeros = Annotated[bool, typer.Option("--drop-zeros", help="Do not send results that are zero (flaash).")]
Simulator = Annotated[str, typer.Option(metavar="NAME", help="verilator or icarus.")]


def find_top(name):
    """The top of that name.

    Raises
    ------
    ThresherError
        There is none.
    """
    from gen.tops.registry import tops

    known = tops()
    if name not in known:
        raise ThresherError(f"There is no top {name!r}; the tops are {', '.join(known)}")
    return known[name]


def choose(name, preset, config, sets):
    """Turn the common options into a top and its checked parameters.

    Returns
    -------
    tuple
        The `Top`, and an instance of its parameters class.

    Raises
    ------
    ThresherError
        Unknown top or preset, unreadable file, or illegal parameters.
    """
    from gen.tops.registry import resolve

    top = find_top(name)
    if config is not None and not config.is_file():
        raise ThresherError(f"The configuration file {config} does not exist")
    return top, resolve(name, preset, config, list(sets or ()))
