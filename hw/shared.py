"""Components that are elaborated once and instanced many times."""

import inspect
import re

from amaranth.hdl import ClockSignal, Elaboratable, Instance, ResetSignal, Signal, ValueCastable
from amaranth.lib import wiring
from amaranth.lib.wiring import In

__all__ = ["SharedComponent", "flat_ports", "shared", "snake_case"]


def snake_case(name):
    """Convert a class name to the spelling of a module name: ``FIFOReader`` becomes ``fifo_reader``."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"\W+", "_", name).strip("_").lower() or "module"


def flat_ports(component):
    """List the ports of a component as they appear on its Verilog module.

    Parameters
    ----------
    component : :class:`amaranth.lib.wiring.Component`
        Any object with a signature.

    Yields
    ------
    tuple of (str, :class:`amaranth.hdl.Value`, bool)
        Flattened name (path elements joined by ``__``), value, and whether it is an input of the component.
        Ports of width 0 do not exist in Verilog and are left out.
    """
    for path, member, value in component.signature.flatten(component):
        if isinstance(value, ValueCastable):
            value = value.as_value()
        if len(value):
            yield "__".join(map(str, path)), value, member.flow is In


def shared(component_class, *args, **kwargs):
    """Make a component whose Verilog module is emitted once, however often it is used.

    In simulation, and in every conversion that knows nothing about sharing, the returned object elaborates to
    ``component_class(*args, **kwargs)`` itself. While a design is emitted it elaborates to an instance of a
    Verilog module, and all uses with equal class and arguments instance the same module.

    Sharing nests. ``ResetInserter`` and ``EnableInserter`` around a parent act on the shared component as
    they do on any other; the component itself must live in the ``sync`` domain alone and must not read
    ``ResetSignal()``.

    Parameters
    ----------
    component_class : type
        A subclass of :class:`amaranth.lib.wiring.Component`.
    *args, **kwargs
        Its arguments. They identify the module, so they must be hashable (a frozen dataclass, an integer,
        a layout).

    Returns
    -------
    :class:`SharedComponent`
        A component with the signature of ``component_class(*args, **kwargs)``; ports and plain attributes
        (``latency``) read through to it.

    Raises
    ------
    TypeError
        If the class is not a component class, or an argument is not hashable.
    """
    if not (isinstance(component_class, type) and issubclass(component_class, wiring.Component)):
        raise TypeError(f"Shared class must be a subclass of wiring.Component, not {component_class!r}")
    key = _key(component_class, args, kwargs)
    return SharedComponent(key, lambda: component_class(*args, **kwargs), component_class(*args, **kwargs),
                           src_loc_at=1)


class SharedComponent(wiring.Component):
    """A use of a shared component; see :func:`shared`, which makes it.

    Members
    -------
    All members and attributes of the component it stands for.
    """

    def __init__(self, key, factory, component, *, src_loc_at=0):
        self._key, self._factory, self._component = key, factory, component
        # Wiring code looks ports up by plain attribute access, so the component has to exist; only one of
        # many is ever elaborated, and the others are not mistakes of the user.
        _mark_used(component)

    # `Component.__init__` is deliberately not called: it would make a second set of ports.
    @property
    def signature(self):
        """Signature of the component this object stands for."""
        return self._component.signature

    def __getattr__(self, name):
        if name == "_component":
            raise AttributeError(name)
        return getattr(self._component, name)

    def __repr__(self):
        return f"shared({self._component!r})"

    def elaborate(self, platform):
        share = getattr(platform, "share", None)
        if share is None:
            return self._component

        module = share(self._key, self._factory, snake_case(type(self._component).__name__))
        ports = {("i_" if is_input else "o_") + name: value
                 for name, value, is_input in flat_ports(self._component)}
        instance = Instance(module, i_clk=ClockSignal(), i_rst=ResetSignal(allow_reset_less=True), **ports)
        # `ResetInserter` and `EnableInserter` rewrite the assignments of a fragment, of which an instance has
        # none, and pass it by. This one assignment lets them leave their controls behind; the emission turns
        # what they made of it into the reset and enable inputs of the instance.
        probe = Signal(name="control_probe")
        instance.add_statements("sync", probe.eq(1))
        return instance


def _key(component_class, args, kwargs):
    call = inspect.signature(component_class)
    try:
        bound = call.bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"Shared {component_class.__name__} has other arguments: {error}") from None
    bound.apply_defaults()
    key = []
    for name, value in bound.arguments.items():
        if call.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            value = tuple(sorted(value.items()))
        try:
            hash(value)
        except TypeError:
            raise TypeError(f"Argument {name!r} of shared {component_class.__name__} must be hashable, "
                            f"not {value!r}") from None
        key.append((name, _typed(value)))
    return component_class, tuple(key)


def _typed(value):
    # 1, True and 1.0 are equal keys, yet may build different hardware.
    return (tuple, *map(_typed, value)) if isinstance(value, tuple) else (type(value), value)


def _mark_used(value):
    if isinstance(value, Elaboratable):
        if value._MustUse__used:
            return
        value._MustUse__used = True
        value = vars(value)
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return
    for item in value:
        _mark_used(item)
