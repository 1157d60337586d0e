"""`thresher describe`."""

from dataclasses import asdict, fields
from typing import Annotated

import typer
from rich.table import Table

from gen.cli.options import (
    Causal,
    Config,
    Einsum,
    Input,
    InputB,
    Keep,
    Policy,
    Portions,
    Preset,
    Report,
    Sets,
    TopName,
    choose,
)
from gen.cli.output import check_report_path, out, print_mapping, progress, write_report

Size = Annotated[int | None, typer.Option(metavar="N", show_default=False, help="Size of the task (sofa).")]


def parameter_rows(parameters):
    """Every parameter with its value, its range and what it means, from the dataclass's own metadata."""
    return [{"name": field.name, "value": getattr(parameters, field.name),
             "range": field.metadata.get("range", ""), "doc": field.metadata.get("doc", "")}
            for field in fields(parameters)]


def command(
    top: TopName, preset: Preset = "tiny", config: Config = None, sets: Sets = None, report: Report = None,
    input: Input = None, heads: Size = None, queries: Size = None, keys: Size = None, head_dim: Size = None,
    value_dim: Size = None, keep: Keep = None, causal: Causal = False, policy: Policy = None,
    einsum: Einsum = None, input_b: InputB = None, portions: Portions = None,
    area: Annotated[bool, typer.Option(help="Estimate the area, which takes seconds the first time.")] = True,
):
    """Show an accelerator's parameters and their ranges, its registers, and estimates of its cost.

    The area is that of an ECP5; the cycles are those of a task of the given sizes, by default of the shipped case.
    """
    from gen.estimate import WorkloadOptions, estimate_cached

    check_report_path(report)
    entry, parameters = choose(top, preset, config, sets)
    rows = parameter_rows(parameters)
    description = entry.describe(parameters)
    cycles = entry.predict(parameters, WorkloadOptions(input, heads, queries, keys, head_dim, value_dim, keep, causal,
                                                       policy, einsum, input_b, portions))
    cost = {}
    if area:
        with progress("estimating the area"):
            cost = {"target": "ecp5", **estimate_cached(entry, parameters)}
    registers = entry.build(parameters).registers.to_dict()["registers"]

    console = out()
    console.print(f"{entry.name}: {entry.summary}; presets {', '.join(entry.presets())}")
    table = Table("parameter", "value", "range", "meaning", title="parameters", title_justify="left")
    for row in rows:
        table.add_row(row["name"], str(row["value"]), str(row["range"]), row["doc"])
    console.print(table)
    print_mapping(console, "estimates", description)
    if area:
        print_mapping(console, "estimated area", cost)
    print_mapping(console, "predicted cycles", cycles)
    table = Table("address", "register", "access", "meaning", title="registers", title_justify="left")
    for register in registers:
        table.add_row(f"{register['address']:#05x}", register["name"], register["access"],
                      register["doc"])
    console.print(table)
    write_report(report, {"top": entry.name, "preset": preset, "parameters": asdict(parameters),
                          "ranges": {row["name"]: row["range"] for row in rows},
                          "estimates": description, "area": cost or None, "cycles": cycles,
                          "registers": registers})
