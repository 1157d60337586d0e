"""Argument checks shared by the stream parts."""

from amaranth.hdl import Shape


def require_shape(name, value):
    """Raise `TypeError` unless `value` can describe a stream payload."""
    try:
        Shape.cast(value)
    except TypeError as error:
        raise TypeError(f"{name} must be shape-like, not {value!r}") from error


def require_positive(name, value):
    """Raise unless `value` is an integer of at least 1."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, not {value!r}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, not {value!r}")
