"""What Verilator's FST writer needs to be compiled."""

import subprocess
from pathlib import Path

from .errors import SimulatorMissing

__all__ = ["prepare_fst"]

# The two functions the writer calls. Their interface has not changed since LZ4 r129 (2015), and the library
# itself is part of every Debian (dpkg uses it); only its header often is not.
_LZ4_HEADER = """\
#pragma once
extern "C" int LZ4_compressBound(int inputSize);
extern "C" int LZ4_compress_default(const char* src, char* dst, int srcSize, int dstCapacity);
"""


def _lz4_library():
    command = ["c++", "-print-file-name=liblz4.so.1"]
    path = Path(subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip())
    return path.resolve() if path.is_absolute() else None


def _has_header(name):
    command = ["c++", "-E", "-x", "c++", "-include", name, "/dev/null"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def prepare_fst(directory):
    """Make the compilation of the FST writer possible.

    Parameters
    ----------
    directory : Path
        The build directory, which gets header and link where the system lacks them.

    Returns
    -------
    list of str
        Options of ``verilator``.

    Raises
    ------
    SimulatorMissing
        If zlib's header or the LZ4 library is not installed.
    """
    library = _lz4_library()
    if not _has_header("zlib.h") or (library is None and not _has_header("lz4.h")):
        raise SimulatorMissing(
            "Verilator's waveforms need zlib and LZ4: install them with 'apt install zlib1g-dev liblz4-dev', "
            "or use Icarus"
        )
    if _has_header("lz4.h"):
        return []
    own = directory / "lz4"
    own.mkdir()
    (own / "lz4.h").write_text(_LZ4_HEADER)
    (own / "liblz4.so").symlink_to(library)
    return ["-CFLAGS", f"-I{own}", "-LDFLAGS", f"-L{own}"]
