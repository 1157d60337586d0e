"""The error that users see."""


class ThresherError(Exception):
    """Something the user can mend; its message is one sentence and is printed without a traceback."""
