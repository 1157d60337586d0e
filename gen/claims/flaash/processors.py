"""The same contractions by sparse libraries on the processor that this runs on, beside cycles at assumed clocks."""

import importlib.util
import time

import numpy as np

from gen.claims.claim import between, claims
from sim.host.flaash import to_pydata, to_scipy

from .evidence import random_pair
from .figures import SPEED_UPS

__all__ = ["CLOCKS_MHZ"]

#: The clock of the paper's times, and one that small FPGAs reach; neither is measured here.
CLOCKS_MHZ = (1000, 50)
DENSITIES = (0.005, 0.01, 0.02, 0.03, 0.04, 0.05)
_RUNS = 30


def seconds_of(function):
    """Median time of a call."""
    function()
    times = []
    for _ in range(_RUNS):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return float(np.median(times))


def by_scipy(a, b):
    """Contraction by a product of sparse matrices."""
    left, right = to_scipy(a), to_scipy(b).T.tocsr()
    return lambda: left @ right


def by_pydata(a, b):
    """Contraction by PyData's `sparse`."""
    from sparse import tensordot

    left, right = to_pydata(a), to_pydata(b)
    return lambda: tensordot(left, right, axes=(-1, -1))


LIBRARIES = {"scipy": ("scipy.sparse", by_scipy), "sparse": ("sparse.tensordot", by_pydata)}


def as_matrix(tensor):
    """Free modes of a tensor as one."""
    return type(tensor)((tensor.fibers, tensor.shape[-1]), tensor.pointers, tensor.indices, tensor.values)


@claims("Table 3", "simulation")
def beside_a_processor(evidence):
    engines = evidence.engines[-1]
    cycles, times = {}, {}
    for shape in SPEED_UPS:
        measured = [evidence.run(
            ("square", shape, density), lambda seed, form, shape=shape, density=density: random_pair(
                shape, shape, density, form, seed), f"engines={engines}") for density in DENSITIES]
        cycles[shape] = float(np.mean([each.cycles for each in measured]))
        for module, (name, contract) in LIBRARIES.items():
            if importlib.util.find_spec(module) is None:
                continue
            pairs = [random_pair(shape, shape, density, evidence.form, 1) for density in DENSITIES]
            times[name, shape] = float(np.mean([seconds_of(contract(*map(as_matrix, pair))) for pair in pairs]))
    shapes = ", ".join(map(str, SPEED_UPS))
    for name in dict.fromkeys(name for name, _ in times):
        yield between(f"time of {name} on this machine's processor, one thread, {shapes}", "average speed-up", None,
                      [1e6 * times[name, shape] for shape in SPEED_UPS], "µs", low=0,
                      note=f"both tensors of the shape, mean over densities of {DENSITIES[0]:.1%} to "
                           f"{DENSITIES[-1]:.0%}; formats are converted before. It differs from machine to machine and "
                           f"from run to run")
        for clock in CLOCKS_MHZ:
            ours = [times[name, shape] * clock * 1e6 / cycles[shape] for shape in SPEED_UPS]
            yield between(f"that over {engines} engines at an assumed {clock} MHz, {shapes}", "average speed-up",
                          list(SPEED_UPS.values()) if clock == CLOCKS_MHZ[0] else None, ours, "times", low=1,
                          note="tensors loaded before, on both sides. The clock is assumed, not measured. The "
                               "paper's are over PyTorch, of a contraction with a factor whose size it does not give")
