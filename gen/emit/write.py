"""The emission of a whole accelerator: Verilog and everything that goes with it, in one folder."""

import keyword
import os
import re
import shutil
import tempfile
from pathlib import Path

from gen.emit.driver import python_driver
from gen.emit.emission import emit_verilog
from gen.emit.header import c_header
from gen.emit.manifest import MANIFEST_FILE, Manifest
from gen.emit.project import project_files
from gen.errors import ThresherError
from hw.shell import TRAILER_MARKER

__all__ = ["emit", "write_files"]


def emit(shell, name, directory, *, target=None, clock_mhz=None):
    """Write the artefacts of an accelerator.

    ``NAME.v``, ``manifest.json``, ``NAME.h`` (C), ``NAME_driver.py`` and, for the targets that have them,
    wrappers, constraints and scripts. Equal shells give equal bytes. Files are written to a temporary folder and
    moved when all are complete, so that a failure leaves the folder as it was; files of other names in it
    are not touched.

    Parameters
    ----------
    shell : :class:`hw.shell.shell.Shell`
        Engine in its shell.
    name : str
        Name of the top module and of the files: the name of the shell.
    directory : path-like
        Folder to write; made if missing.
    target : str or None
        One of :data:`gen.emit.project.TARGETS`; None is ``"generic"``.
    clock_mhz : float or None
        Clock of the constraints; None is the target's own default.

    Returns
    -------
    :class:`gen.emit.manifest.Manifest`

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If the target or the name is not legal, or the folder cannot be written.
    """
    target = "generic" if target is None else target
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise ThresherError(f"Name must be a lower-case identifier, not {name!r}.")
    if name != shell.name:
        raise ThresherError(f"Name must be the name of the shell, {shell.name!r}, not {name!r}.")
    files = project_files(shell.to_dict(), target, clock_mhz)
    files[f"{name}.v"], modules = emit_verilog(shell, name, target=target)
    files |= dict.fromkeys([f"{name}.h", f"{name}_driver.py"])
    manifest = Manifest.of(shell, files[f"{name}.v"], modules, target=target, files=files)
    files[f"{name}.h"] = c_header(manifest)
    files[f"{name}_driver.py"] = python_driver(manifest, TRAILER_MARKER)
    files[MANIFEST_FILE] = manifest.to_json()
    write_files(Path(directory), files, last=MANIFEST_FILE)
    return manifest


def write_files(directory, files, *, last=None):
    """Write all files or none.

    Parameters
    ----------
    directory : path-like
        Folder to write; made if missing.
    files : dict of str to (str or bytes)
        Contents by name.
    last : str or None
        File that is put in place last: where it stands, the others stand too.

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If the folder cannot be written.
    """
    directory, temporary = Path(directory), None
    try:
        directory.mkdir(parents=True, exist_ok=True)
        # Beside the final place, so that moving is renaming.
        temporary = Path(tempfile.mkdtemp(prefix=".emit-", dir=directory))
        for name, content in files.items():
            (temporary / name).write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        for name in sorted(files, key=lambda name: name == last):
            os.replace(temporary / name, directory / name)
    except OSError as error:
        raise ThresherError(f"Cannot write to {str(directory)!r}: {error.strerror or error}.") from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
