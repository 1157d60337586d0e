"""Make the shipped cases again, in place."""

from pathlib import Path

from .recipes import write_shipped

write_shipped(Path(__file__).parent / "cases")
