"""The top around an engine, with AXI ports."""

import dataclasses
import enum

from amaranth.hdl import Module, Mux, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from hw.shared import flat_ports
from hw.stream import Buffer, Word

from .axi_lite import AxiLite, AxiLiteSignature
from .counters import SHELL_COUNTERS, CounterBank, CycleTimer
from .engine import REQUEST_WIDTH, EngineSignature
from .engine_reset import EngineReset
from .fetch_port import FetchPort
from .packets import InputGate, OutputGuard
from .register_bank import RegisterBank
from .register_map import ShellError, scalar_parameters, shell_counters, shell_registers

__all__ = ["Shell"]


class Shell(wiring.Component):
    """Wraps an engine into a top with AXI4-Lite registers, AXI4-Stream data and an interrupt.

    Input beats pass a register, then the engine, then another register: 2 cycles on top of the latency of the
    engine, at one beat a cycle. The AXI4-Lite part is :class:`~hw.shell.axi_lite.AxiLite`, the registers are
    those of :func:`~hw.shell.register_map.shell_registers`.

    A reset of the engine takes ``2 * RESET_CYCLES`` cycles, in which no input is accepted.

    A soft reset abandons every task that is in the shell: the engine and the input register are reset, the
    rest of an open input packet is taken from the host and thrown away, an open output packet is closed by a
    trailer with the code ``SOFT_RESET``. Output beats in the output register stay until taken. A task that
    had put nothing out leaves no packet. If there was anything to abandon, ``SOFT_RESET`` is recorded as
    an error; abandoned tasks count neither as done nor as failed. Rows that were asked for before are still to be
    sent, and are thrown away; until the last of them has come the shell is busy.

    With ``enable`` low no new input packet is accepted; one that is open, and what the engine holds, goes on.

    The error register keeps the first error; of errors in the same cycle the engine's comes first, then the
    soft reset, then the register access. ``interrupt`` follows the pending bits by 1 cycle.

    Parameters
    ----------
    engine : :class:`amaranth.lib.wiring.Component`
        Component with an :class:`~hw.shell.engine.EngineSignature` and the attributes that go with it.
    name : str
        Name of the top, a lower-case identifier.
    version : str
        Version of the generator, ``"MAJOR.MINOR.PATCH"``.
    counters : bool
        Whether to have counters. Without, they take no hardware and are not in the register map.
    fingerprint : int or None
        What ``parameters_hash`` reads; computed from the engine's parameters if not given.

    Members
    -------
    s_axi_* : AXI4-Lite subordinate, 32 bits of data, 12 bits of address
    s_axis_tdata, s_axis_tvalid, s_axis_tready, s_axis_tlast : AXI4-Stream of task packets
    m_axis_tdata, m_axis_tkeep, m_axis_tvalid, m_axis_tready, m_axis_tlast : AXI4-Stream of result packets
        All bytes are always valid.
    m_axis_fetch_tdata, m_axis_fetch_tvalid, m_axis_fetch_tready : AXI4-Stream of requests, 32 bits each
        Only if the engine fetches rows, see :class:`~hw.shell.fetch_port.FetchPort`.
    s_axis_fetch_tdata, s_axis_fetch_tvalid, s_axis_fetch_tready, s_axis_fetch_tlast : AXI4-Stream of rows
        Only if the engine fetches rows: one packet for each request, in the order of the requests.
    interrupt : ``Out(1)``
        High while an interrupt is pending and enabled.

    Raises
    ------
    TypeError
        If ``engine`` is not an engine.
    ValueError
        If its error codes, parameters or counters do not fit, or ``name`` or ``version`` is malformed.
    """

    def __init__(self, engine, name, version="0.0.0", *, counters=True, fingerprint=None):
        _check_engine(engine)
        self._engine, self._name, self._version = engine, name, version
        self._has_counters = bool(counters)
        self._registers = shell_registers(engine, name, version, counters=self._has_counters,
                                          fingerprint=fingerprint)
        self._bus_width = engine.signature.bus_width
        axi_lite = AxiLiteSignature().flip().members
        fetch = {
            "m_axis_fetch_tdata": Out(REQUEST_WIDTH),
            "m_axis_fetch_tvalid": Out(1),
            "m_axis_fetch_tready": In(1),
            "s_axis_fetch_tdata": In(self._bus_width),
            "s_axis_fetch_tvalid": In(1),
            "s_axis_fetch_tready": Out(1),
            "s_axis_fetch_tlast": In(1),
        }
        super().__init__({
            **{f"s_axi_{signal}": member for signal, member in axi_lite.items()},
            "s_axis_tdata": In(self._bus_width),
            "s_axis_tvalid": In(1),
            "s_axis_tready": Out(1),
            "s_axis_tlast": In(1),
            "m_axis_tdata": Out(self._bus_width),
            "m_axis_tkeep": Out(self._bus_width // 8),
            "m_axis_tvalid": Out(1),
            "m_axis_tready": In(1),
            "m_axis_tlast": Out(1),
            **(fetch if engine.signature.fetch else {}),
            "interrupt": Out(1),
        })

    @property
    def engine(self):
        """The engine inside."""
        return self._engine

    @property
    def name(self):
        """Name of the top."""
        return self._name

    @property
    def version(self):
        """Version of the generator."""
        return self._version

    @property
    def bus_width(self):
        """Width of TDATA in bits."""
        return self._bus_width

    @property
    def registers(self):
        """The :class:`~hw.shell.registers.RegisterMap`."""
        return self._registers

    @property
    def counters(self):
        """Descriptions of all counters in the order of their registers; empty if there are none."""
        return shell_counters(self._engine) if self._has_counters else ()

    @property
    def error_codes(self):
        """Name of every error code the shell and its engine can report, by code."""
        return {code.value: code.name for code in (*self._engine.error_codes, *ShellError)}

    def verilog_ports(self):
        """Ports of the top for ``verilog.convert(ports=...)`` under their exact names.

        ``clk`` and ``rst``, the clock and the synchronous active-high reset, are not among them: the
        conversion adds both under these names.

        Returns
        -------
        dict of str to (:class:`amaranth.hdl.Value`, PortDirection)
        """
        # Amaranth names the directions of `ports=` nowhere in its public interface.
        from amaranth.hdl._ir import PortDirection
        return {name: (value, PortDirection.Input if is_input else PortDirection.Output)
                for name, value, is_input in flat_ports(self)}

    def to_dict(self):
        """The shell's part of a manifest, as plain lists, dicts, strings and integers."""
        return {
            "name": self._name,
            "version": self._version,
            "bus_width": self._bus_width,
            "ports": [
                {"name": "clk", "direction": "input", "width": 1},
                {"name": "rst", "direction": "input", "width": 1},
                *({"name": name, "direction": "input" if is_input else "output", "width": len(value)}
                  for name, value, is_input in flat_ports(self)),
            ],
            "registers": self._registers.to_dict(),
            "parameters": [
                {"name": name, "value": value, "address": self._registers[f"parameter_{name}"].address}
                for name, value in scalar_parameters(self._engine.parameters).items()
            ],
            "counters": [
                {"name": counter.name, "unit": counter.unit, "kind": counter.kind, "doc": counter.doc,
                 "address": self._registers[f"counter_{counter.name}"].address}
                for counter in self.counters
            ],
            "error_codes": [{"code": code, "name": name} for code, name in sorted(self.error_codes.items())],
        }

    def elaborate(self, platform):
        m = Module()

        m.submodules.axi_lite = axi_lite = AxiLite()
        m.submodules.registers = registers = RegisterBank(self._registers)
        connect(m, front_end=axi_lite.request, bank=registers.request)
        connect(m, front_end=axi_lite.response, bank=registers.response)
        for signal, member in AxiLiteSignature().members.items():
            inside, outside = getattr(axi_lite.bus, signal), getattr(self, f"s_axi_{signal}")
            m.d.comb += inside.eq(outside) if member.flow is Out else outside.eq(inside)

        soft_reset = registers.control.soft_reset.value
        engine, word = self._engine, Word(self._bus_width)
        m.submodules.engine_reset = engine_reset = EngineReset()
        m.submodules.engine = ResetInserter(engine_reset.reset)(engine)
        alone = engine_reset.alone
        m.d.comb += engine_reset.request.eq(soft_reset)

        m.submodules.input_gate = gate = InputGate(self._bus_width)
        input_buffer = Buffer(word)
        m.submodules.input_buffer = ResetInserter(soft_reset)(input_buffer)
        m.d.comb += [
            gate.enable.eq(registers.control.enable.value & ~alone),
            gate.reset.eq(soft_reset),
            gate.i.p.data.eq(self.s_axis_tdata),
            gate.i.p.last.eq(self.s_axis_tlast),
            gate.i.valid.eq(self.s_axis_tvalid),
            self.s_axis_tready.eq(gate.i.ready),
        ]
        connect(m, gate=gate.o, buffer=input_buffer.i)
        connect(m, buffer=input_buffer.o, engine=engine.i)

        m.submodules.output_guard = guard = OutputGuard(self._bus_width, error=ShellError.SOFT_RESET)
        m.submodules.output_buffer = output_buffer = Buffer(word)
        m.d.comb += [guard.i.p.eq(engine.o.p), guard.i.valid.eq(engine.o.valid & ~alone),
                     engine.o.ready.eq(guard.i.ready)]
        connect(m, guard=guard.o, buffer=output_buffer.i)
        m.d.comb += [
            guard.reset.eq(soft_reset),
            self.m_axis_tdata.eq(output_buffer.o.p.data),
            self.m_axis_tlast.eq(output_buffer.o.p.last),
            self.m_axis_tkeep.eq(~0),
            self.m_axis_tvalid.eq(output_buffer.o.valid),
            output_buffer.o.ready.eq(self.m_axis_tready),
        ]

        input_taken = self.s_axis_tvalid & self.s_axis_tready
        input_open = gate.open & ~gate.draining
        output_open = guard.open & ~guard.closing
        in_engine = input_open | input_buffer.o.valid | (engine.busy & ~alone) | output_open
        busy = in_engine | gate.open | guard.open | self.m_axis_tvalid
        if engine.signature.fetch:
            busy |= self._elaborate_fetch(m, soft_reset, alone)
        # A packet that is accepted in the cycle of the soft reset is abandoned, too.
        abandoned = soft_reset & (in_engine | (input_taken & ~gate.draining))
        # `busy` may end a long path inside the engine.
        m.d.sync += registers.status.busy.value.eq(busy | alone)
        m.d.comb += [
            registers.status.input_open.value.eq(gate.open),
            registers.status.output_open.value.eq(guard.open | self.m_axis_tvalid),
        ]
        self._elaborate_tasks(m, registers, abandoned, alone)
        if self._has_counters:
            working = Signal()
            m.d.sync += working.eq(busy)
            self._elaborate_counters(m, registers, input_open, input_taken, working, alone)
        return m

    def _elaborate_fetch(self, m, soft_reset, alone):
        """Requests and rows; returns whether any request is pending."""
        m.submodules.fetch_port = port = FetchPort(self._bus_width)
        fetch = self._engine.fetch
        m.d.comb += [port.fetch.p.eq(fetch.p), port.fetch.valid.eq(fetch.valid & ~alone),
                     fetch.ready.eq(port.fetch.ready)]
        connect(m, port=port.fetched, engine=self._engine.fetched)
        m.d.comb += [
            port.reset.eq(soft_reset),
            self.m_axis_fetch_tdata.eq(port.request.payload),
            self.m_axis_fetch_tvalid.eq(port.request.valid),
            port.request.ready.eq(self.m_axis_fetch_tready),
            port.response.p.data.eq(self.s_axis_fetch_tdata),
            port.response.p.last.eq(self.s_axis_fetch_tlast),
            port.response.valid.eq(self.s_axis_fetch_tvalid),
            self.s_axis_fetch_tready.eq(port.response.ready),
        ]
        return port.pending != 0

    def _elaborate_tasks(self, m, registers, abandoned, alone):
        """Errors, interrupts and the counts of tasks."""
        done, failed, code, was_abandoned, refused = Signal(), Signal(), Signal(8), Signal(), Signal()
        result, error = self._engine.done, Signal(8)
        m.d.comb += result.ready.eq(1)
        m.d.sync += [
            done.eq(result.valid & ~alone), failed.eq(result.valid & ~alone & (result.p.error != 0)),
            code.eq(result.p.error),
            was_abandoned.eq(abandoned),
            refused.eq(registers.response.valid & registers.response.ready & registers.response.p.error),
        ]
        with m.If(failed):
            m.d.comb += error.eq(code)
        with m.Elif(was_abandoned):
            m.d.comb += error.eq(ShellError.SOFT_RESET.value)
        with m.Elif(refused):
            m.d.comb += error.eq(ShellError.BAD_REGISTER.value)

        tasks_done, tasks_failed = registers.tasks_done.value.value, registers.tasks_failed.value.value
        pending = registers.interrupt
        m.d.sync += [
            tasks_done.eq(tasks_done + done),
            tasks_failed.eq(tasks_failed + failed),
            # Errors and interrupts are recorded two cycles after they happen.
            registers.error.code.set.eq(error), pending.task_done.set.eq(done),
            pending.error.set.eq(failed | was_abandoned | refused),
            self.interrupt.eq(registers.control.interrupt_enable.value
                              & (pending.task_done.value | pending.error.value)),
        ]
        m.d.comb += [
            registers.status.done_pending.value.eq(pending.task_done.value),
        ]

    def _elaborate_counters(self, m, registers, input_open, input_taken, working, alone):
        clear = registers.control.clear_counters.value
        output_taken = self.m_axis_tvalid & self.m_axis_tready

        m.submodules.cycle_timer = timer = CycleTimer()
        m.d.comb += [
            timer.clear.eq(clear),
            timer.start.eq(input_taken),
            timer.stop.eq(output_taken & self.m_axis_tlast),
            registers.counter_cycles.value.value.eq(timer.value),
        ]

        m.submodules.counters = bank = CounterBank((*SHELL_COUNTERS, *self._engine.counters))
        m.d.comb += [
            bank.clear.eq(clear),
            bank.events.input_stalled.eq(input_open & self.s_axis_tready & ~self.s_axis_tvalid),
            bank.events.output_stalled.eq(self.m_axis_tvalid & ~self.m_axis_tready),
            bank.events.input_words.eq(input_taken),
            bank.events.output_words.eq(output_taken),
            bank.events.busy.eq(working),
        ]
        for counter in self._engine.counters:
            m.d.comb += bank.events[counter.name].eq(Mux(alone, 0, self._engine.events[counter.name]))
        for counter in (*SHELL_COUNTERS, *self._engine.counters):
            register = getattr(registers, f"counter_{counter.name}")
            m.d.comb += register.value.value.eq(bank.values[counter.name])


def _check_engine(engine):
    if not isinstance(engine, wiring.Component) or not isinstance(engine.signature, EngineSignature):
        raise TypeError(f"Engine must be a component with an EngineSignature, not {engine!r}")
    for attribute in ("counters", "error_codes", "parameters"):
        if not hasattr(engine, attribute):
            raise TypeError(f"Engine {engine!r} must have the attribute {attribute!r}")
    if tuple(engine.counters) != engine.signature.counters:
        raise ValueError(f"Engine counters must be those of its signature, not {tuple(engine.counters)!r}")
    if not dataclasses.is_dataclass(engine.parameters) or isinstance(engine.parameters, type):
        raise TypeError(f"Engine parameters must be a dataclass object, not {engine.parameters!r}")
    codes = engine.error_codes
    if not isinstance(codes, type) or not issubclass(codes, enum.Enum):
        raise TypeError(f"Engine error codes must be an enum.Enum, not {codes!r}")
    if "NONE" not in codes.__members__ or codes["NONE"].value != 0:
        raise ValueError(f"Engine error codes must have a member NONE with value 0, not {list(codes)!r}")
    for code in codes:
        if not isinstance(code.value, int) or not 0 <= code.value <= 127:
            raise ValueError(f"Engine error code must be between 1 and 127, not {code!r}")
