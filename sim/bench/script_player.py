"""Plays a script of `sim.bench.script` beside the streams."""

from . import script as steps
from .checks import is_high
from .failure import BenchError

__all__ = ["ScriptPlayer"]

_PAUSES = (steps.PauseInput, steps.PauseOutput, steps.PauseFetch)


class ScriptPlayer:
    """Does the steps one after another.

    Parameters
    ----------
    script : list of Step
    bench : Bench
        Whose streams, registers and reset the steps work on.

    Attributes
    ----------
    done : int
        Steps done so far.
    reads : list of dict
        Fields of a `RegisterRead` for each read.
    """

    def __init__(self, script, bench):
        self._script = script
        self._bench = bench
        self.done = 0
        self.reads = []

    @property
    def current(self):
        """The step under way, or ``None`` when the script is at its end."""
        return self._script[self.done] if self.done < len(self._script) else None

    def play_immediate(self):
        """Do the pauses the script begins with, before the first word is offered."""
        while isinstance(self.current, _PAUSES):
            self._brake(self.current)
            self.done += 1

    async def play(self):
        """Do what is left."""
        while self.current is not None:
            await self._play(self.current)
            self.done += 1

    @property
    def _fetch(self):
        if self._bench.fetch is None:
            raise BenchError(f"step {self.done} of the script, {self.current}, needs a top that fetches rows")
        return self._bench.fetch

    def _brake(self, step):
        match step:
            case steps.PauseInput() | steps.ResumeInput():
                partner = self._bench.source
            case steps.PauseOutput() | steps.ResumeOutput():
                partner = self._bench.sink
            case steps.PauseFetch() | steps.ResumeFetch():
                partner = self._fetch
        partner.pause() if isinstance(step, _PAUSES) else partner.resume()

    async def _play(self, step):
        bench = self._bench
        match step:
            case steps.WriteRegister():
                await bench.registers.write(step.address, step.value, step.response)
            case steps.ReadRegister():
                value, response = await bench.registers.read(step.address, step.response)
                self.reads.append(
                    {
                        "name": step.name,
                        "address": step.address,
                        "value": value,
                        "response": response,
                        "cycle": bench.clocking.cycle,
                    }
                )
            case steps.WaitInputWords():
                await bench.source.progress.reach("words", step.count)
            case steps.WaitOutputWords():
                await bench.sink.progress.reach("words", step.count)
            case steps.WaitInputPackets():
                await bench.source.progress.reach("packets", step.count)
            case steps.WaitOutputPackets():
                await bench.sink.progress.reach("packets", step.count)
            case steps.WaitFetches():
                await self._fetch.requests.progress.reach("packets", step.count)
            case steps.WaitCycles():
                await bench.clocking.wait(step.count)
            case steps.WaitInterrupt():
                await self._interrupt(step.level)
            case steps.WaitRegister():
                while (await bench.registers.read(step.address))[0] & step.mask != step.value:
                    await bench.clocking.wait(step.every)
            case steps.Reset():
                await bench.reset(step.count)
            case _:
                self._brake(step)

    async def _interrupt(self, level):
        port = self._bench.dut.interrupt
        while is_high(port) != bool(level):
            await (port.rising_edge if level else port.falling_edge)
            # Past the edge's own time step, so that a glitch does not count.
            await self._bench.clocking.edge
