"""Verilator's runtime library, compiled once for all designs."""

import hashlib
import shutil
import tempfile
from pathlib import Path

__all__ = ["Runtime"]


class Runtime:
    """Object files that do not depend on the design, and take half of a small design's build.

    ``make`` finds them newer than their sources, and leaves them as they are.

    Parameters
    ----------
    root : Path
        The cache.
    settings : list of str
        All that the object files depend on.
    """

    def __init__(self, root, settings):
        self._path = Path(root) / f"runtime-{hashlib.sha256(repr(settings).encode()).hexdigest()[:32]}"

    def restore(self, directory):
        """Copy the object files, where there are any, to a build directory."""
        for path in self._path.glob("*.o"):
            # `copyfile` gives the copy the present time.
            shutil.copyfile(path, Path(directory) / path.name)

    def store(self, directory):
        """Keep a build directory's object files, if there are none yet."""
        if self._path.exists():
            return
        partial = Path(tempfile.mkdtemp(prefix="runtime-", dir=self._path.parent))
        for path in Path(directory).glob("verilated*.o"):
            shutil.copyfile(path, partial / path.name)
        try:
            partial.replace(self._path)
        except OSError:
            # Another process was first.
            shutil.rmtree(partial)
