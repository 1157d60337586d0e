"""`thresher report`."""

from pathlib import Path
from typing import Annotated

import typer

from gen.cli.output import check_report_path, out, print_mapping, progress, write_text


def command(
    files: Annotated[list[Path] | None, typer.Argument(
        metavar="[FILE.json]...", show_default=False,
        help="Reports of `thresher sim`, `synth` and `pnr` (`--report FILE`).")] = None,
    results: Annotated[Path | None, typer.Option(
        metavar="FILE.json", show_default="build/bench.json when no file is named",
        help="Results of the benchmark, `python -m gen.bench`.")] = None,
    output: Annotated[Path, typer.Option(
        "--output", "-o", metavar="FILE.html", help="The page.")] = Path("report.html"),
):
    """Make one HTML page, which needs no network, of reports and results: area, clock, stages over time.

    For stages over time, simulate with `thresher sim --sample N --report FILE`.
    """
    check_report_path(output)
    from gen.bench.run import RESULTS
    from gen.report import read_inputs, render

    paths = list(files or ())
    if results is not None or not paths:
        paths.append(RESULTS if results is None else results)
    with progress("reading reports") as update:
        inputs = read_inputs(paths)
        update("drawing the page")
        text = render(inputs)
    write_text(output, text)
    print_mapping(out(), "report", {"page": output, "megabytes": round(len(text.encode()) / 1e6, 2)})
