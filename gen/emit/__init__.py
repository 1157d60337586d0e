"""Emission: Verilog, manifest, C header, Python driver, constraints."""

from gen.emit.cache import CachedEmission, emit_cached
from gen.emit.emission import Emission, EmittedModule, emit_verilog
from gen.emit.header import c_header
from gen.emit.manifest import MANIFEST_FILE, Manifest
from gen.emit.project import DEFAULT_CLOCK_MHZ, TARGETS, project_files
from gen.emit.write import emit

__all__ = [
    "DEFAULT_CLOCK_MHZ",
    "MANIFEST_FILE",
    "TARGETS",
    "CachedEmission",
    "Emission",
    "EmittedModule",
    "Manifest",
    "c_header",
    "emit",
    "emit_cached",
    "emit_verilog",
    "project_files",
]
