"""Arrays in files: ``.npz`` of named arrays."""

import tempfile
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from gen.errors import ThresherError

__all__ = ["load_arrays", "write_arrays"]


def load_arrays(path):
    """Arrays of an ``.npz`` by name.

    Raises
    ------
    ThresherError
        It is not one.
    """
    try:
        file = np.load(path)
        # One array, as in an .npy, comes as it is.
        arrays = {name: file[name] for name in file.files} if hasattr(file, "files") else None
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise ThresherError(f"{path} is not an .npz file of plain arrays: {error}") from error
    if arrays is None:
        raise ThresherError(f"{path} holds one array without a name, but an .npz file of named arrays is needed.")
    return arrays


def write_arrays(path, **arrays):
    """Write an ``.npz`` whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".npz", delete=False) as file:
        np.savez_compressed(file, **arrays)
    Path(file.name).replace(path)
