"""The text the real workloads use unless another is given."""

from importlib import resources

__all__ = ["technical_text"]


def technical_text():
    """A technical article of about 850 words, written for this project; well over 512 tokens."""
    return resources.files(__package__).joinpath("technical.txt").read_text(encoding="utf-8")
