"""Argument checks shared by the arithmetic parts."""


def require_range(name, value, low, high=None):
    """Raise unless `value` is an integer in `low`..`high` (no upper limit when `high` is None)."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, not {value!r}")
    if value < low or (high is not None and value > high):
        legal = f"at least {low}" if high is None else f"in {low}..{high}"
        raise ValueError(f"{name} must be {legal}, not {value!r}")
