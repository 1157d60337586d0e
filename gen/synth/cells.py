"""What the cells of each target count as."""

import re
from dataclasses import dataclass

__all__ = ["COUNTED", "Cells", "count_cells"]

#: Target -> kind -> pattern of cell types -> how many of the kind a cell is. A carry cell of ECP5 occupies
#: both look-up tables of a slice, distributed memory occupies look-up tables, an RAMB18 is half of a RAMB36.
COUNTED = {
    "ecp5": {
        "luts": {r"LUT4": 1, r"CCU2C": 2, r"TRELLIS_DPR16X4": 4},
        "ffs": {r"TRELLIS_FF": 1},
        "dsps": {r"MULT18X18D|MULT9X9D": 1},
        "brams": {r"DP16KD|PDPW16KD": 1},
    },
    "xilinx": {
        "luts": {r"LUT[1-6]|SRL16E|SRLC16E|SRLC32E": 1, r"RAM32X1S|RAM64X1S|RAM32X1S_1": 1,
                 r"RAM32X1D|RAM64X1D|RAM128X1S": 2, r"RAM32M|RAM64M|RAM128X1D|RAM256X1S": 4,
                 r"RAM32M16|RAM64M8|RAM256X1D|RAM512X1S|RAM32X16DR8|RAM64X8SW": 8},
        "ffs": {r"FD[RSCP]E(_1)?": 1},
        "dsps": {r"DSP48E[12]|DSP48A1?": 1},
        "brams": {r"RAMB36E[12]": 1, r"RAMB18E[12]": 0.5},
        "urams": {r"URAM288": 1},
    },
    "ice40": {
        "luts": {r"SB_LUT4": 1},
        "ffs": {r"SB_DFF\w*": 1},
        "dsps": {r"SB_MAC16": 1},
        "brams": {r"SB_RAM40_4K\w*": 1},
    },
    "asic": {
        "luts": {},
        "ffs": {},
        "dsps": {},
        "brams": {r"\$mem_v2": 1},
    },
}

# Not hardware: notes on where flattened cells came from, and checks.
_IGNORED = re.compile(r"\$scopeinfo|\$check|\$print|\$assert|\$assume|\$cover")


@dataclass(frozen=True)
class Cells:
    """Cells of a module or a design.

    Attributes
    ----------
    cells, luts, ffs, dsps : int
        All cells, and how many look-up tables, flip-flops and multiplier blocks they are.
    brams : int or float
        Block memories.
    urams : int
        UltraRAMs.
    area : float
        Area in the unit of the library, 0 where there is none.
    """

    cells: int = 0
    luts: int = 0
    ffs: int = 0
    dsps: int = 0
    brams: "int | float" = 0
    urams: int = 0
    area: float = 0.0

    def __add__(self, other):
        return Cells(*(a + b for a, b in zip(self._values(), other._values(), strict=True)))

    def __mul__(self, count):
        return Cells(*(value * count for value in self._values()))

    def _values(self):
        return self.cells, self.luts, self.ffs, self.dsps, self.brams, self.urams, self.area


def count_cells(target, types, areas=None, ffs=None):
    """Count the cells of one module.

    Parameters
    ----------
    target : str
        Key of :data:`COUNTED`.
    types : dict of str to int
        Number of cells of each type.
    areas : callable or None
        Area of one cell by its type.
    ffs : callable or None
        Whether a cell type is a flip-flop, for a target whose table does not say.

    Returns
    -------
    :class:`Cells`
    """
    types = {kind: number for kind, number in types.items() if not _IGNORED.fullmatch(kind)}
    counts = {}
    for what, patterns in COUNTED[target].items():
        counts[what] = sum(number * weight for kind, number in types.items()
                           for pattern, weight in patterns.items() if re.fullmatch(pattern, kind))
    if ffs is not None:
        counts["ffs"] = sum(number for kind, number in types.items() if ffs(kind))
    if counts["brams"] == int(counts["brams"]):
        counts["brams"] = int(counts["brams"])
    area = sum(areas(kind) * number for kind, number in types.items()) if areas is not None else 0.0
    return Cells(cells=sum(types.values()), area=area, **counts)
