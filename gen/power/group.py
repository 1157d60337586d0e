"""Groups of Liberty text: cells, pins and tables."""

import re
from dataclasses import dataclass, field

from gen.errors import ThresherError

__all__ = ["Group", "parse_groups"]

_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|([{}();:,])|([^\s"{}();:,\\]+)|\\\s', re.DOTALL)


@dataclass
class Group:
    """A group ``kind (arguments) { ... }``: its simple and complex attributes by name, and the groups in it."""

    kind: str
    arguments: list
    attributes: dict = field(default_factory=dict)
    groups: list = field(default_factory=list)

    def all(self, kind):
        """Groups of that kind."""
        return [group for group in self.groups if group.kind == kind]

    def number(self, name, default=0.0):
        """A simple attribute as a number."""
        try:
            return float(self.attributes.get(name, default))
        except (TypeError, ValueError):
            return default


def parse_groups(text):
    """The groups and attributes of a text, as those of a group without a name.

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If the text is malformed.
    """
    tokens = ["".join(parts).replace("\\\n", " ").strip() for parts in _TOKEN.findall(text)]
    top = Group("", [])
    open_groups, place = [top], 0
    try:
        while place < len(tokens):
            name = tokens[place]
            if name in ("", ";"):
                place += 1
            elif name == "}":
                open_groups.pop()
                place += 1
            elif tokens[place + 1] == ":":
                end = tokens.index(";", place)
                open_groups[-1].attributes[name] = " ".join(tokens[place + 2:end])
                place = end + 1
            else:
                if tokens[place + 1] != "(":
                    raise ValueError
                end = tokens.index(")", place)
                arguments = [token for token in tokens[place + 2:end] if token not in ("", ",")]
                place = end + 1
                if place < len(tokens) and tokens[place] == "{":
                    group = Group(name, arguments)
                    open_groups[-1].groups.append(group)
                    open_groups.append(group)
                    place += 1
                else:
                    open_groups[-1].attributes[name] = arguments
    except (IndexError, ValueError):
        open_groups = []
    if len(open_groups) != 1:
        raise ThresherError("The Liberty file has a cell that cannot be read.")
    return top
