"""Claims of the papers that the tops come from, next to what we compute."""

from .page import markdown, print_claims
from .topics import TOPICS, check

__all__ = ["TOPICS", "check", "markdown", "print_claims"]
