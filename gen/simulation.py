"""What a user may ask of a simulation, checked once for every top."""

from dataclasses import dataclass, fields
from pathlib import Path

from gen.errors import ThresherError
from sim.runner.tools import SIMULATORS

__all__ = ["NETLISTS", "POLICIES", "SIMULATORS", "SimulationOptions"]

POLICIES = ("quota", "merge")
NETLISTS = ("ecp5",)
MODES = ("bpmm", "fft", "block")
GENERAL = frozenset({"simulator", "input", "output", "seed", "stall", "waves"})


def require(condition, sentence):
    if not condition:
        raise ThresherError(sentence)


@dataclass(frozen=True)
class SimulationOptions:
    """Options of `thresher sim`; those that are None or False were not given.

    Parameters
    ----------
    simulator : str
        ``verilator`` or ``icarus``.
    input, output, waves : pathlib.Path or None
        Tensors to run (``.npz``; None lets the top take its own), where to put the results (``.npz``), and
        where to put a waveform. `flaash` also reads and writes ``.csfbin``.
    seed : int
        Of random tensors and random stalls.
    stall : float
        Probability of a stall, 0 to under 1, on each stream and cycle.
    sample : int or None
        Cycles between two samples of the counters while the hardware works; None takes none.
    keep : float or None
        Share of the keys to keep, over 0 and up to 1.
    causal, compare_dense, from_tokens : bool
        Mask keys after the query; also run with all keys kept; make queries, keys and values from tokens.
    policy, mode, einsum, workload : str or None
        Of `sofa` (quota, merge), `butterfly` (bpmm, fft, block), `flaash` and `workflow`.
    input_b : pathlib.Path or None
        Second tensor of a contraction, beside a first one that is alone in its file (`flaash`).
    portions : int or None
        Parts of the contracted mode that are summed each on its own; None takes one (`flaash`).
    drop_zeros : bool
        Do not send results that are zero (`flaash`).
    netlist : str or None
        Target whose netlist, one of :data:`NETLISTS`, is run in place of the emitted Verilog; in Icarus only, which
        knows X: what the models of the cells do not define would be a defined value in Verilator.

    Raises
    ------
    ThresherError
        A value is out of its range.
    """

    simulator: str = "verilator"
    input: Path | None = None
    output: Path | None = None
    seed: int = 0
    stall: float = 0.0
    waves: Path | None = None
    sample: int | None = None
    keep: float | None = None
    causal: bool = False
    policy: str | None = None
    compare_dense: bool = False
    from_tokens: bool = False
    mode: str | None = None
    einsum: str | None = None
    input_b: Path | None = None
    portions: int | None = None
    drop_zeros: bool = False
    workload: str | None = None
    netlist: str | None = None

    def __post_init__(self):
        for name, values in (("simulator", SIMULATORS), ("policy", POLICIES), ("mode", MODES),
                             ("netlist", NETLISTS)):
            value = getattr(self, name)
            require(value in values or (value is None and name != "simulator"),
                    f"--{name} must be one of {', '.join(values)}, not {value!r}")
        require(self.netlist is None or self.simulator == "icarus",
                f"--netlist runs in icarus only, not in {self.simulator!r}; leave --simulator out")
        require(isinstance(self.seed, int) and self.seed >= 0,
                f"--seed must be an integer of at least 0, not {self.seed!r}")
        require(0 <= self.stall < 1, f"--stall must be a probability from 0 to under 1, not {self.stall!r}")
        require(self.sample is None or (isinstance(self.sample, int) and self.sample >= 1),
                f"--sample must be at least 1 cycle, not {self.sample!r}")
        require(self.keep is None or 0 < self.keep <= 1,
                f"--keep must be over 0 and at most 1, not {self.keep!r}")
        require(self.portions is None or (isinstance(self.portions, int) and self.portions >= 1),
                f"--portions must be an integer of at least 1, not {self.portions!r}")
        for path in (self.input, self.input_b):
            require(path is None or Path(path).is_file(), f"The input file {path} does not exist")

    def refuse_others(self, top, understood):
        """Refuse options that a top has no use for, so that none is ignored silently.

        Parameters
        ----------
        top : str
            Name of the top, for the message.
        understood : iterable of str
            Names of the options it understands, besides the general ones (simulator, files, seed, stall).

        Raises
        ------
        ThresherError
            Another option was given.
        """
        for field in fields(self):
            if field.name not in GENERAL and field.name not in understood \
                    and getattr(self, field.name) != field.default:
                raise ThresherError(f"The top {top} has no option --{field.name.replace('_', '-')}")
