"""Vectors as words of the stream."""

import numpy as np

__all__ = ["pad_rows"]


def pad_rows(rows, width, dtype="<i2"):
    """Rows of integers, each padded with zeros to whole words of `width` elements."""
    padded = np.zeros((len(rows), -(-rows.shape[1] // width) * width), dtype=dtype)
    padded[:, :rows.shape[1]] = rows
    return padded
