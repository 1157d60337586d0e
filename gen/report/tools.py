"""Section: the tools that the results were made with."""

from gen.report.section import Section

__all__ = ["tools"]


def tools(inputs):
    """Versions of the tools, of the benchmark and of each report that names them."""
    section = Section("Tools")
    if inputs.bench is not None:
        section.tables["Of the benchmark"] = [{"tool": name, "version": version or "not installed"}
                                              for name, version in inputs.bench["versions"].items()]
        machine = inputs.bench.get("machine", {})
        if machine:
            section.tables["Machine"] = [machine | {"revision": inputs.bench.get("revision")}]
    rows = [{"report": name, **report["tool"]} for name, report in {**inputs.areas, **inputs.clocks}.items()
            if isinstance(report.get("tool"), dict)]
    rows += [{"report": name, "name": report.get("simulator")} for name, report in inputs.runs.items()]
    if rows:
        section.tables["Of the reports"] = rows
    return section
