"""RTLIL modules as text: merging equal ones, naming, and dropping memory contents that are all zero."""

import re

__all__ = ["Netlist"]

_MODULE = re.compile(r"^module \\(\S+)\n(.*?)^end\n", re.MULTILINE | re.DOTALL)
_CELL = re.compile(r"^(  cell )\\(\S+)( \S+\n)", re.MULTILINE)
_PORT = re.compile(r"^(  wire width \d+ (?:signed )?(?:input|output|inout) )(\d+)(  ?.*)$", re.MULTILINE)
_ELEMENT = re.compile(r"^(?:  attribute .*\n)*  wire width \d+ (?:signed )?\\(\S*\[\S*)\n\n?", re.MULTILINE)
_CONNECT = re.compile(r"^connect \\(\S+) .*\n", re.MULTILINE)
_ZERO_CONTENTS = re.compile(
    r"^  cell \$meminit_v2 \S+\n    parameter \\MEMID \"\\\\(\S+)\"\n(?:    parameter .*\n)*"
    r"    connect \\ADDR .*\n    connect \\DATA \d+'0+\n    connect \\EN .*\n  end\n\n?", re.MULTILINE)


class Netlist:
    """A set of RTLIL modules, kept as text: name to body, in order of appearance.

    Attributes
    ----------
    modules : dict of str to str
        Body of each module: the lines between ``module`` and ``end``.
    """

    def __init__(self):
        self.modules = {}

    def add(self, text):
        """Add all modules of an RTLIL text."""
        for name, body in _MODULE.findall(text):
            assert name not in self.modules
            # Yosys takes port number 0 for "no port" and then orders ports by chance.
            body = _PORT.sub(lambda port: f"{port[1]}{int(port[2]) + 1}{port[3]}", body)
            self.modules[name] = _mark_zero_memories(_drop_element_names(body))

    def missing_modules(self):
        """Names of all modules that are instanced but not here, each once, in order of first use."""
        used = dict.fromkeys(kind for body in self.modules.values() for kind in _instanced(body))
        return [kind for kind in used if kind not in self.modules]

    def merge_equal_modules(self):
        """Keep one of the modules whose bodies are equal, and instance it in place of the others."""
        merged, kept = {}, {}
        for name in self._children_first():
            body = _replace_kinds(self.modules[name], merged)
            self.modules[name] = body
            merged[name] = kept.setdefault(body, name)
        self.modules = {name: body for name, body in self.modules.items() if merged[name] == name}

    def rename(self, top, names):
        """Name modules for what they are, with numbers from 2 on where several share a name.

        Parameters
        ----------
        top : str
            Module that keeps its name, which becomes the prefix of all others.
        names : dict of str to str
            Wanted name of each module.

        Returns
        -------
        dict of str to str
            Old to new name, in the order in which a reader walking down from the top meets them.
        """
        foreign = self.missing_modules()
        renamed = {}
        for old in reversed(self._children_first()):
            new = wanted = top if old == top else f"{top}_{names[old]}".rstrip("_")
            number = 1
            while new in renamed.values() or new in foreign:
                number += 1
                new = f"{wanted}_{number}"
            renamed[old] = new
        self.modules = {new: _replace_kinds(self.modules[old], renamed) for old, new in renamed.items()}
        return renamed

    def count_instances(self, top):
        """Number of copies of each module below and including ``top``."""
        counts = dict.fromkeys(self.modules, 0)
        counts[top] = 1
        for name in reversed(self._children_first()):
            for kind in _instanced(self.modules[name]):
                if kind in counts:
                    counts[kind] += counts[name]
        return counts

    def __str__(self):
        return "\n".join(f"module \\{name}\n{body}end\n" for name, body in self.modules.items())

    def _children_first(self):
        """Names of all modules, each after those that it instances."""
        order, visited = [], set()

        def visit(name):
            if name in visited or name not in self.modules:
                return
            visited.add(name)
            # Reversed, so that the reversed result follows the order of the instances.
            for kind in reversed(_instanced(self.modules[name])):
                visit(kind)
            order.append(name)

        for name in reversed(self.modules):
            visit(name)
        return order


def _instanced(body):
    return [kind for _cell, kind, _name in _CELL.findall(body)]


def _replace_kinds(body, new_names):
    return _CELL.sub(lambda cell: f"{cell[1]}\\{new_names.get(cell[2], cell[2])}{cell[3]}", body)


def _drop_element_names(body):
    # Amaranth names each element of an array (`x[0]`), for waveforms only. Most of the text of a design with
    # wide arrays are such names, and they collide with the names that synthesis gives to single bits.
    elements = set(_ELEMENT.findall(body)) & set(_CONNECT.findall(body))
    body = _ELEMENT.sub(lambda wire: "" if wire[1] in elements else wire[0], body)
    return _CONNECT.sub(lambda connect: "" if connect[1] in elements else connect[0], body)


def _mark_zero_memories(body):
    zero = set()

    def drop(cell):
        zero.add(cell[1])
        return ""

    body = _ZERO_CONTENTS.sub(drop, body)
    return re.sub(r"^(  memory .*\\)(\S+)$",
                  lambda line: ("  attribute \\zero_contents 1\n" if line[2] in zero else "") + line[0],
                  body, flags=re.MULTILINE)
