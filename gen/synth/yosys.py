"""Yosys in a subprocess."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

from gen.errors import ThresherError
from gen.synth import worker

__all__ = ["Yosys", "checked_source", "quoted"]


def checked_source(verilog_path, top):
    """Absolute path of a Verilog file, after a look at the file and at the name of its top module.

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If there is no such file, or the name is not one of a module.
    """
    verilog_path = Path(verilog_path).resolve()
    if not verilog_path.is_file():
        raise ThresherError(f"There is no Verilog file {str(verilog_path)!r}.")
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_$]*", top):
        raise ThresherError(f"Top must be the name of a Verilog module, not {top!r}.")
    return verilog_path


def quoted(path):
    """A file name as an argument of a Yosys command, which knows no escapes inside quotes."""
    path = str(path)
    if '"' in path or "\n" in path:
        raise ThresherError(f"Yosys cannot read a file whose name has quotes or line breaks: {path!r}.")
    return f'"{path}"'


class Yosys:
    """One run of Yosys, working in a folder.

    Parameters
    ----------
    folder : path-like
        Where commands find and leave files.
    commands : list of str
    python : path-like or None
        Interpreter whose pyosys is run; None is this one.
    """

    def __init__(self, folder, commands, python=None):
        if python is None and importlib.util.find_spec("pyosys") is None:
            raise ThresherError("Synthesis needs the Python package pyosys: run `pip install pyosys`.")
        self._folder = Path(folder)
        self._process = subprocess.Popen(
            [python or sys.executable, worker.__file__], cwd=folder, text=True, errors="replace",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        # The pipe holds far more than a script; the worker reads all of it before it writes anything.
        self._process.stdin.write("\n".join(commands))
        self._process.stdin.close()

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self._process.kill()
        self._process.stdout.close()
        self._process.wait()

    def finish(self):
        """Wait for the end.

        Returns
        -------
        str
            The log.

        Raises
        ------
        :class:`gen.errors.ThresherError`
            If Yosys reports an error or crashes.
        """
        log = self._process.stdout.read()
        code = self._process.wait()
        if errors := re.findall(r"^ERROR: (.*)|^\S.*: ERROR: ?(.*)", log, re.MULTILINE):
            reason = "".join(errors[-1])
            if "ABC" in reason:  # it only says that a file is missing
                causes = re.findall(r"^ABC: (.* cannot be used|Error: .*)", log, re.MULTILINE)
                reason = causes[0].removeprefix("Error: ") if causes else reason
            raise ThresherError(f"Yosys failed: {reason.strip().rstrip('.')}.")
        if code:
            raise ThresherError(f"Yosys ended with exit code {code} and no message.")
        return log

    def statistics(self, name):
        """Read what ``tee -q -o NAME stat -json`` left.

        Returns
        -------
        dict
            The parsed file; ``modules`` in it is not empty.

        Raises
        ------
        :class:`gen.errors.ThresherError`
            If the file is missing, empty or malformed: Yosys stopped without a message.
        """
        try:
            statistics = json.loads((self._folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            statistics = {}
        if not statistics.get("modules"):
            raise ThresherError("Yosys stopped without a message: its statistics are missing or empty.")
        return statistics

    def text(self, name):
        """Read what ``tee -q -o NAME ...`` left, which may be nothing.

        Raises
        ------
        :class:`gen.errors.ThresherError`
            If there is no such file: Yosys stopped without a message.
        """
        try:
            return (self._folder / name).read_text(encoding="utf-8")
        except OSError:
            raise ThresherError(f"Yosys stopped without a message: its file {name!r} is missing.") from None
