"""`thresher demo`."""

from pathlib import Path
from typing import Annotated

import typer

from gen.cli.options import Report
from gen.cli.output import check_report_path, out, print_mapping, progress, write_report


def command(
    output: Annotated[Path, typer.Option(
        "--output", "-o", metavar="DIR", help="Where to put its files.")] = Path("build/demo"),
    report: Report = None,
):
    """Run a real text through the generated Verilog, as attention heads and from tokens, in a few minutes."""
    from gen.demo import demo

    check_report_path(report)
    with progress("running the demo") as update:
        result = demo(output, update)
    write_report(report, result)
    print_mapping(out(), "demo", result)
    if not result.get("bit_exact", True):
        raise typer.Exit(1)
