"""The register port, through cocotbext-axi's AXI4-Lite master."""

import warnings

from cocotbext.axi import AxiLiteBus, AxiLiteMaster

from .failure import BenchError

__all__ = ["Registers"]


class Registers:
    """Reads and writes 32-bit registers over ``s_axi_*``.

    Parameters
    ----------
    dut : HierarchyObject
    clocking : Clocking
    stall : float
        Probability that each of the five channels rests in a cycle while an access is under way.
    random : random.Random
    """

    def __init__(self, dut, clocking, stall, random):
        self._dut = dut
        self._clocking = clocking
        self._stall = stall
        self._random = random
        self._master = None
        for name in ("awvalid", "wvalid", "bready", "arvalid", "rready"):
            getattr(dut, f"s_axi_{name}").value = 0

    def connect(self):
        """Begin; to be called after the first reset, as the bus model takes no X before it."""
        # cocotbext-axi still spells a few names as cocotb 1 did.
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="cocotbext")
        self._master = AxiLiteMaster(AxiLiteBus.from_prefix(self._dut, "s_axi"), self._dut.clk)
        write, read = self._master.write_if, self._master.read_if
        self._channels = (
            write.aw_channel,
            write.w_channel,
            write.b_channel,
            read.ar_channel,
            read.r_channel,
        )

    def _noise(self):
        while True:
            yield self._random.random() < self._stall

    async def _access(self, operation, stalled=True):
        if not (self._stall and stalled):
            return await operation
        # A pause generator wakes in each cycle, so it only runs during an access.
        for channel in self._channels:
            channel.set_pause_generator(self._noise())
        try:
            return await operation
        finally:
            for channel in self._channels:
                channel.clear_pause_generator()
                channel.pause = False

    @staticmethod
    def _check(what, address, answer, response):
        if response is not None and answer != response:
            raise BenchError(f"{what} of register 0x{address:03x} was answered {answer}, not {response}")

    async def write(self, address, value, response="OKAY"):
        """Write a register; return the response's name."""
        answer = await self._access(self._master.write(address, value.to_bytes(4, "little")))
        self._check("the write", address, answer.resp.name, response)
        return answer.resp.name

    async def read(self, address, response="OKAY", stalled=True):
        """Read a register, with the stalls of the job or without; return its value and the response's name."""
        answer = await self._access(self._master.read(address, 4), stalled)
        self._check("the read", address, answer.resp.name, response)
        return int.from_bytes(answer.data, "little"), answer.resp.name
