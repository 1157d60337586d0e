"""Synthesis for the families of Xilinx, and what their multiplier blocks hold."""

import re
from pathlib import Path

__all__ = ["FAMILIES", "dsp_registers", "synth_commands"]

#: Name of each family in Yosys -> what it is, and its multiplier block.
FAMILIES = {"xc7": "7 series", "xcu": "UltraScale", "xcup": "UltraScale+"}

_DSP48E2 = Path(__file__).with_name("dsp48e2.v")
_REGISTERS = ("AREG", "BREG", "MREG", "PREG")


def synth_commands(top, family, *, flatten):
    """Commands of Yosys that synthesise a block of a design.

    Yosys packs registers and adders into the DSP48E1 of 7 series only. So the multipliers of the later families are
    mapped as in 7 series, and each DSP48E1 becomes a DSP48E2, which has all of its ports and modes.

    A defect of Yosys 0.70 that is left: of a deep memory that is read and written at one and the same address it takes
    the later families to have distributed memory of 65,536 words, and stops with "invalid OPTION_ABITS/WIDTH".

    Parameters
    ----------
    top : str
    family : str
        One of :data:`FAMILIES`.
    flatten : bool

    Returns
    -------
    list of str
    """
    # Pads and clock buffers belong to the design around the block.
    options = f"-noiopad -noclkbuf -top {top}" + " -flatten" * flatten + " -uram" * (family == "xcup")
    command = f"synth_xilinx -family {family} {options}"
    if family == "xc7":
        return [command]
    return [f"{command} -run begin:map_dsp",
            f"synth_xilinx -family xc7 {options.replace(' -uram', '')} -run map_dsp:coarse",
            f'techmap -map "{_DSP48E2}" t:DSP48E1',
            f"{command} -run coarse:"]


def dsp_registers(dump):
    """Which registers of the multiplier blocks a design uses.

    Parameters
    ----------
    dump : str
        What the Yosys command ``dump -n t:DSP48E*`` prints.

    Returns
    -------
    dict of str to int
        ``AREG``, ``BREG`` (stages at the operands, up to 2 a block), ``MREG`` (behind the multiplier) and ``PREG``
        (behind the adder), each the sum over all blocks; ``multipliers``, blocks that multiply; ``accumulators``,
        blocks that add to their own output.
    """
    counts = dict.fromkeys((*_REGISTERS, "multipliers", "accumulators"), 0)
    for cell in re.findall(r"^ *cell \\DSP48E[12] .*?^ *end$", dump, re.MULTILINE | re.DOTALL):
        for register in _REGISTERS:
            value = re.search(rf"^ *parameter (?:signed )?\\{register} (?:\d+')?([01]+|2)$", cell, re.MULTILINE)
            counts[register] += int(value[1], 2 if set(value[1]) <= {"0", "1"} else 10)
        counts["multipliers"] += '\\USE_MULT "MULTIPLY"' in cell
        # Bits 6 to 4 choose what is added: 010 is the output. The lowest of them may be a signal, which clears.
        mode = re.search(r"^ *connect \\OPMODE (?:{ )?\d+'([01]+)", cell, re.MULTILINE)
        what = mode[1][2 * ("\\DSP48E2" in cell):] if mode else ""
        counts["accumulators"] += what.startswith("01") and what[2:3] != "1"
    return counts
