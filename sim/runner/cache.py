"""Compiled simulations, one for each Verilog, simulator and set of options."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import time
from importlib.metadata import version
from pathlib import Path

from .errors import CompileError, ToolError
from .tools import require, simulator_version

__all__ = ["compile_verilog", "default_build_directory"]

_COMPLETE = "complete"

#: What a compiler leaves that no simulation needs. A precompiled header alone is 75 MB.
_LEFT_OVERS = ("*.gch", "*.o", "*.a", "*.d", "*.cpp")


def default_build_directory():
    """``$THRESHER_CACHE/simulation``, else ``simulation`` in the user's cache directory."""
    cache = os.environ.get("THRESHER_CACHE")
    if cache is None:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "thresher"
    return Path(cache) / "simulation"


@contextlib.contextmanager
def _locked(path):
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _key(verilog, top, simulator, waves):
    from .backends import backend

    runner = backend(simulator, waves=waves)
    versions = [simulator_version(simulator), version("cocotb")]
    parts = [top, simulator, *versions, *runner.options(), str(waves)]
    if simulator == "verilator":
        parts += [runner.control_file(top), *runner.make_variables]
    digest = hashlib.sha256("\0".join(parts).encode())
    digest.update(verilog.read_bytes())
    return digest.hexdigest()[:32]


def _complaint(log, lines=12):
    text = log.read_text(errors="replace").splitlines() if log.exists() else []
    errors = [line for line in text if "error" in line.lower()]
    return "\n".join(errors[:lines] or text[-lines:])


def compile_verilog(verilog, top, simulator, *, waves=False, build_dir=None):
    """Compile a Verilog file for cocotb, or find it compiled.

    Parameters
    ----------
    verilog : Path
        One self-contained file.
    top : str
        Name of its top module.
    simulator : str
        ``"verilator"`` or ``"icarus"``.
    waves : bool
        Whether the simulation can write waveforms (which makes Verilator's slower).
    build_dir : Path, optional
        The cache; `default_build_directory` by default. Several processes may use it at once: the first
        one compiles, the others wait for it.

    Returns
    -------
    directory : Path
        What the backend runs.
    seconds : float
        Time the compilation took, 0.0 when it was found.

    Raises
    ------
    SimulatorMissing
        If the simulator is not installed.
    CompileError
        If it refuses the file.
    """
    from .backends import backend

    require(simulator)
    verilog = Path(verilog).resolve()
    if not verilog.is_file():
        raise FileNotFoundError(f"there is no Verilog file {verilog}")
    root = Path(build_dir or default_build_directory()).resolve()
    root.mkdir(parents=True, exist_ok=True)
    directory = root / f"{top}-{simulator}-{_key(verilog, top, simulator, waves)}"
    with _locked(root / f"{directory.name}.lock"):
        if (directory / _COMPLETE).exists():
            return directory, 0.0
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        # The compiled text is kept beside what was made of it.
        source = directory / f"{top}.v"
        shutil.copyfile(verilog, source)
        start = time.perf_counter()
        try:
            backend(simulator, waves=waves).compile(source, top, directory)
        except (ToolError, SystemExit) as error:
            raise CompileError(
                f"{simulator} cannot compile {verilog.name}: {error}\n{_complaint(directory / 'build.log')}"
            ) from None
        for pattern in _LEFT_OVERS:
            for path in directory.glob(pattern):
                path.unlink()
        (directory / _COMPLETE).touch()
        return directory, time.perf_counter() - start
