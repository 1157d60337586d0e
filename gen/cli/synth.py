"""`thresher synth`."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from gen.cli.options import Config, Preset, Report, Sets, Target, TopName, choose
from gen.cli.output import check_report_path, out, print_mapping, progress, write_report
from gen.errors import ThresherError


def command(
    top: TopName, preset: Preset = "tiny", config: Config = None, sets: Sets = None, target: Target = "ecp5",
    liberty: Annotated[Path | None, typer.Option(
        metavar="FILE.lib", show_default=False,
        help="Cell library, for asic; else one that is installed, or gate equivalents.")] = None,
    hierarchy: Annotated[bool, typer.Option(
        "--hierarchy", help="Only module by module, with sums as totals: for large designs.")] = False,
    macro_words: Annotated[int | None, typer.Option(
        metavar="N", show_default=False,
        help="For asic: memories from this depth on are macros; with 1, all are; 64 when not given.")] = None,
    sram: Annotated[Path | None, typer.Option(
        metavar="FILE.toml", show_default=False, help="For asic: figures of your memories, over the model's.")] = None,
    family: Annotated[str | None, typer.Option(
        metavar="NAME", show_default=False,
        help="For xilinx: xc7 (7 series), xcu (UltraScale) or xcup (UltraScale+); xc7 when not given.")] = None,
    report: Report = None,
):
    """Synthesise with Yosys: cells and area, for each module of the hierarchy."""
    from gen.emit import emit
    from gen.synth import FAMILIES, MACRO_WORDS, synth

    check_report_path(report)
    if macro_words is not None and target != "asic":
        raise ThresherError("--macro-words N is for --target asic only")
    if family is not None and target != "xilinx":
        raise ThresherError("--family NAME is for --target xilinx only")
    if family is not None and family not in FAMILIES:
        raise ThresherError(f"--family must be one of {', '.join(FAMILIES)}, not {family!r}")
    if liberty is not None and target != "asic":
        raise ThresherError("--liberty FILE is for --target asic only")
    if sram is not None and target != "asic":
        raise ThresherError("--sram FILE is for --target asic only")
    if liberty is not None and not liberty.is_file():
        raise ThresherError(f"The Liberty file {liberty} does not exist")
    entry, parameters = choose(top, preset, config, sets)
    with progress(f"elaborating {top}") as update, tempfile.TemporaryDirectory() as folder:
        emit(entry.build(parameters, target), top, Path(folder), target=target)
        update(f"synthesising {top} for {target}")
        result = synth(Path(folder) / f"{top}.v", top, target, liberty=liberty, flatten=not hierarchy,
                       macro_words=MACRO_WORDS if macro_words is None else macro_words,
                       family=family, sram=sram)
    result = {"top": top, "preset": preset, **result}
    write_report(report, result)
    print_mapping(out(), top, result)
