"""A real head that comes along, small enough to measure every claim on it."""

from gen.claims.sofa.evidence import Evidence
from sim.workloads import shipped


def small_evidence():
    """Evidence of one head of 64 tokens."""
    layer = {name: array if name == "x" else array[None] for name, array in shipped("tokens").items()}
    for role in "qkv":
        layer[role] = layer["x"] @ layer[f"w{role}"] + layer[f"b{role}"][:, None]
    return Evidence([layer])
