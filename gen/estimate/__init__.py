"""What a design costs, predicted in seconds: area without synthesis, cycles without simulation."""

from gen.estimate.area import estimate_area, estimate_cached
from gen.estimate.workload import WorkloadOptions

__all__ = ["WorkloadOptions", "estimate_area", "estimate_cached"]
