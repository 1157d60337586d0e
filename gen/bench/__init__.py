"""Benchmarks of the accelerators on real heads: ``python -m gen.bench``."""

from gen.bench.report import markdown
from gen.bench.run import DEFAULT_SECTIONS, SECTIONS, run_sections

__all__ = ["DEFAULT_SECTIONS", "SECTIONS", "markdown", "run_sections"]
