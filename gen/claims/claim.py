"""A claim of a paper beside what we compute, and the registry of the functions that compute them."""

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["KINDS", "Claim", "Source", "between", "claims", "equal", "near", "record", "sources"]

#: How a claim is checked: as a property, or as arithmetic that gives the digits printed; as a measurement on random or
#: real data, or with means or weights; by running the emitted Verilog; by synthesis.
KINDS = ("exact", "statistical", "simulation", "synthesis")


@dataclass(frozen=True)
class Claim:
    """One number or property.

    Parameters
    ----------
    claim : str
        What is claimed, without the number.
    place : str
        Figure, table or statement within the section that :func:`claims` names.
    paper, ours : number, list of numbers or None
        The paper's value (None: it gives none), and what we compute.
    unit : str
    holds : bool
    window : str or None
        What ours must be for the claim to hold, where that is not the paper's value.
    note : str or None
        Why a claim does not hold, or what a reader must know to compare the two values.
    """

    claim: str
    place: str
    paper: object
    ours: object
    unit: str
    holds: bool
    window: str | None = None
    note: str | None = None


def equal(claim, place, paper, ours, unit="", note=None):
    """A claim that holds if ours is the paper's value."""
    return Claim(claim, place, paper, ours, unit, bool(np.array_equal(paper, ours)), note=note)


def near(claim, place, paper, ours, unit, tolerance, note=None):
    """A claim that holds if no value differs from the paper's by more than `tolerance`."""
    holds = bool(np.all(np.abs(np.subtract(ours, paper)) <= tolerance))
    return Claim(claim, place, paper, ours, unit, holds, f"the paper's value ± {tolerance:g}", note)


def between(claim, place, paper, ours, unit, low=None, high=None, note=None):
    """A claim that holds if every value of ours is at least `low` and at most `high`; None does not bound."""
    bounds, holds = [], True
    if low is not None:
        bounds.append(f"at least {low:g}")
        holds &= bool(np.min(ours) >= low)
    if high is not None:
        bounds.append(f"at most {high:g}")
        holds &= bool(np.max(ours) <= high)
    return Claim(claim, place, paper, ours, unit, holds, ", ".join(bounds), note)


@dataclass(frozen=True)
class Source:
    """A function that yields claims of one section of the paper, all checked in the same way."""

    section: str
    how: str
    compute: Callable

    @property
    def place(self):
        """The section, for people."""
        return f"Section {self.section}" if re.match(r"[IVX]+\b", self.section) else self.section

    @property
    def subject(self):
        """What it is about, in words."""
        return self.compute.__name__.replace("_", " ")


_SOURCES = []


def claims(section, how):
    """Register the decorated function, which takes an :class:`~gen.claims.evidence.Evidence` and yields claims.

    Parameters
    ----------
    section : str
        Of the paper, in Roman numerals: ``III-A``; or what else of it, in words.
    how : str
        Of :data:`KINDS`.

    Raises
    ------
    ValueError
        There is no such kind.
    """
    if how not in KINDS:
        raise ValueError(f"how must be one of {', '.join(KINDS)}, not {how!r}")

    def register(function):
        _SOURCES.append(Source(section, how, function))
        return function

    return register


def sources(modules):
    """Functions registered by modules, in the order of the paper; those of a section in that of the modules.

    Parameters
    ----------
    modules : iterable of str
        Full names; they are imported.
    """
    modules = list(modules)
    for module in modules:
        importlib.import_module(module)
    # The numerals up to VIII are in the order of the alphabet.
    return sorted((source for source in _SOURCES if source.compute.__module__ in modules),
                  key=lambda source: (source.section, modules.index(source.compute.__module__)))


def plain(value):
    """The value as JSON's own types."""
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def record(source, claim):
    """JSON form of a claim; `window` and `note` only where there are any."""
    fields = {"claim": claim.claim, "source": f"{source.place}, {claim.place}",
              "paper": plain(claim.paper), "ours": plain(claim.ours), "unit": claim.unit, "holds": claim.holds,
              "how": source.how}
    return fields | {name: value for name in ("window", "note") if (value := getattr(claim, name)) is not None}
