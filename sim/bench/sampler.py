"""Registers read again and again while a job runs."""

from cocotb.triggers import Lock

__all__ = ["Sampler"]


class Sampler:
    """Reads some registers over and over, as a driver on a board would: the design is not touched.

    One round reads all of them, one after another, and each value is kept with the cycle of its own answer, so that
    the difference of two values of a register is what happened in the difference of their cycles.

    Parameters
    ----------
    registers : Registers
    clocking : Clocking
    addresses : dict of str to int
        Byte address of each register by name.
    every : int
        Cycles from the start of a round to that of the next; a round that takes longer is followed by the next at
        once.

    Attributes
    ----------
    samples : dict of str to list of (int, int)
        Cycle and value of each answer, by name.
    """

    def __init__(self, registers, clocking, addresses, every):
        self._registers = registers
        self._clocking = clocking
        self._addresses = addresses
        self._every = every
        self._reading = Lock()
        self.samples = {name: [] for name in addresses}

    async def run(self):
        """Sample until the end of the job."""
        while True:
            begin = self._clocking.cycle
            async with self._reading:
                await self._round()
            await self._clocking.wait(max(1, begin + self._every - self._clocking.cycle))

    async def finish(self):
        """Take the last sample; `run` takes none after it."""
        # Never released: a round that `run` might begin now would only delay the end.
        await self._reading.acquire()
        await self._round()

    async def _round(self):
        for name, address in self._addresses.items():
            value, _ = await self._registers.read(address, stalled=False)
            self.samples[name].append((self._clocking.cycle, value))
