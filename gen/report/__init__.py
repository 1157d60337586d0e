"""The report page: results of the benchmark and reports of commands as one HTML file."""

from gen.report.inputs import Inputs, read_inputs
from gen.report.page import SECTIONS, render
from gen.report.section import Section

__all__ = ["SECTIONS", "Inputs", "Section", "read_inputs", "render"]
