"""Registers that stay apart from others that hold the same."""

__all__ = ["APART"]

#: Attributes of a register that many parts of a design have one each of: synthesis would make them one, whose net goes
#: to all of these parts, and it would be the slowest of the design.
APART = {"keep": 1}
