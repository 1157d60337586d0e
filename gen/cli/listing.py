"""`thresher list`."""

from rich.table import Table

from gen.cli.options import Report
from gen.cli.output import check_report_path, out, write_report


def command(report: Report = None):
    """List the accelerators and their presets."""
    from gen.tops.registry import tops

    check_report_path(report)
    entries = [{"top": name, "summary": top.summary, "presets": list(top.presets())}
               for name, top in tops().items()]
    table = Table("top", "what it computes", "presets")
    for entry in entries:
        table.add_row(entry["top"], entry["summary"], ", ".join(entry["presets"]))
    out().print(table)
    write_report(report, {"tops": entries})
