"""Constraints and scripts that take the Verilog through a target's tools."""

import re
import sys
from pathlib import Path

from gen.errors import ThresherError

__all__ = ["DEFAULT_CLOCK_MHZ", "TARGETS", "project_files"]

#: What a design can be emitted for.
TARGETS = ("generic", "ecp5", "xilinx", "ice40", "asic")

#: Clock that the constraints ask for when the user does not say.
DEFAULT_CLOCK_MHZ = {"ecp5": 200.0, "xilinx": 250.0, "asic": 200.0}

# Target -> template -> name of the emitted file.
_FILES = {
    "ecp5": {"clock.lpf": "{top}.lpf", "Makefile": "Makefile"},
    "xilinx": {"clock.xdc": "{top}.xdc", "build.tcl": "{top}.tcl"},
    "asic": {"clock.sdc": "{top}.sdc", "timing.tcl": "{top}.tcl", "Makefile": "Makefile"},
}


def project_files(name, target, clock_mhz=None):
    """Fill in the templates of a target.

    Parameters
    ----------
    name : str
        Top module.
    target : str
        One of :data:`TARGETS`; ``"generic"`` and ``"ice40"`` have no files.
    clock_mhz : float or None
        Clock to ask for, in MHz.

    Returns
    -------
    dict of str to str
        Text of each file, by its name.

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If the target is unknown, the clock is not positive, or the templates are not installed.
    """
    if target not in TARGETS:
        raise ThresherError(f"Target must be one of {', '.join(TARGETS)}, not {target!r}.")
    if clock_mhz is not None and not 0 < clock_mhz < 1e5:
        raise ThresherError(f"Clock must be a positive number of megahertz, not {clock_mhz!r}.")
    if target not in _FILES:
        return {}
    frequency = clock_mhz if clock_mhz is not None else DEFAULT_CLOCK_MHZ[target]
    period = 1e3 / frequency
    values = {"top": name, "frequency": f"{frequency:g}", "period": f"{period:.3f}",
              "half_period": f"{period / 2:.3f}", "fifth_period": f"{period / 5:.3f}"}
    folder = _templates() / target
    return {file.format(top=name): re.sub(r"@(\w+)@", lambda key: values[key[1]],
                                          (folder / template).read_text(encoding="utf-8"))
            for template, file in _FILES[target].items()}


def _templates():
    # In a checkout the folder stands beside `gen`; a wheel installs it as data.
    for folder in (Path(__file__).parents[2] / "constraints", Path(sys.prefix, "share/thresher/constraints")):
        if folder.is_dir():
            return folder
    raise ThresherError("The constraint templates are not installed: reinstall thresher, or emit for the "
                        "target 'generic'.")
