"""`thresher doctor`."""

import typer

from gen.cli.options import Report
from gen.cli.output import check_report_path, out, write_report


def command(report: Report = None):
    """Look for every tool; fails when a required one is missing."""
    from gen.doctor import examine, table

    check_report_path(report)
    found = examine()
    out().print(table(found))
    write_report(report, found)
    if not found["healthy"]:
        raise typer.Exit(1)
