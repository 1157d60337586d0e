"""The command line; one file a command."""

from .app import main

__all__ = ["main"]
