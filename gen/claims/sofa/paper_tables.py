"""Arithmetic between the numbers that the paper prints: Table II, area and power, and products of its gains."""

from dataclasses import dataclass

import numpy as np

from gen.claims.claim import Claim, claims, near


@dataclass(frozen=True)
class Accelerator:
    """A row of Table II. ``voltage`` and ``multipliers`` are those with which the row comes out.

    ``printed``: core GOPS/W, device GOPS/W (None where there is no interface power), GOPS/mm² and latency in ms.
    """

    nanometres: int
    voltage: float
    gigahertz: float
    area: float
    core_watts: float
    interface_watts: float | None
    gops: float
    multipliers: int
    printed: tuple

    def derived(self):
        """The four figures, scaled to 28 nm and 1 V; throughput is not scaled with the frequency that allows."""
        shrink = self.nanometres / 28
        core = self.core_watts / shrink / self.voltage ** 2
        device = None if self.interface_watts is None else self.gops / (core + self.interface_watts)
        latency = LLAMA_GOP / (self.gops * 128 / self.multipliers / self.gigahertz)
        return self.gops / core, device, self.gops / self.area * shrink ** 2, 1000 * latency


#: Attention of Llama-7B.
LLAMA_GOP = 137
TABLE_II = {
    "A3": Accelerator(40, 1.1, 1, 2.08, 0.205, 0.617, 221, 128, (1863, 300, 217, 622)),
    "ELSA": Accelerator(40, 1.1, 1, 1.26, 0.969, 0.525, 1090, 256, (1944, 1004, 1765, 252)),
    "Sanger": Accelerator(55, 1.2, 0.5, 16.9, 2.76, None, 2285, 1024, (2342, None, 522, 241)),
    "DOTA": Accelerator(22, 0.8, 1, 4.44, 3.02, None, 4905, 2048, (817, None, 683, 448)),
    "Energon": Accelerator(45, 1.1, 1, 4.2, 0.32, 2.4, 1153, 512, (7007, 450, 709, 477)),
    "DTATrans": Accelerator(40, 1.1, 1, 1.49, 0.734, None, 1304, 800, (3071, None, 1786, 652)),
    "SpAtten": Accelerator(40, 1.1, 1, 1.55, 0.325, 0.617, 360, 128, (1915, 447, 474, 382)),
    "FACT": Accelerator(28, 1.0, 0.5, 6.03, 0.337, None, 928, 512, (2754, None, 154, 296)),
    "SOFA": Accelerator(28, 1.0, 1, 5.69, 0.95, 2.45, 24423, 1024, (25708, 7183, 4292, 45)),
}
#: Area in mm² and power in mW of each module.
MODULES = {"DLZS": (0.351, 29.05), "SADS": (0.679, 112.79), "KV generation": (0.875, 146.21), "SU-FA": (3.012, 485.12),
           "memory": (0.497, 170.23), "scheduler": (0.280, 6.45)}


def ratios(column):
    """What SOFA gains over each other row in a printed column, where that has a figure."""
    ours = TABLE_II["SOFA"].printed[column]
    others = [row.printed[column] for name, row in TABLE_II.items() if name != "SOFA"]
    return [max(ours / other, other / ours) for other in others if other is not None]


@claims("V", "exact")
def rows_of_table_ii(evidence):
    units = ("GOPS/W", "GOPS/W", "GOPS/mm²", "ms")
    for name, row in TABLE_II.items():
        printed, derived, unit = zip(*(column for column in zip(row.printed, row.derived(), units, strict=True)
                                       if column[0] is not None), strict=True)
        deviation = np.abs(np.divide(derived, printed) - 1).max()
        device = "" if row.interface_watts is None else ", with interface"
        yield Claim(f"{name}: energy efficiency of the core{device}, area efficiency, latency, from the other columns",
                    "Table II", list(printed), list(derived), ", ".join(unit), bool(deviation <= 0.01),
                    "the paper's values ± 1 %",
                    f"comes out at {row.voltage} V and with {row.multipliers} multipliers")


@claims("V", "exact")
def gains_over_other_accelerators(evidence):
    place = "Table II and abstract"
    yield near("energy efficiency, mean gain over the accelerators with an interface power", place, 15.8,
               np.mean(ratios(1)), "times", 0.1,
               f"four of eight; with core power alone the mean over all eight is {np.mean(ratios(0)):.1f}")
    yield near("area efficiency, mean gain over eight accelerators", place, 10.3, np.mean(ratios(2)), "times", 0.1)
    yield near("latency, mean gain over eight accelerators", place, 9.3, np.mean(ratios(3)), "times", 0.1)


@claims("V", "exact")
def area_and_power(evidence):
    place = "area and power of the modules"
    area, power = np.sum(list(MODULES.values()), axis=0)
    prediction = np.add(MODULES["DLZS"], MODULES["SADS"]) / (area, power)
    yield near("area of all modules", place, 5.69, area, "mm²", 0.005)
    yield near("power of all modules", place, 949.85, power, "mW", 0.005)
    yield near("prediction and sorting, share of area and of power", place, [18, 15], list(100 * prediction), "%", 0.5)
    yield near("power of core, memory interface and memory", "power of the system", 3.4, 0.95 + 0.53 + 1.92, "W", 0.005)


@claims("V", "exact")
def products_of_gains(evidence):
    place = "gains of software and engines"
    yield near("speed-up over the GPU, product of its five factors", place, 9.5,
               np.prod([3.16, 1.65, 1.28, 1.26, 1.14]), "times", 0.1)
    yield near("speed-up over the TPU, product of its five factors", place, 11.1, np.prod([2.8, 1.82, 1.52, 1.1, 1.3]),
               "times", 0.1)


def effective_gops(remaining):
    """Dense-equivalent throughput: two operations of 1,024 multipliers at 1 GHz, at the mean utilisation."""
    return 2 * 1024 * 0.852 / remaining


@claims("V", "statistical")
def effective_throughput(evidence):
    claim, paper = "throughput from multipliers, utilisation and the attention work left", TABLE_II["SOFA"].gops
    for loss, saved, note in ((2, 92.6, ""), (0, 81.3, "; the table prints the value of 2 % loss as that of 0 %")):
        yield near(f"{claim}, {loss} % loss", "Table II", paper, effective_gops(1 - saved / 100), "GOPS",
                   round(0.05 * paper), f"{saved} % of the work saved{note}")
