"""Parameters of an accelerator: fields of a frozen dataclass that say what is legal."""

from dataclasses import field, fields

__all__ = ["check_fields", "is_power_of_two", "parameter", "require"]

_KINDS = {"int": int, "bool": bool, "str": str}


def parameter(default, doc, low=None, high=None, choices=None):
    """Field of a dataclass of parameters.

    Parameters
    ----------
    default : int, bool or str
    doc : str
        What it is, for people.
    low, high : int
        Its range, without `choices`.
    choices : tuple or None
        All that is legal.
    """
    return field(default=default, metadata={
        "doc": doc, "low": low, "high": high, "choices": choices,
        "range": "one of " + ", ".join(map(str, choices)) if choices else f"{low}..{high}"})


def check_fields(parameters):
    """Refuse a value that is not of its field's type, or out of its range.

    Raises
    ------
    TypeError, ValueError
    """
    for item in fields(parameters):
        value, meta = getattr(parameters, item.name), item.metadata
        kind = item.type if isinstance(item.type, type) else _KINDS[item.type]
        if type(value) is not kind:
            raise TypeError(f"{item.name} must be of type {kind.__name__}, not {value!r}")
        if meta["choices"] is not None:
            if value not in meta["choices"]:
                raise ValueError(f"{item.name} must be {meta['range']}, not {value!r}")
        elif not meta["low"] <= value <= meta["high"]:
            raise ValueError(f"{item.name} must be {meta['range']}, not {value!r}")


def is_power_of_two(value):
    """Whether a positive integer is a power of two."""
    return value & (value - 1) == 0


def require(condition, message):
    """Refuse parameters that do not fit each other.

    Raises
    ------
    ValueError
    """
    if not condition:
        raise ValueError(message)
