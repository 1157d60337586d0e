"""Heads on a board, compared bit for bit with the golden model."""

import dataclasses
import time

from gen.emit.driver import load_driver, python_driver
from gen.emit.manifest import Manifest
from gen.errors import ThresherError
from hw.shell import TRAILER_MARKER
from sim.host.serial_transport import TransportError
from sim.host.sofa import pack_task
from sim.host.tokens import fetch_rows

from .sofa_simulation import accuracy, check_heads_run, float_outputs, plan_inputs, write_outputs

__all__ = ["run_heads_on_board"]

_UNDERSTOOD = {"keep", "causal", "policy", "from_tokens"}


def run_heads_on_board(top, parameters, options, transport, target="ecp5"):
    """`thresher run sofa`: heads of an ``.npz``, or the shipped one that fits, through a device.

    Parameters
    ----------
    top : SofaTop
    parameters : SofaParameters
    options : SimulationOptions
        Of which those of the simulator have no meaning.
    transport : Transport
        What the generated driver asks for.
    target : str
        What the device was built for.

    Returns
    -------
    dict
        The report of the run. ``cycles`` are those of the device, from the first word in to the last word out, and
        mostly waits for the line; ``seconds`` are those of the host.

    Raises
    ------
    ThresherError
        The device is another one, reports an error or does not answer.
    """
    options.refuse_others(top.name, _UNDERSTOOD)
    p = parameters
    inputs, selection, heads, scales = plan_inputs(p, options)
    shell = top.build(p, target)
    # No Verilog is needed for a driver: it is the parameters that it checks.
    driver = load_driver(python_driver(Manifest.of(shell, "", [], target=target, files=[]), TRAILER_MARKER), top.name)
    try:
        device = driver.Device(transport)
        if p.counters:
            device.clear_counters()
        if p.generator_rows:
            transport.serve(fetch_rows(heads, p))
        first = len(getattr(transport, "requests", ()))
        start = time.perf_counter()
        body = device.run(pack_task(heads, p))
        seconds = time.perf_counter() - start
        registers = {f"counter_{name}": value for name, value in device.counters().items()}
    except (driver.DeviceError, TransportError) as error:
        raise ThresherError(f"the device failed: {error}") from error
    trailer = bytes([0, TRAILER_MARKER]).ljust(p.bus_width // 8, b"\0")
    run = check_heads_run(heads, p, body + trailer, registers, getattr(transport, "requests", [])[first:])
    outputs = float_outputs(run, scales)
    report = {
        "top": top.name, "parameters": dataclasses.asdict(p), "bit_exact": not run.mismatches,
        "mismatches": run.mismatches[:10], "mismatch_count": len(run.mismatches),
        "cycles": run.counters.get("cycles"), "accuracy": accuracy(inputs, heads, outputs, run.selected),
        "keep": selection.keep, "policy": selection.policy, "counters": run.counters, "seconds": seconds,
    }
    if run.generated is not None:
        report["kv_union_ratio"] = float(run.generated.mean())
    write_outputs(options.output, inputs, run, outputs)
    return report
