"""Claims as a table for people and as a page of the documentation."""

from rich.table import Table

from .papers import paper_of

__all__ = ["markdown", "print_claims"]

COLUMNS = ("claim", "source", "paper", "ours", "unit", "holds", "how")


def text(value):
    """A value of either column: a list is its values, and nothing is a dash."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ", ".join(f"({text(item)})" if isinstance(item, list) else text(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.5g}"


def print_claims(console, top, records):
    """Print all claims, and below the table why those that do not hold do not."""
    table = Table(*COLUMNS, title=f"claims of the paper of {top}", title_justify="left")
    for record in records:
        table.add_row(*(text(record[name]) for name in COLUMNS))
    console.print(table)
    missed = [record for record in records if not record["holds"]]
    console.print(f"{len(records) - len(missed)} of {len(records)} claims hold")
    for record in missed:
        ours = f"{text(record['ours'])} {record['unit']}".rstrip()
        why = "; ".join(record[name] for name in ("window", "note") if name in record)
        console.print(f"Does not hold: {record['claim']}: {ours} ({why})")


def markdown(top, records):
    """The page ``docs/claims-TOP.md``.

    Parameters
    ----------
    top : str
    records : list of dict
        See :func:`gen.claims.check`.

    Returns
    -------
    str
    """
    held, paper = sum(record["holds"] for record in records), paper_of(top)
    lines = [
        f"# Claims of the paper of `{top}`", "",
        f"Made by `thresher claims {top} --write-docs`: every value of ours is computed when the command runs. "
        f"{held} of {len(records)} claims hold; one that does not is in bold, and its note says why. "
        f"{paper.INTRODUCTION}", "",
        "A claim is `exact` if it is a property, or arithmetic that gives the digits printed; `statistical` if it is "
        "measured on random or real data, or rests on means or weights; `simulation` if the emitted Verilog ran under "
        "Verilator; `synthesis` if it was synthesised.", "",
        "| # | " + " | ".join((*COLUMNS, "accepted")) + " |", "| --- " * (len(COLUMNS) + 2) + "|"]
    for number, record in enumerate(records, start=1):
        cells = [text(record[name]) for name in COLUMNS]
        if not record["holds"]:
            cells = [f"**{content}**" if name in ("claim", "holds") else content
                     for name, content in zip(COLUMNS, cells, strict=True)]
        lines.append("| " + " | ".join(content.replace("|", "\\|") for content in (
            str(number), *cells, record.get("window", ""))) + " |")
    lines += ["", "## Notes", "", *(f"- {number}: {record['note']}." for number, record in enumerate(records, start=1)
                                    if "note" in record)]
    lines += ["", "## Where the paper does not agree with itself", "",
              *(f"- {place}: {what}" for place, what in paper.INCONSISTENCIES)]
    return "\n".join(lines) + "\n"
