"""What is to be run, for a prediction of its cycles: named by its sizes, or by a file."""

from dataclasses import dataclass
from pathlib import Path

from gen.simulation import SimulationOptions, require

__all__ = ["WorkloadOptions"]


@dataclass(frozen=True)
class WorkloadOptions:
    """Options of ``thresher describe`` that choose the task whose cycles are predicted.

    A size that is None is that of `input`, or of the shipped case; but queries are as many as keys, and values as wide
    as keys, if only these are given. The last three are of contractions.

    Raises
    ------
    ThresherError
        A value is out of its range, or the file does not exist.
    """

    input: Path | None = None
    heads: int | None = None
    queries: int | None = None
    keys: int | None = None
    head_dim: int | None = None
    value_dim: int | None = None
    keep: float | None = None
    causal: bool = False
    policy: str | None = None
    einsum: str | None = None
    input_b: Path | None = None
    portions: int | None = None

    def __post_init__(self):
        SimulationOptions(input=self.input, keep=self.keep, policy=self.policy, einsum=self.einsum,
                          input_b=self.input_b, portions=self.portions)
        for name, size in self.sizes.items():
            require(size >= 1, f"--{name.replace('_', '-')} must be at least 1, not {size}")

    @property
    def sizes(self):
        """Sizes that are given, by name."""
        return {name: value for name in ("heads", "queries", "keys", "head_dim", "value_dim")
                if (value := getattr(self, name)) is not None}
