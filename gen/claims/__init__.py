"""Claims of the papers that the tops come from, next to what we compute: a folder for the paper of each top."""

from .page import markdown, print_claims
from .papers import PAPERS, check

__all__ = ["PAPERS", "check", "markdown", "print_claims"]
