"""Looks for every tool and says what is missing and how to get it."""

from gen.toolchain import tools

__all__ = ["examine", "table"]

WORDS = {"ok": "ok", "old": "wrong version", "missing": "missing"}


def examine():
    """Look for every tool.

    Returns
    -------
    dict
        ``healthy``: every required tool is there in a version we accept; ``tools``: a list of ``{name,
        purpose, required, status, version, wanted, path, get}``, `status` being ok, old (version not
        accepted) or missing.
    """
    entries = []
    for tool in tools():
        found = tool.locate()
        status = "missing" if found is None else "ok" if tool.accepts(found) else "old"
        entries.append({"name": tool.name, "purpose": tool.purpose, "required": tool.required,
                        "status": status, "version": found and found.version, "wanted": tool.wanted,
                        "path": found and found.path, "get": tool.get})
    healthy = all(entry["status"] == "ok" for entry in entries if entry["required"])
    return {"healthy": healthy, "tools": entries}


def table(report):
    """The report of `examine` as a rich table; says how to get the tools that are missing."""
    from rich.table import Table
    from rich.text import Text

    result = Table("tool", "for", "needed", "state", "version", "wanted", "get it with")
    for entry in report["tools"]:
        healthy = entry["status"] == "ok"
        state = Text(WORDS[entry["status"]], "green" if healthy else "red" if entry["required"] else "yellow")
        result.add_row(entry["name"], entry["purpose"], "yes" if entry["required"] else "optional", state,
                       entry["version"] or "", entry["wanted"], "" if healthy else entry["get"])
    return result
