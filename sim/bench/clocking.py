"""The clock, and counting it without waking for it."""

from cocotb.clock import Clock
from cocotb.simtime import get_sim_time
from cocotb.triggers import Timer

__all__ = ["Clocking"]

_PERIOD_NS = 2


class Clocking:
    """Drives ``clk`` from C++ and tells the number of the current cycle from the simulator's time.

    Parameters
    ----------
    clk : LogicObject
        The top's clock.

    Attributes
    ----------
    edge : RisingEdge
        Await it for the next rising edge. Values read then are those before the edge.
    """

    def __init__(self, clk):
        self._clock = Clock(clk, _PERIOD_NS, "ns", impl="gpi")
        self._steps = 0
        self.edge = clk.rising_edge

    def start(self):
        """Start the clock; the first rising edge, of cycle 0, comes half a period later."""
        self._clock.start(start_high=False)
        self._steps = self._clock._period_steps

    @property
    def cycle(self):
        """Number of the rising edge at, or before, the present time."""
        return (get_sim_time("step") - self._steps // 2) // self._steps

    async def wait(self, cycles):
        """Wait for `cycles` rising edges, asleep in between."""
        if cycles > 2:
            # Ends between two edges, so that no order of events within one time step matters.
            time = (cycles - 1) * self._steps
            offset = (get_sim_time("step") - self._steps // 2) % self._steps
            await Timer(time - offset + self._steps // 2, "step")
            cycles = 1
        for _ in range(cycles):
            await self.edge
