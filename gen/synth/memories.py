"""The memories that Yosys found in a design."""

import re
from pathlib import Path

from gen.errors import ThresherError
from gen.synth.sram import Macro

__all__ = ["MACROS", "dump_memories", "read_memories", "select_macros"]

#: Name of the selection that :func:`select_macros` makes.
MACROS = "@macros"

_MODULE = re.compile(r"^module \\(\S+)$(.*?)^end$", re.MULTILINE | re.DOTALL)
_CELL = re.compile(r"^  cell \$mem_v2 \\?(\S+)$(.*?)^  end$", re.MULTILINE | re.DOTALL)


def select_macros(words):
    """Command that selects the memories which are macros: of that many words and more, and written to.

    What is never written is a table, and becomes logic.
    """
    return f"select -set macros t:$mem_v2 r:SIZE>={words} %i r:WR_PORTS>0 %i"


def dump_memories(name):
    """Command that leaves the selected memories in a file, for :func:`read_memories`."""
    return f"dump -m -o {name} {MACROS}"


def read_memories(path):
    """Memories of each module.

    Returns
    -------
    dict of str to dict of str to :class:`Macro`
        By module and by name of the memory.

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If the file is missing: Yosys stopped without a message.
    """
    if not Path(path).is_file():
        raise ThresherError("Yosys stopped without a message: its list of memories is missing.")
    text = Path(path).read_text(encoding="utf-8")
    return {module: {name: _macro(cell) for name, cell in _CELL.findall(body)}
            for module, body in _MODULE.findall(text)}


def _macro(cell):
    numbers = {key: int(value) for key, value in re.findall(r"^    parameter \\(\w+) (\d+)$", cell, re.MULTILINE)}
    clocked = re.search(r"^    parameter \\RD_CLK_ENABLE \d+'([01]+)$", cell, re.MULTILINE)
    return Macro(numbers["SIZE"], numbers["WIDTH"], numbers["RD_PORTS"], numbers["WR_PORTS"],
                 clocked is None or "0" not in clocked[1])
