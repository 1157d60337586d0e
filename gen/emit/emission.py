"""Conversion of a design to one Verilog text in which each distinct component occurs once."""

from dataclasses import dataclass

from amaranth.back import rtlil
from amaranth.hdl import ClockDomain, EnableInserter, Fragment, Instance, Signal
from amaranth.hdl._dsl import Module
from amaranth.hdl._ir import PortDirection
from amaranth.hdl._xfrm import DomainCollector, TransformedElaboratable
from amaranth.lib import memory

from gen.emit.controls import take_controls
from gen.emit.netlist import Netlist
from gen.emit.verilog import write_verilog
from gen.errors import ThresherError
from hw.shared import SharedComponent, flat_ports, snake_case

__all__ = ["Emission", "EmittedModule", "emit_verilog"]

_ENABLE = "shared_enable"

#: Bits with a reset from which on an instance has a register for its reset.
_RESET_FAN_OUT = 128


@dataclass(frozen=True)
class EmittedModule:
    """What is known about one module of the emitted Verilog.

    Attributes
    ----------
    name : str
        Name of the Verilog module.
    source : str
        Qualified name of the Amaranth class it came from; empty for an unnamed part of another class.
    latency : int or None
        Latency in cycles, if the component states one.
    instances : int
        How many copies of the module the whole design holds.
    """

    name: str
    source: str
    latency: "int | None"
    instances: int


class _Shared:
    """A module that is to be emitted: one elaborated component and the ports it gets."""

    def __init__(self, label, factory):
        self.label, self.factory = label, factory
        self.component = self.fragment = None
        self.enable = None
        self.resolved = False
        self.clocked = False
        self.reset_bits = 0         # flip-flops that its reset goes to, without those behind a register of their own


class Emission:
    """The ``platform`` of a conversion, which remembers each distinct shared component.

    The reset of an instance that holds many flip-flops passes a register: one net to all flip-flops of a large design
    would be its slowest. It is left to the top to hold its reset until it is over everywhere
    (see :class:`hw.shell.engine_reset.EngineReset`).

    Parameters
    ----------
    name : str
        Name of the top module and prefix of all others.
    target : str or None
        What the design is emitted for (``"ecp5"``, ``"xilinx"``, ``"asic"``); components that choose vendor
        primitives may read it.
    """

    def __init__(self, name, *, target=None):
        self.name, self.target = name, target
        self._shared = {}   # key -> _Shared
        self._by_label = {}

    def share(self, key, factory, name):
        """Register one use of a shared component.

        Parameters
        ----------
        key : hashable
            Equal keys share a module.
        factory : callable
            Makes the component.
        name : str
            Readable name of the component, for the module's name.

        Returns
        -------
        str
            Module to instance; renamed to its final name at the end of the conversion.
        """
        if key not in self._shared:
            label = f"shared${len(self._shared)}${name}"
            self._shared[key] = self._by_label[label] = module = _Shared(label, factory)
            module.component = factory()
            module.fragment = Fragment.get(module.component, self)
        return self._shared[key].label

    def convert(self, component, *, ports=None):
        """Convert a component, and all shared components below it, to Verilog.

        Parameters
        ----------
        component : :class:`amaranth.lib.wiring.Component`
            The top.
        ports : dict of str to (:class:`amaranth.hdl.Value`, bool) or None
            Names of the top's ports, each with its signal and whether it is an input. The default flattens
            the signature and joins the path with ``__``.

        Returns
        -------
        tuple of (str, list of :class:`EmittedModule`)
            Verilog text and its modules, top first.

        Raises
        ------
        :class:`gen.errors.ThresherError`
            If the design uses a clock domain other than ``sync``, or the conversion fails.
        """
        netlist, sources = self.netlist(component, ports=ports)
        counts = netlist.count_instances(self.name)
        modules = [EmittedModule(name, *source[1:], counts[name]) for name, source in sources.items()]
        return write_verilog(netlist, self.name), modules

    def netlist(self, component, *, ports=None):
        """The modules of a component, and of all shared components below it, before they become Verilog.

        Parameters and errors are those of :meth:`convert`.

        Returns
        -------
        tuple of (:class:`~gen.emit.netlist.Netlist`, dict of str to tuple)
            The modules, and by their name, top first: name, qualified class and latency of what each comes from.
        """
        if isinstance(component, SharedComponent):
            raise TypeError(f"Top must be a component that is not shared, not {component!r}")
        top = _Shared(self.name, None)
        top.component, top.fragment = component, Fragment.get(component, self)
        self._resolve(top)
        if ports is None:
            ports = {name: (value, is_input) for name, value, is_input in flat_ports(component)}

        netlist, sources = Netlist(), {}
        self._add(netlist, sources, top, ports)
        while pending := [label for label in netlist.missing_modules() if label in self._by_label]:
            for label in pending:
                module = self._by_label[label]
                self._add(netlist, sources, module,
                          {name: (value, is_input) for name, value, is_input in flat_ports(module.component)})

        netlist.merge_equal_modules()
        names = netlist.rename(self.name, {old: source[0] for old, source in sources.items()})
        return netlist, {new: sources[old] for old, new in names.items()}

    def _resolve(self, module):
        """Connect clocks, resets and enables of the instances in a module, children first."""
        if module.resolved:
            return
        module.resolved = True
        for instance in _instances(module.fragment):
            if instance.type not in self._by_label:
                continue
            reset, enable = take_controls(instance)
            child = self._by_label[instance.type]
            self._resolve(child)
            if not child.clocked:
                del instance.ports["clk"], instance.ports["rst"]
                continue
            if reset is not None:
                instance.ports["rst"] = (instance.ports["rst"][0] | reset, "i")
            if child.reset_bits >= _RESET_FAN_OUT:
                # Kept, as synthesis would make one register of all that hold the same.
                register = Signal(name="reset_register", init=1, reset_less=True, attrs={"keep": 1})
                module.fragment.add_statements("sync", register.eq(instance.ports["rst"][0]))
                instance.ports["rst"] = (register, "i")
            else:
                module.reset_bits += child.reset_bits
            if enable is not None:
                child = self._with_enable(child)
                instance.type = child.label
                instance.ports[_ENABLE] = (enable, "i")
        module.reset_bits += sum(len(signal) for signal in _registers(module.fragment) if not signal.reset_less)
        collector = DomainCollector()
        collector(module.fragment)
        domains = collector.used_domains - collector.defined_domains
        if foreign := sorted(domains - {"sync"}):
            raise ThresherError(f"{type(module.component).__name__} uses clock domain {foreign[0]!r}, but a "
                                f"top and its shared components have only the domain 'sync'.")
        module.clocked = "sync" in domains

    def _with_enable(self, child):
        label = f"{child.label}$enable"
        if label not in self._by_label:
            self._by_label[label] = module = _Shared(label, child.factory)
            module.component, module.enable = child.factory(), Signal(name=_ENABLE)
            module.fragment = Fragment.get(EnableInserter(module.enable)(module.component), self)
            self._resolve(module)
        return self._by_label[label]

    def _add(self, netlist, sources, module, ports):
        fragment, design_ports = module.fragment, []
        if module.clocked:
            domain = ClockDomain("sync")
            fragment.add_domains(domain)
            ports = {"clk": (domain.clk, True), "rst": (domain.rst, True), **ports}
        if module.enable is not None:
            ports = {**ports, _ENABLE: (module.enable, True)}
        for name, (value, is_input) in ports.items():
            design_ports.append((name, value, PortDirection.Input if is_input else PortDirection.Output))
        design = fragment.prepare(ports=design_ports, hierarchy=(module.label,))
        for part, info in design.fragments.items():
            sources[".".join(info.name)] = _source(part, info.name, module)
        text, _names = rtlil.convert_fragment(design, name=module.label, emit_src=False)
        netlist.add(text)


def _instances(fragment):
    if type(fragment) is Instance:
        yield fragment
    for subfragment, _name, _src_loc in fragment.subfragments:
        yield from _instances(subfragment)


def _registers(fragment):
    """Signals of a fragment and of those below it that a clock drives."""
    for domain, statements in fragment.statements.items():
        if domain != "comb":
            # Amaranth names what a statement drives nowhere in its public interface.
            yield from statements._lhs_signals()
    for subfragment, _name, _src_loc in fragment.subfragments:
        yield from _registers(subfragment)


_WRAPPERS = (TransformedElaboratable, SharedComponent, Module, Fragment, memory.Memory)


def _source(fragment, path, module):
    """Readable module name, qualified class name and latency of a part of a design."""
    for origin in fragment.origins or ():
        if not isinstance(origin, _WRAPPERS):
            latency = getattr(origin, "latency", None)
            cls = type(origin)
            name = snake_case(cls.__name__)
            if len(path) == 1 and module.enable is not None:
                name += "_with_enable"
            return name, f"{cls.__module__}.{cls.__qualname__}", latency if isinstance(latency, int) else None
    return snake_case("_".join(path[1:])), "", None


def emit_verilog(component, name, *, target=None, ports=None):
    """Convert a component to Verilog; see :meth:`Emission.convert`.

    Returns
    -------
    tuple of (str, list of :class:`EmittedModule`)
        Verilog text and its modules, top first.
    """
    return Emission(name, target=target).convert(component, ports=ports)
