"""Constraints and scripts that take the Verilog through a target's tools."""

import re
import sys
from pathlib import Path

from gen.emit.litex import litex_module
from gen.emit.standalone import standalone_top
from gen.emit.vivado import ip_top, vivado_values
from gen.errors import ThresherError
from gen.lint import STYLE_ONLY

__all__ = ["DEFAULT_CLOCK_MHZ", "TARGETS", "project_files"]

#: What a design can be emitted for.
TARGETS = ("generic", "ecp5", "xilinx", "vivado", "litex", "ice40", "asic")

#: Clock that the constraints ask for when the user does not say.
DEFAULT_CLOCK_MHZ = {"ecp5": 200.0, "xilinx": 250.0, "vivado": 100.0, "asic": 200.0}

# Target -> template -> name of the emitted file.
_FILES = {
    "generic": {"fusesoc.core": "{top}.core"},
    "ecp5": {"clock.lpf": "{top}.lpf", "Makefile": "Makefile", "fusesoc.core": "{top}.core"},
    "xilinx": {"clock.xdc": "{top}.xdc", "standalone.xdc": "{top}_standalone.xdc", "build.tcl": "{top}.tcl",
               "fusesoc.core": "{top}.core"},
    "vivado": {"clock.xdc": "{top}.xdc", "build.tcl": "{top}.tcl", "package_ip.tcl": "package_ip.tcl",
               "block_design.tcl": "block_design.tcl", "fusesoc.core": "{top}.core"},
    "asic": {"clock.sdc": "{top}.sdc", "timing.tcl": "{top}.tcl", "Makefile": "Makefile"},
}

# Target -> name of an emitted file -> what writes it.
_WRITTEN = {
    "ecp5": {"{top}_standalone.v": standalone_top},
    "xilinx": {"{top}_standalone.v": standalone_top},
    "vivado": {"{top}_ip.v": ip_top},
    "litex": {"{top}_litex.py": litex_module},
}


def project_files(description, target, clock_mhz=None):
    """Wrappers, constraints and scripts of a target.

    Parameters
    ----------
    description : dict
        What :meth:`hw.shell.shell.Shell.to_dict` gives.
    target : str
        One of :data:`TARGETS`; ``"ice40"`` has no files.
    clock_mhz : float or None
        Clock to ask for, in MHz.

    Returns
    -------
    dict of str to str
        Text of each file, by its name.

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If the target is unknown, or cannot have these ports; the clock is not positive, or the templates are not
        installed.
    """
    if target not in TARGETS:
        raise ThresherError(f"Target must be one of {', '.join(TARGETS)}, not {target!r}.")
    if clock_mhz is not None and not 0 < clock_mhz < 1e5:
        raise ThresherError(f"Clock must be a positive number of megahertz, not {clock_mhz!r}.")
    name = description["name"]
    files = {file.format(top=name): write(description) for file, write in _WRITTEN.get(target, {}).items()}
    if target not in _FILES:
        return files
    values = {"top": name, "version": description["version"],
              "waivers": ", ".join(f"-Wno-{rule}" for rule in STYLE_ONLY)}
    if target in DEFAULT_CLOCK_MHZ:
        frequency = clock_mhz if clock_mhz is not None else DEFAULT_CLOCK_MHZ[target]
        period = 1e3 / frequency
        values |= {"frequency": f"{frequency:g}", "period": f"{period:.3f}",
                   "half_period": f"{period / 2:.3f}", "fifth_period": f"{period / 5:.3f}"}
    folder = _templates() / target
    if target == "vivado":
        values |= vivado_values(description, (folder / "fetch.tcl").read_text(encoding="utf-8"))
    return files | {file.format(top=name): re.sub(r"@(\w+)@", lambda key: values[key[1]],
                                                  (folder / template).read_text(encoding="utf-8"))
                    for template, file in _FILES[target].items()}


def _templates():
    # In a checkout the folder stands beside `gen`; a wheel installs it as data.
    for folder in (Path(__file__).parents[2] / "constraints", Path(sys.prefix, "share/thresher/constraints")):
        if folder.is_dir():
            return folder
    raise ThresherError("The constraint templates are not installed: reinstall thresher, or emit for the "
                        "target 'generic'.")
