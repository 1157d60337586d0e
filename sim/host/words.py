"""Vectors as words of the stream, packets as beats of the bus."""

import numpy as np

from hw.shell import TRAILER_MARKER

__all__ = ["pad_rows", "split_trailer", "whole_beats"]


def pad_rows(rows, width, dtype="<i2"):
    """Rows of integers, each padded with zeros to whole words of `width` elements."""
    padded = np.zeros((len(rows), -(-rows.shape[1] // width) * width), dtype=dtype)
    padded[:, :rows.shape[1]] = rows
    return padded


def whole_beats(data, bus_width):
    """Bytes, filled up with zeros to whole beats of the bus."""
    return data + bytes(-len(data) % (bus_width // 8))


def split_trailer(packet, bus_width):
    """What comes before the trailer of a result packet, and the trailer's error code.

    Raises
    ------
    ValueError
        The packet ends without a trailer.
    """
    beat = bus_width // 8
    trailer = packet[-beat:]
    if len(trailer) < beat or trailer[1] != TRAILER_MARKER:
        raise ValueError("the result does not end with a trailer")
    return packet[:-beat], trailer[0]
