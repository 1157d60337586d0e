"""The bench around one top: clock, reset, bus partners, checks, and a watch for a standstill."""

import random
import time

import cocotb
from cocotb.triggers import gather, select

from .axi_stream import StreamSink, StreamSource
from .checks import Violations, is_high, watch_channel, watch_unknown
from .clocking import Clocking
from .exchange import read_rows, write_progress
from .failure import BenchError
from .fetch import FetchHost
from .registers import Registers
from .sampler import Sampler
from .script import WaitCycles, decode_script
from .script_player import ScriptPlayer

__all__ = ["Bench"]

_RESET_CYCLES = 4
#: A word that leaves in so many cycles after the last expected one is still seen.
_DRAIN_CYCLES = 16
_LOOKS_BEFORE_HANG = 4
_TELL_SECONDS = 0.2

_CONTROL_OUTPUTS = (
    "interrupt",
    "s_axi_awready",
    "s_axi_wready",
    "s_axi_bvalid",
    "s_axi_arready",
    "s_axi_rvalid",
    "s_axis_tready",
    "m_axis_tvalid",
    "s_axis_fetch_tready",
    "m_axis_fetch_tvalid",
)


class Bench:
    """Runs one job on a top.

    Parameters
    ----------
    dut : HierarchyObject
    job : dict
        As `sim.runner.simulate` writes it.
    packets : list of bytes
        Input packets.
    directory : str
        Where the rows are, and progress is told.
    """

    def __init__(self, dut, job, packets, directory):
        self.dut = dut
        self._directory = directory
        self._told = time.perf_counter()
        self._job = job
        self._packet_count = len(packets)
        self.clocking = Clocking(dut.clk)
        self.violations = Violations(self.clocking)
        width, stall, seed = job["bus_width"], job["stall"], job["seed"]
        if len(dut.s_axis_tdata) != width or len(dut.m_axis_tdata) != width:
            raise BenchError(
                f"the top's streams are {len(dut.s_axis_tdata)} and {len(dut.m_axis_tdata)} bits wide, "
                f"not {width}"
            )
        # One generator each: what one side draws does not move the other.
        self.source = StreamSource(dut, self.clocking, packets, width, stall, random.Random(f"source {seed}"))
        self.sink = StreamSink(
            dut, self.clocking, width, stall, random.Random(f"sink {seed}"), self.violations
        )
        self.fetch = None
        if hasattr(dut, "m_axis_fetch_tdata"):
            rows, latency = read_rows(directory), job["fetch_latency"]
            self.fetch = FetchHost(dut, self.clocking, rows, latency, width, stall, seed, self.violations)
        self._partners = [partner for partner in (self.source, self.sink, self.fetch) if partner is not None]
        self.registers = Registers(dut, self.clocking, stall, random.Random(f"registers {seed}"))
        self._sampler = None
        if job["sample"]:
            self._sampler = Sampler(self.registers, self.clocking, job["sample"], job["sample_every"])
        self._script = ScriptPlayer(decode_script(job["script"]), self)
        self._register_values = {}
        self._kilocycles_per_second = 0.0

    async def reset(self, cycles):
        """Hold ``rst`` for `cycles`, the bus partners let go."""
        for partner in self._partners:
            partner.stop()
        self.dut.rst.value = 1
        await self.clocking.wait(cycles)
        self.dut.rst.value = 0
        for partner in self._partners:
            partner.start()

    async def run(self):
        """Play the whole job."""
        self.clocking.start()
        self._script.play_immediate()
        await self.reset(_RESET_CYCLES)
        # The edge that ended the reset has to pass before outputs mean anything.
        await self.clocking.edge
        # Before the bus model, which does not survive X.
        self._start_checks()
        self.registers.connect()
        start_time, start_cycle = time.perf_counter(), self.clocking.cycle
        try:
            sampling = () if self._sampler is None else (self._sampler.run(),)
            await select(self._work(), self._watch(), *sampling)
        finally:
            seconds = time.perf_counter() - start_time
            self._kilocycles_per_second = (self.clocking.cycle - start_cycle) / seconds / 1000

    def _start_checks(self):
        dut = self.dut
        for name, fields in {"b": ("bresp",), "r": ("rdata", "rresp")}.items():
            payload = {f"s_axi_{field}": getattr(dut, f"s_axi_{field}") for field in fields}
            valid, ready = getattr(dut, f"s_axi_{name}valid"), getattr(dut, f"s_axi_{name}ready")
            cocotb.start_soon(
                watch_channel(self.clocking, f"s_axi_{name}", valid, ready, payload, self.violations)
            )
        if self._job["simulator"] == "icarus":
            # Verilator knows two states only.
            ports = {name: getattr(dut, name) for name in _CONTROL_OUTPUTS if hasattr(dut, name)}
            cocotb.start_soon(watch_unknown(self.clocking, ports, self.violations))

    async def _work(self):
        await gather(
            self._script.play(),
            self.source.idle.wait(),
            self.sink.progress.reach("packets", self._job["expected_packets"]),
        )
        await self.clocking.wait(_DRAIN_CYCLES)
        if self._sampler is not None:
            await self._sampler.finish()
        for name, address in self._job["registers"].items():
            try:
                self._register_values[name], _ = await self.registers.read(address)
            except BenchError as error:
                raise BenchError(f"{error} ({name})") from None

    async def _watch(self):
        limit, idle_limit = self._job["max_cycles"], self._job["max_idle_cycles"]
        interval = max(1, idle_limit // _LOOKS_BEFORE_HANG)
        state, looks = None, 0
        while True:
            cycles = interval if limit is None else min(interval, limit - self.clocking.cycle)
            if cycles <= 0:
                raise BenchError(f"not at its end after {limit} cycles: {self._waiting_for()}", hang=True)
            await self.clocking.wait(cycles)
            self._tell()
            fetched = self.fetch.words if self.fetch is not None else None
            now = (self.source.progress.words, self.sink.progress.words, fetched, self._script.done)
            # A script that counts cycles will come to its end.
            moves = now != state or isinstance(self._script.current, WaitCycles)
            looks = 0 if moves else looks + 1
            state = now
            if looks >= _LOOKS_BEFORE_HANG:
                raise BenchError(f"nothing moved for {idle_limit} cycles: {self._waiting_for()}", hang=True)

    def _tell(self):
        now = time.perf_counter()
        if now - self._told > _TELL_SECONDS:
            self._told = now
            packets = self.source.progress.packets, self.sink.progress.packets
            write_progress(self._directory, self.clocking.cycle, *packets)

    def _waiting_for(self):
        source, sink, expected = self.source.progress, self.sink.progress, self._job["expected_packets"]
        waits = []
        if self.source.offering and not is_high(self.dut.s_axis_tready):
            waits.append(f"input word {source.words} waits for s_axis_tready")
        if sink.packets < expected:
            waits.append("output waits for m_axis_tvalid" if not is_high(self.dut.m_axis_tvalid) else "")
        if self.fetch is not None:
            waits += self.fetch.waits()
        if self._script.current is not None:
            waits.append(f"the script waits in step {self._script.done}, {self._script.current}")
        return (
            f"{', '.join(filter(None, waits)) or 'words still move'}; "
            f"{source.packets} of {self._packet_count} packets in ({source.words} words), "
            f"{sink.packets} of {expected} packets out ({sink.words} words)"
        )

    def outcome(self):
        """What the run has given so far: JSON values and the output packets."""
        inputs, outputs = self.source.progress, self.sink.progress
        cycles = 0
        if inputs.first is not None and outputs.latest is not None:
            cycles = outputs.latest - inputs.first + 1
        values = {
            "registers": self._register_values,
            "reads": self._script.reads,
            "samples": {} if self._sampler is None else self._sampler.samples,
            "cycles": cycles,
            "input_cycles": inputs.cycles,
            "output_cycles": outputs.cycles,
            "output_word_cycles": self.sink.word_cycles,
            "input_words": inputs.words,
            "output_words": outputs.words,
            "fetches": [],
            "fetch_cycles": [],
            "total_cycles": self.clocking.cycle,
            "violations": list(self.violations),
            "kcycles_per_second": self._kilocycles_per_second,
        }
        if self.fetch is not None:
            values |= self.fetch.outcome()
        return values, self.sink.packets
