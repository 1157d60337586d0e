"""The memories of a design: those that Yosys found, and those that come as blocks of a vendor."""

import re
from pathlib import Path

from gen.errors import ThresherError
from gen.synth.sram import Macro

__all__ = ["MACROS", "dump_blocks", "dump_memories", "read_block_bits", "read_memories", "select_macros"]

#: Name of the selection that :func:`select_macros` makes.
MACROS = "@macros"

_MODULE = re.compile(r"^module \\(\S+)$(.*?)^end$", re.MULTILINE | re.DOTALL)
_BITS = re.compile(r"^  attribute \\memory_bits (\d+)$", re.MULTILINE)
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
    return {module: {name: _macro(cell) for name, cell in _CELL.findall(body)} for module, body in _bodies(path)}


def dump_blocks(name):
    """Command that leaves the instances of block memories in a file, for :func:`read_block_bits`."""
    return f"dump -m -o {name} c:* a:memory_bits %i"


def read_block_bits(path):
    """Bits that a module keeps in blocks of a vendor, as the attribute `memory_bits` of the instances says.

    Returns
    -------
    dict of str to int
        By module, only those that have such blocks; what one copy has without its submodules.

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If the file is missing: Yosys stopped without a message.
    """
    return {module: sum(map(int, _BITS.findall(body))) for module, body in _bodies(path)}


def _bodies(path):
    if not Path(path).is_file():
        raise ThresherError("Yosys stopped without a message: its list of memories is missing.")
    return _MODULE.findall(Path(path).read_text(encoding="utf-8"))


def _macro(cell):
    numbers = {key: int(value) for key, value in re.findall(r"^    parameter \\(\w+) (\d+)$", cell, re.MULTILINE)}
    clocked = re.search(r"^    parameter \\RD_CLK_ENABLE \d+'([01]+)$", cell, re.MULTILINE)
    return Macro(numbers["SIZE"], numbers["WIDTH"], numbers["RD_PORTS"], numbers["WR_PORTS"],
                 clocked is None or "0" not in clocked[1])
