"""Vectors through a netlist of `butterfly` for `thresher power`."""

import dataclasses

from gen.emit.cache import CachedEmission
from gen.errors import ThresherError
from sim.workloads import shipped

from .arrays import load_arrays
from .butterfly_simulation import simulate_vectors

__all__ = ["measure_vectors"]


def measure_vectors(top, parameters, options, verilog, waves):
    """Run vectors of an ``.npz``, or what `thresher sim` takes without one, and leave a waveform.

    Returns
    -------
    dict
        ``macs`` (useful multiply-accumulates: the multiplications of real numbers, four a butterfly), ``rows``
        (vectors), ``points``, ``mode``, ``cycles``, ``bit_exact`` and ``utilisation``.

    Raises
    ------
    ThresherError
        The vectors are longer than a task takes, or the netlist differs from the golden model.
    """
    if options.mode == "block":
        raise ThresherError("a block is many simulations; for a waveform run a batch, with --mode fft or bpmm")
    arrays = shipped("butterfly") if options.input is None else load_arrays(options.input)
    points = arrays["x"].shape[-1] if "x" in arrays and arrays["x"].ndim else 0
    if parameters.pass_points < points <= parameters.max_points:
        raise ThresherError(f"Power takes vectors of one pass, here of at most {parameters.pass_points} points, not "
                            f"{points}; give shorter ones, or raise resident_points")
    report = simulate_vectors(top, parameters, dataclasses.replace(options, waves=waves), CachedEmission(verilog, {}))
    if not report["bit_exact"]:
        raise ThresherError(f"the netlist differs from the golden model: {report['mismatches'][0]}")
    return {"macs": 2 * report["batch"] * report["points"] * (report["points"].bit_length() - 1),
            "rows": report["batch"], **{key: report[key] for key in ("points", "mode", "cycles", "bit_exact",
                                                                     "utilisation")}}
