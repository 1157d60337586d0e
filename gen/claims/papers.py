"""The paper of each top, and the computation of its claims."""

import importlib

from gen.errors import ThresherError

from .claim import record, sources

__all__ = ["PAPERS", "check", "paper_of"]

#: Tops whose papers have claims, each a folder beside this file.
#:
#: A folder has ``TOPICS``, names of the modules that register claims; ``evidence()``, what they are measured on;
#: ``INTRODUCTION``, for the page; and ``INCONSISTENCIES``, places where the paper does not agree with itself.
PAPERS = ("sofa", "butterfly", "flaash")


def paper_of(top):
    """The folder of a top's paper.

    Raises
    ------
    ThresherError
        There are no claims for that top.
    """
    if top not in PAPERS:
        raise ThresherError(f"There are no claims for {top!r}; there are for {', '.join(PAPERS)}")
    return importlib.import_module(f"{__package__}.{top}")


def check(top, *, simulate=True, evidence=None, update=lambda message: None):
    """Compute the claims of a top's paper.

    Parameters
    ----------
    top : str
        Of :data:`PAPERS`.
    simulate : bool
        Whether to run and to synthesise the emitted Verilog; without it, claims of these kinds are left out.
    evidence : optional
        What to measure on; the paper's own by default.
    update : callable
        Told what is being done.

    Returns
    -------
    list of dict
        In the order of the paper: ``claim``, ``source``, ``paper``, ``ours``, ``unit``, ``holds``, ``how``, and where
        there are any ``window`` and ``note``.

    Raises
    ------
    ThresherError
        There are no claims for that top, or a simulation failed.
    """
    paper = paper_of(top)
    evidence = paper.evidence() if evidence is None else evidence
    chosen = [source for source in sources(f"{paper.__name__}.{topic}" for topic in paper.TOPICS)
              if simulate or source.how not in ("simulation", "synthesis")]
    records = []
    for number, source in enumerate(chosen, start=1):
        update(f"claims of {top}, {number} of {len(chosen)}: {source.subject}")
        records += [record(source, claim) for claim in source.compute(evidence)]
    return records
