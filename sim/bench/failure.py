"""A simulation that cannot go on, told in a sentence."""

__all__ = ["BenchError"]


class BenchError(Exception):
    """Ends the simulation; its message becomes that of the exception `sim.runner.simulate` raises.

    Parameters
    ----------
    message : str
    hang : bool
        Whether the design has stopped moving.
    """

    def __init__(self, message, hang=False):
        super().__init__(message)
        self.hang = hang
