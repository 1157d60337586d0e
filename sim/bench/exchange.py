"""Files through which a simulation's process gets its job and gives back its outcome.

All is JSON but packets and rows, whose bytes stand in one file one after another. No NumPy and no pickle: reading
must cost nothing beside a simulation of a few hundred cycles.
"""

import json
from itertools import accumulate, pairwise
from pathlib import Path

__all__ = [
    "CUT_SHORT",
    "JOB_VARIABLE",
    "read_job",
    "read_outcome",
    "read_progress",
    "read_rows",
    "write_job",
    "write_outcome",
    "write_progress",
    "write_rows",
]

#: Environment variable that names the directory of the files.
JOB_VARIABLE = "THRESHER_SIMULATION"

#: Error of an outcome whose reason is only in the simulator's log.
CUT_SHORT = "the simulation was cut short"


def _write_json(path, content):
    # In one move, as another process may look at any time.
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content))
    partial.replace(path)


def _write(directory, name, values, packets):
    directory = Path(directory)
    (directory / f"{name}.bin").write_bytes(b"".join(packets))
    # Last: who finds this file may read the other.
    content = {"values": values, "lengths": [len(packet) for packet in packets]}
    _write_json(directory / f"{name}.json", content)


def _read(directory, name):
    directory = Path(directory)
    content = json.loads((directory / f"{name}.json").read_text())
    data = (directory / f"{name}.bin").read_bytes()
    bounds = accumulate(content["lengths"], initial=0)
    return content["values"], [data[start:end] for start, end in pairwise(bounds)]


def write_job(directory, values, packets):
    """Store a job: JSON `values` and the input packets."""
    _write(directory, "job", values, packets)


def read_job(directory):
    """Return ``(values, packets)`` of the job."""
    return _read(directory, "job")


def write_rows(directory, rows):
    """Store what fetches are answered with: rows by request."""
    _write(directory, "rows", list(rows), rows.values())


def read_rows(directory):
    """Return the rows by request; there are none if nothing was stored."""
    return dict(zip(*_read(directory, "rows"), strict=True)) if (Path(directory) / "rows.json").exists() else {}


def write_outcome(directory, values, packets):
    """Store an outcome: JSON `values` and the output packets."""
    _write(directory, "outcome", values, packets)


def read_outcome(directory):
    """Return ``(values, packets)`` of the outcome, or ``None`` when the simulation left none."""
    return _read(directory, "outcome") if (Path(directory) / "outcome.json").exists() else None


def write_progress(directory, cycle, packets_in, packets_out):
    """Tell how far the simulation has got."""
    _write_json(Path(directory) / "progress.json", [cycle, packets_in, packets_out])


def read_progress(directory):
    """Return ``(cycle, packets_in, packets_out)``, zeros before the simulation has begun."""
    path = Path(directory) / "progress.json"
    return tuple(json.loads(path.read_text())) if path.exists() else (0, 0, 0)
