"""`thresher claims`."""

from pathlib import Path
from typing import Annotated

import typer

from gen.cli.options import Report, TopName, find_top
from gen.cli.output import check_report_path, out, progress, write_report
from gen.errors import ThresherError


def command(
    top: TopName, report: Report = None,
    simulation: Annotated[bool, typer.Option(
        "--simulation/--no-simulation", help="Run the emitted Verilog too, or leave out what needs it.")] = True,
    write_docs: Annotated[bool, typer.Option(
        "--write-docs", help="Write docs/claims-TOP.md in the present folder.")] = False,
):
    """Compute the claims of the source paper next to ours; the exit code is 1 when an exact one fails."""
    check_report_path(report)
    if write_docs and not simulation:
        raise ThresherError("--write-docs needs the simulations; leave out --no-simulation")
    find_top(top)
    from gen.claims import check, markdown, print_claims

    with progress(f"claims of {top}") as update:
        records = check(top, simulate=simulation, update=update)
    write_report(report, records)
    print_claims(out(), top, records)
    if write_docs:
        page = Path("docs") / f"claims-{top}.md"
        page.parent.mkdir(exist_ok=True)
        page.write_text(markdown(top, records), encoding="utf-8")
    if any(record["how"] == "exact" and not record["holds"] for record in records):
        raise typer.Exit(1)
