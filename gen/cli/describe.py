"""`thresher describe`."""

from dataclasses import asdict, fields

from rich.table import Table

from gen.cli.options import Config, Preset, Report, Sets, TopName, choose
from gen.cli.output import check_report_path, out, print_mapping, write_report


def parameter_rows(parameters):
    """Every parameter with its value, its range and what it means, from the dataclass's own metadata."""
    return [{"name": field.name, "value": getattr(parameters, field.name),
             "range": field.metadata.get("range", ""), "doc": field.metadata.get("doc", "")}
            for field in fields(parameters)]


def command(
    top: TopName, preset: Preset = "tiny", config: Config = None, sets: Sets = None, report: Report = None,
):
    """Show an accelerator's parameters and their ranges, its registers, and estimates of its cost."""
    check_report_path(report)
    entry, parameters = choose(top, preset, config, sets)
    rows = parameter_rows(parameters)
    description = entry.describe(parameters)
    registers = entry.build(parameters).registers.to_dict()["registers"]

    console = out()
    console.print(f"{entry.name}: {entry.summary}; presets {', '.join(entry.presets())}")
    table = Table("parameter", "value", "range", "meaning", title="parameters", title_justify="left")
    for row in rows:
        table.add_row(row["name"], str(row["value"]), str(row["range"]), row["doc"])
    console.print(table)
    print_mapping(console, "estimates", description)
    table = Table("address", "register", "access", "meaning", title="registers", title_justify="left")
    for register in registers:
        table.add_row(f"{register['address']:#05x}", register["name"], register["access"],
                      register["doc"])
    console.print(table)
    write_report(report, {"top": entry.name, "preset": preset, "parameters": asdict(parameters),
                          "ranges": {row["name"]: row["range"] for row in rows},
                          "estimates": description, "registers": registers})
