"""Puts the sections together as one HTML file that needs nothing but a browser."""

import importlib.metadata
from pathlib import Path

import jinja2
import plotly.offline

from gen.bench.report import cell, headings
from gen.errors import ThresherError
from gen.report.area import area
from gen.report.clock import clock
from gen.report.history import history
from gen.report.stages import stages
from gen.report.summary import summary
from gen.report.tools import tools

__all__ = ["SECTIONS", "render"]

#: In the order of the page. A section is a function from :class:`gen.report.inputs.Inputs` to a
#: :class:`gen.report.section.Section`; one without figures and tables is left out.
SECTIONS = (summary, area, clock, stages, history, tools)


def render(inputs, title="Thresher report", sections=SECTIONS):
    """The page as text.

    Parameters
    ----------
    inputs : Inputs
    title : str
    sections : sequence of callables
        Of the kind of :data:`SECTIONS`.

    Returns
    -------
    str
        HTML with all scripts, styles and data in it.

    Raises
    ------
    ThresherError
        A report lacks what a section needs.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True)
    environment.globals.update(cell=cell, headings=headings)
    # A name in a report must not end the script that holds the data.
    environment.filters["data"] = lambda figure: figure.to_json().replace("<", "\\u003c")
    made = []
    for make in sections:
        try:
            made.append(make(inputs))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise ThresherError(f"The part {make.__name__} of the page cannot be made, as a report is not as this "
                                f"version writes it ({type(error).__name__}: {error}); make the report anew") from error
    return environment.get_template("page.html").render(
        title=title, sections=[section for section in made if section],
        version=importlib.metadata.version("thresher"), plotly=plotly.offline.get_plotlyjs())
