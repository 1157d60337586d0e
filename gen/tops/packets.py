"""Packets through the emitted Verilog of a top, and what a report says about all of its simulations."""

from gen.errors import ThresherError
from sim.runner import SimulationError, simulate

__all__ = ["run_packets", "totals", "unpacked"]


def totals(simulations):
    """Keys of a report about all simulations of a run: ``seed``, ``counters``, ``seconds``, ``kcycles_per_second``."""
    names = [name for name in simulations[0].registers if name.startswith("counter_")]
    return {
        "seed": simulations[0].seed,
        "counters": {name.removeprefix("counter_"): sum(result.registers[name] for result in simulations)
                     for name in names},
        "seconds": sum(result.seconds for result in simulations),
        "kcycles_per_second": sum(result.total_cycles for result in simulations) / sum(
            result.total_cycles / result.kcycles_per_second for result in simulations),
    }


def run_packets(top, verilog, registers, packets, parameters, **options):
    """Simulate packets, and read all registers behind them; the result of :func:`sim.runner.simulate`.

    Raises
    ------
    ThresherError
        The hardware broke a rule of its buses, or hung.
    """
    try:
        return simulate(
            verilog, top, packets, bus_width=parameters.bus_width, max_idle_cycles=1_000_000,
            registers_to_read={name: entry["address"] for name, entry in registers.items()}, **options)
    except SimulationError as error:
        raise ThresherError(f"the simulation failed: {error}") from error


def unpacked(unpack, *arguments, **options):
    """Results of packets by one of the host's functions, of tasks that have not failed.

    Raises
    ------
    ThresherError
        The task failed, or the packet is not what its task says.
    """
    try:
        outputs, code = unpack(*arguments, **options)
    except ValueError as error:
        raise ThresherError(f"the hardware broke its own format: {error}") from error
    if code:
        raise ThresherError(f"the hardware ended the task with error code {code}")
    return outputs
