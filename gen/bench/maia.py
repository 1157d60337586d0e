"""Section `maia`: Fourier transforms in fixed point, next to the pipeline of maia-hdl (MIT, Daniel Estévez)."""

import dataclasses
import importlib.util
import tempfile
from pathlib import Path

import numpy as np

from gen.errors import ThresherError

__all__ = ["LANES", "TARGETS", "compare", "maia_verilog", "measure_maia", "relative_errors", "steady_cycles"]

#: Targets of the synthesis, with the family of a Xilinx device: UltraScale+.
TARGETS = (("xilinx", "xcup"), ("ecp5", None))
#: Units of ours: a sample a cycle is between them, as the pipeline has log2(N) / 2 stages.
LANES = (4, 8)
_NOTES = (
    "maia-hdl: FFT of radix 2^2 with 16-bit samples and twiddles, a pipeline for vectors of one length that takes a "
    "sample a cycle, in bit-reversed order, truncated after each stage. Ours: the engine without the AXI shell, with "
    "loader, memories for two groups of vectors and results as a stream, for vectors of 2 to N points, rounded and "
    "saturated, halved stage by stage as the task says.",
    "The attribute that asks for distributed memory is taken off the twiddles of maia-hdl: Yosys has no such memory "
    "that is only read, and makes logic of them.")
_KINDS = ("luts", "ffs", "dsps", "brams")


def maia_transform(order_log2):
    """The transform of maia-hdl of ``2^order_log2`` points, 16 bits, radix 2^2.

    Raises
    ------
    ThresherError
        maia-hdl is not installed.
    """
    if importlib.util.find_spec("maia_hdl") is None:
        raise ThresherError("maia-hdl is not installed; pip install maia-hdl, or the extra dev of this project")
    from maia_hdl.fft import FFT

    return FFT(width_in=16, order_log2=order_log2, radix="R22", width_twiddle=16)


def maia_verilog(order_log2):
    """Its Verilog, module ``maia_fft``; raises as `maia_transform`."""
    from amaranth.back import verilog

    fft = maia_transform(order_log2)
    text = verilog.convert(fft, name="maia_fft", emit_src=False, ports=[
        fft.clken, fft.re_in, fft.im_in, fft.re_out, fft.im_out, fft.out_last])
    return text.replace('(* ram_style = "distributed" *)', "")


def parameters_of(order_log2, lanes):
    """Ours, for transforms only, with memory for groups that do not wait between stages."""
    from hw.butterfly.parameters import ButterflyParameters

    points = 1 << order_log2
    return ButterflyParameters(bus_width=min(128, 64 * lanes), lanes=lanes, rows=1, max_points=points,
                               resident_points=max(points, 64 * lanes), arithmetic="fixed16", bpmm=False,
                               counters=False)


def steady_cycles(parameters, vectors=8, seed=1, simulator="verilator"):
    """Cycles of the emitted Verilog for each vector of the longest length in a long batch, checked bit for bit.

    Two batches tell them, of which one has `vectors` more.

    Raises
    ------
    ThresherError
        A bit differs from the golden model.
    """
    from gen.emit import emit_cached
    from gen.tops.butterfly_simulation import run_vectors
    from gen.tops.registry import tops

    emitted, draw = emit_cached(tops()["butterfly"], parameters), np.random.default_rng(seed)
    cycles = []
    for count in (vectors, 2 * vectors):
        x = tuple(draw.integers(-1 << 14, 1 << 14, (count, parameters.max_points)) for _ in range(2))
        run = run_vectors(emitted.verilog, emitted.registers, x, None, parameters, seed=seed,
                          scaling=[1] * parameters.max_stages, simulator=simulator)
        if run.mismatches:
            raise ThresherError(f"{len(run.mismatches)} elements differ from the golden model")
        cycles.append(run.cycles)
    return (cycles[1] - cycles[0]) / vectors


def relative_errors(order_log2, vectors=8, seed=1):
    """Error of both next to float64, of random complex vectors whose largest magnitude is that of an element.

    Theirs is of the model that maia-hdl brings, ours of the golden model with all stages halved.

    Returns
    -------
    theirs, ours : float
        Norm of the errors over that of the results.
    """
    from sim.golden.butterfly import bit_reversed, fft

    draw, points = np.random.default_rng(seed), 1 << order_log2
    x = draw.standard_normal((vectors, points)) + 1j * draw.standard_normal((vectors, points))
    x *= 32767 / np.abs(x).max()
    real, imaginary = np.trunc(x.real).astype(int), np.trunc(x.imag).astype(int)
    exact = np.fft.fft(real + 1j * imaginary) / points
    transform = maia_transform(order_log2)
    planes = [transform.model(*each) for each in zip(real.copy(), imaginary.copy(), strict=True)]
    theirs = np.array([np.array(low) + 1j * np.array(high) for low, high in planes])[:, bit_reversed(points)]
    low, high = fft((real, imaginary), "fixed16", [1] * order_log2)
    norm = np.linalg.norm(exact)
    return tuple(float(np.linalg.norm(each - exact) / norm) for each in (theirs, low + 1j * high))


def synthesised(text, top, target, family):
    """Cells of a Verilog text, and the whole report."""
    from gen.synth import synth

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{top}.v"
        path.write_text(text)
        report = synth(path, top, target, family=family)
    return {kind: report[kind] for kind in _KINDS}, report


def row_of(design, target, points, cycles, cells):
    """A row of the table."""
    samples = points / cycles
    return {"target": target, "design": design, "cycles_per_transform": cycles, "samples_per_cycle": samples, **cells,
            "samples_per_kilocycle_and_lut": 1000 * samples / cells["luts"] if cells["luts"] else None,
            "samples_per_kilocycle_and_dsp": 1000 * samples / cells["dsps"] if cells["dsps"] else None}


def compare(order_log2, update, targets=TARGETS, lanes=LANES, vectors=8, simulator="verilator"):
    """Rows of both designs on all targets, and reports of the synthesis by design and target.

    Parameters
    ----------
    order_log2 : int
        Even; of the number of points.
    update : callable
        Told what is being done.
    targets : iterable of (str, str or None)
    lanes : iterable of int
    vectors : int
        See :func:`steady_cycles`.
    simulator : str
    """
    from gen.emit import emit_verilog
    from hw.butterfly.engine import ButterflyEngine

    points, rows, reports = 1 << order_log2, [], {}
    cycles = {}
    for count in lanes:
        update(f"maia: simulating {count} units")
        cycles[count] = steady_cycles(parameters_of(order_log2, count), vectors, simulator=simulator)
    for target, family in targets:
        update(f"maia: synthesising maia-hdl for {target}")
        cells, reports[f"maia-hdl, {target}"] = synthesised(maia_verilog(order_log2), "maia_fft", target, family)
        rows.append(row_of("maia-hdl R22", target, points, points, cells))
        for count in lanes:
            update(f"maia: synthesising {count} units for {target}")
            p = dataclasses.replace(parameters_of(order_log2, count), vendor=target)
            text, _ = emit_verilog(ButterflyEngine(p), "butterfly_engine", target=target)
            name = f"butterfly, {count} units"
            cells, reports[f"{name}, {target}"] = synthesised(text, "butterfly_engine", target, family)
            rows.append(row_of(name, target, points, cycles[count], cells))
    return rows, reports


def measure_maia(update, order_log2=10):
    """Run the section; see :func:`gen.bench.run.run_sections`."""
    rows, reports = compare(order_log2, update)
    theirs, ours = relative_errors(order_log2)
    errors = [{"design": "maia-hdl R22", "relative_error": theirs}, {"design": "butterfly", "relative_error": ours}]
    figures = {f"relative error ({row['design']}, {1 << order_log2} points)": row["relative_error"] for row in errors}
    for row in rows:
        where = f"{row['design']}, {row['target']}, {1 << order_log2} points"
        figures |= {f"{kind} ({where})": row[kind] for kind in _KINDS}
        figures[f"cycles a transform ({where})"] = row["cycles_per_transform"]
    return {"tables": {f"transforms of {1 << order_log2} points": rows, "error next to float64": errors},
            "figures": figures, "reports": reports,
            "notes": _NOTES}
