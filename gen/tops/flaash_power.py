"""A contraction through a netlist of `flaash` for `thresher power`."""

import dataclasses
import math

from gen.emit.cache import CachedEmission
from gen.errors import ThresherError

from .flaash_simulation import simulate_contraction

__all__ = ["measure_contraction"]


def measure_contraction(top, parameters, options, verilog, waves):
    """Run what `thresher sim` runs, and leave a waveform.

    Returns
    -------
    dict
        ``macs`` (useful multiply-accumulates), ``rows`` (results), ``einsum``, ``cycles``, ``bit_exact`` and
        ``utilisation``.

    Raises
    ------
    ThresherError
        The netlist differs from the golden model.
    """
    report = simulate_contraction(top, parameters, dataclasses.replace(options, waves=waves),
                                  CachedEmission(verilog, {}))
    if not report["bit_exact"]:
        raise ThresherError(f"the netlist differs from the golden model: {report['mismatches'][0]}")
    return {"rows": math.prod(report["shapes"]["c"]), **{key: report[key] for key in (
        "macs", "einsum", "cycles", "bit_exact", "utilisation")}}
