"""Exact product, the model of `hw.arith.multiply`."""

import numpy as np


def multiply(a, b):
    """Model of `Multiply`: the exact product, as int64 (operands together up to 63 bits)."""
    return np.asarray(a, dtype=np.int64) * np.asarray(b, dtype=np.int64)
