"""Formats of values, and how their products are summed."""

from dataclasses import dataclass

import numpy as np

from .fibers import FiberError, first

__all__ = ["FP32", "INT16", "INT16_WIDE", "INT8", "INT8_WIDE", "VALUE_FORMATS", "ValueFormat", "find_value_format"]


@dataclass(frozen=True)
class ValueFormat:
    """Values of ``width`` bits and an accumulator of ``accumulator`` bits.

    Integers have signs. Sums wrap: a result is the exact sum modulo ``2**accumulator``, whatever order it was summed
    in. fp32 is IEEE single precision: a sum starts at +0, each product is rounded to nearest even, then each sum,
    ``acc = fl(acc + fl(a b))``, subnormal numbers are kept, and a NaN of a result is the canonical quiet one.
    """

    name: str
    width: int
    accumulator: int

    @property
    def is_float(self):
        return self.name == "fp32"

    @property
    def dtype(self):
        return np.dtype(np.float32 if self.is_float else f"int{self.width}")

    @property
    def result_dtype(self):
        return np.dtype(np.float32 if self.is_float else np.int32 if self.accumulator == 32 else np.int64)

    def encode(self, values):
        """Numbers in this format; what fp32 cannot hold is rounded.

        Raises
        ------
        FiberError
            They are not real numbers, or one is no integer of the range; the message names the first.
        """
        values = np.asarray(values)
        if values.dtype.kind not in "biuf":
            raise FiberError(f"values must be real numbers, not {values.dtype}")
        if self.is_float:
            with np.errstate(over="ignore", invalid="ignore"):
                return values.astype(np.float32)
        place = first(~self.holds(values).ravel())
        if place is not None:
            limit = 1 << (self.width - 1)
            raise FiberError(f"value {place} is {values.ravel()[place]}, not an integer in {-limit}..{limit - 1}, as "
                             f"{self.name} needs")
        return values.astype(self.dtype)

    def holds(self, values):
        """Of integers: which of the numbers are integers of the range."""
        limit = 1 << (self.width - 1)
        with np.errstate(invalid="ignore"):
            return (values >= -limit) & (values < limit) & (values == np.floor(values))

    def products(self, a, b):
        """Products of values, as `sums` takes them."""
        if self.is_float:
            with np.errstate(all="ignore"):
                return np.multiply(a, b, dtype=np.float32)
        return np.asarray(a, dtype=np.int64) * np.asarray(b, dtype=np.int64)

    def sums(self, terms, segments, count):
        """Sums of runs of terms, each from left to right.

        Parameters
        ----------
        terms : array (n,)
            Products, or sums of this function.
        segments : array (n,) of int
            To which of the `count` sums each belongs; ascending.

        Returns
        -------
        array (count,)
            float32, or exact int64, not wrapped yet; 0 where there are no terms.
        """
        totals = np.zeros(count, dtype=np.float32 if self.is_float else np.int64)
        if not self.is_float:
            np.add.at(totals, segments, terms)
            return totals
        numbers, starts, lengths = np.unique(segments, return_index=True, return_counts=True)
        with np.errstate(all="ignore"):
            for place in range(int(lengths.max(initial=0))):        # the term at this place, of all runs at once
                alive = lengths > place
                totals[numbers[alive]] += terms[starts[alive] + place]
        return totals

    def finish(self, totals):
        """Results of `sums`, and how many of the exact sums the accumulator does not hold (0 for fp32)."""
        if self.is_float:
            bits = totals.view(np.uint32).copy()
            bits[np.isnan(totals)] = 0x7FC00000
            return bits.view(np.float32), 0
        half = 1 << (self.accumulator - 1)
        wrapped = ((totals + half) & (2 * half - 1)) - half
        return wrapped.astype(self.result_dtype), int((wrapped != totals).sum())


INT8 = ValueFormat("int8", 8, 32)
INT8_WIDE = ValueFormat("int8", 8, 48)
INT16 = ValueFormat("int16", 16, 32)
INT16_WIDE = ValueFormat("int16", 16, 48)
FP32 = ValueFormat("fp32", 32, 32)
VALUE_FORMATS = (INT8, INT8_WIDE, INT16, INT16_WIDE, FP32)


def find_value_format(name, accumulator=32):
    """The format of a name and a width of the accumulator.

    Raises
    ------
    ValueError
        There is none.
    """
    for form in VALUE_FORMATS:
        if (form.name, form.accumulator) == (name, accumulator):
            return form
    legal = ", ".join(f"{form.name} with {form.accumulator} bits" for form in VALUE_FORMATS)
    raise ValueError(f"values and accumulator must be one of {legal}, not {name} with {accumulator} bits")
