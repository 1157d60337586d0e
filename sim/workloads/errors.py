"""The error every workload raises."""


class WorkloadError(ValueError):
    """A workload that cannot be made; its message is one sentence for the user."""
