"""Section `emission`: time, memory and size of the Verilog of each preset, and what the linters find."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gen.errors import ThresherError

__all__ = ["PRESETS", "emit_measured", "measure_emission"]

PRESETS = ("tiny", "ecp5", "paper")
TOP = "sofa"

# Runs in a process of its own, so that its peak memory is that of one emission.
_PROGRAM = """
import json, resource, sys, time
from pathlib import Path
begin = time.perf_counter()
from gen.emit import emit
from gen.tops.registry import resolve, tops
loaded = time.perf_counter()
manifest = emit(tops()[sys.argv[1]].build(resolve(sys.argv[1], sys.argv[2], None, [])), sys.argv[1],
                Path(sys.argv[3]))
seconds = time.perf_counter() - loaded
# The kernel hands the peak of the process that started this one down in ru_maxrss, but not in VmHWM.
status = Path("/proc/self/status")
own = (int(status.read_text().split("VmHWM:")[1].split()[0]) if status.exists()
       else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps({"seconds": seconds, "import_seconds": loaded - begin, "peak_mib": (own + children) / 1024}))
"""


def emit_measured(preset, folder, top=TOP):
    """Emit a preset of a top in a fresh process.

    Returns
    -------
    dict
        ``seconds`` from parameters to files on disk, ``import_seconds`` before that, ``peak_mib`` (peak
        resident memory of Python plus that of the Yosys that writes the Verilog), ``verilog_bytes``,
        ``modules``.

    Raises
    ------
    ThresherError
        The emission failed.
    """
    done = subprocess.run([sys.executable, "-c", _PROGRAM, top, preset, str(folder)], capture_output=True,
                          text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        message = (done.stderr.splitlines() or ["no message"])[-1]
        raise ThresherError(f"the emission of {preset} failed: {message}")
    verilog = (Path(folder) / f"{top}.v").read_text()
    return {**json.loads(done.stdout.splitlines()[-1]), "verilog_bytes": len(verilog),
            "modules": verilog.count("\nendmodule")}


def measure_emission(update, presets=PRESETS, top=TOP):
    """Run the section; see :func:`gen.bench.run.run_sections`."""
    from gen.lint import lint

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        update("emission: warming up")
        emit_measured("tiny", folder, top)      # compiles and caches what the first conversion ever needs
        for preset in presets:
            update(f"emission: writing {preset}")
            row = {"preset": preset, **emit_measured(preset, folder, top)}
            update(f"emission: linting {preset}")
            begin = time.perf_counter()
            findings = lint(Path(folder) / f"{top}.v", top)
            rows.append({**row, "lint_findings": len(findings), "lint_seconds": time.perf_counter() - begin})
    figures = {}
    for row in rows:
        for key, what in (
                ("seconds", "seconds to emit"), ("peak_mib", "MiB at most to emit"),
                ("verilog_bytes", "bytes of Verilog"), ("lint_findings", "findings of the linters")):
            figures[f"{what} ({row['preset']})"] = row[key]
    return {"tables": {"emission": rows}, "figures": figures}
