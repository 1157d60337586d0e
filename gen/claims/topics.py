"""Computes the claims of a top's paper."""

from gen.errors import ThresherError

from .claim import record, sources
from .evidence import Evidence

__all__ = ["TOPICS", "check"]

#: Top to the modules that register claims about its paper.
TOPICS = {"sofa": ("predictor", "hit_rate", "sorter", "sorting_cost", "attention", "complexity", "schedule",
                   "paper_tables", "simulation", "area")}


def check(top, *, simulate=True, evidence=None, update=lambda message: None):
    """Compute the claims of a top's paper.

    Parameters
    ----------
    top : str
        Of :data:`TOPICS`.
    simulate : bool
        Whether to run and to synthesise the emitted Verilog; without it, claims of these kinds are left out.
    evidence : Evidence, optional
        What to measure on.
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
    if top not in TOPICS:
        raise ThresherError(f"There are no claims for {top!r}; there are for {', '.join(TOPICS)}")
    evidence = Evidence() if evidence is None else evidence
    chosen = [source for source in sources(f"{__package__}.{topic}" for topic in TOPICS[top])
              if simulate or source.how not in ("simulation", "synthesis")]
    records = []
    for number, source in enumerate(chosen, start=1):
        update(f"claims of {top}, {number} of {len(chosen)}: {source.subject}")
        records += [record(source, claim) for claim in source.compute(evidence)]
    return records
