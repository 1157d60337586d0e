"""A FABNet block on the emitted Verilog of `butterfly`: the tasks of a layer, each on the results of those before."""

import dataclasses

import numpy as np

from gen.emit import emit_cached
from gen.errors import ThresherError
from sim.golden.butterfly import (
    FP16,
    BlockWeights,
    fabnet_block,
    fabnet_block_reference,
    layer_norm,
    random_block,
    stages_of,
)
from sim.golden.butterfly import residual as add
from sim.host.butterfly_norm import pack_norm_task, unpack_norm_result
from sim.workloads import shipped

from .arrays import load_arrays, write_arrays
from .butterfly_simulation import differences, run_vectors
from .packets import run_packets, totals, unpacked

__all__ = ["BLOCK_ARRAYS", "BlockRun", "run_block", "simulate_block"]

#: Arrays of a block's file, and their shapes: S tokens of N features, R N inside the feed-forward network.
BLOCK_ARRAYS = {
    "x": "(S, N)", "up": "(R, log2 N, N/2, 2, 2)", "down": "(log2 R N, R N/2, 2, 2)",
    "weight1": "(N,)", "bias1": "(N,)", "weight2": "(N,)", "bias2": "(N,)",
}
_RATIO = 4                   # R of a block that is drawn


@dataclasses.dataclass
class BlockRun:
    """What a run returned: parts, each a name with its simulations, result, golden result, and mismatches."""

    parts: list
    output: np.ndarray
    golden: np.ndarray
    mismatches: list

    @property
    def simulations(self):
        """All of them, in order."""
        return [result for _, results in self.parts for result in results]


class _Machine:
    """Sends tasks to the emitted Verilog, and keeps what each part took and where it differs."""

    def __init__(self, verilog, registers, parameters, options):
        self.verilog, self.registers, self.parameters, self.options = verilog, registers, parameters, options
        self.parts, self.mismatches = [], []

    def _done(self, part, simulations, mismatches):
        self.parts.append((part, simulations))
        self.mismatches += [{"step": part, **each} for each in mismatches]

    def transform(self, part, x, w=None, relu=False):
        """Vectors, or pairs of planes, by a butterfly matrix or a Fourier transform."""
        run = run_vectors(self.verilog, self.registers, x, w, self.parameters, relu=relu, **self.options)
        self._done(part, run.simulations, run.mismatches)
        return run.outputs

    def add_and_normalise(self, part, x, y, norm):
        """``norm(x + y)``."""
        p = self.parameters
        try:
            packet = pack_norm_task(x, p, y, norm)
        except ValueError as error:
            raise ThresherError(str(error)) from error
        result = run_packets("butterfly", self.verilog, self.registers, [packet], p, **self.options)
        output = unpacked(unpack_norm_result, result.packets[0], x.shape, p)
        self._done(part, [result], differences(output, layer_norm(add(x, y), *norm)))
        return output


def run_block(verilog, registers, x, weights, parameters, **options):
    """Tokens through a block: ``h = norm(x + mix(x))``, then ``norm(h + ffn(h))``.

    Transposing between the two Fourier transforms and putting features side by side is the host's; all arithmetic is
    done by the hardware.

    Parameters
    ----------
    verilog : path-like
    registers : dict of str to dict
    x : array of float16 (S, N)
    weights : BlockWeights
        Elements of float16, with the activation ``relu`` or ``none``, and the normalisations behind the sums.
    parameters : ButterflyParameters
        Of an accelerator with all modes.
    **options
        ``seed``, ``stall`` and ``simulator``, as for `run_vectors`.

    Returns
    -------
    BlockRun

    Raises
    ------
    ThresherError
        The accelerator does not take such a block, reported an error, broke a rule of its buses, or hung.
    """
    p = parameters
    if not (p.norm and p.fft and p.bpmm):
        raise ThresherError("a block needs an accelerator with all modes; build it with fft, bpmm and norm "
                            "(--set norm=true)")
    machine, features = _Machine(verilog, registers, p, options), x.shape[1]
    along_features = machine.transform("Fourier transform along the features", (x, np.zeros_like(x)))
    along_tokens = machine.transform("Fourier transform along the tokens", tuple(
        np.ascontiguousarray(plane.T) for plane in along_features))
    mixed = np.ascontiguousarray(along_tokens[0].T)
    h = machine.add_and_normalise("sum and normalisation behind the mixing", x, mixed, weights.norms[0])
    wide = np.concatenate([machine.transform("butterflies up", h, w, relu=weights.activation == "relu")
                           for w in weights.up], axis=1)
    narrow = np.ascontiguousarray(machine.transform("butterfly down", wide, weights.down)[:, :features])
    y = machine.add_and_normalise("sum and normalisation behind the network", h, narrow, weights.norms[1])
    golden = fabnet_block(x, weights)
    whole = [{"step": "block", **each} for each in differences(y, golden)]
    return BlockRun(machine.parts, y, golden, machine.mismatches + whole)


def simulate_block(top, parameters, options):
    """`thresher sim butterfly --mode block`: a block of an ``.npz``, or a random one on shipped or random tokens.

    Returns
    -------
    dict
        The report of the run.
    """
    options.refuse_others(top.name, {"mode"})
    p = parameters
    if p.arithmetic != "fp16":
        raise ThresherError(f"a block is of fp16, and arithmetic is {p.arithmetic!r}")
    if options.waves is not None:
        raise ThresherError("a block is many simulations; for a waveform run a batch, with --mode fft or bpmm")
    x, weights = _drawn(p, options.seed) if options.input is None else _checked(load_arrays(options.input),
                                                                               options.input)
    emitted = emit_cached(top, p)
    run = run_block(emitted.verilog, emitted.registers, x, weights, p, seed=options.seed, stall=options.stall,
                    simulator=options.simulator)
    if options.output is not None:
        write_arrays(options.output, y=run.output.astype(np.float32))
    parts = {}
    for part, simulations in run.parts:
        parts[part] = parts.get(part, 0) + sum(result.cycles for result in simulations)
    cycles, (tokens, features), ratio = sum(parts.values()), x.shape, len(weights.up)
    wide = ratio * features
    stages = stages_of(tokens) + (1 + ratio) * stages_of(features) + ratio * stages_of(wide)
    products = 2 * tokens * features * stages                # four a butterfly
    exact = fabnet_block_reference(x, weights)
    return {
        "top": top.name, "parameters": dataclasses.asdict(p), "simulator": options.simulator, "mode": "block",
        "tokens": tokens, "features": features, "features_inside": wide,
        "bit_exact": not run.mismatches, "mismatches": run.mismatches[:10], "mismatch_count": len(run.mismatches),
        "cycles": cycles, "cycles_by_part": parts, "utilisation": products / (p.multipliers * cycles),
        "accuracy": {"relative_error": float(np.linalg.norm(run.output - exact) / np.linalg.norm(exact))},
        "stall": options.stall, **totals(run.simulations),
    }


def _drawn(parameters, seed):
    """The shipped tokens, or random ones where they are too long, and a random block."""
    p, x = parameters, shipped("butterfly")["x"]
    if _RATIO * x.shape[1] > p.max_points:
        features = max(2, p.norm_lanes, p.max_points // _RATIO)
        x = np.random.default_rng(seed).standard_normal((min(64, p.max_points), features))
    block = random_block(x.shape[1], max(1, min(_RATIO, p.max_points // x.shape[1])), seed=seed)
    return FP16.encode(x), _encoded(block.up, block.down, block.norms)


def _encoded(up, down, norms):
    return BlockWeights(FP16.encode(up), FP16.encode(down), tuple(
        tuple(FP16.encode(part) for part in norm) for norm in norms))


def _checked(arrays, source):
    """Tokens and weights of a file."""
    for name, shape in BLOCK_ARRAYS.items():
        if name not in arrays:
            raise ThresherError(f"{source} has no array {name!r}; a block needs " + ", ".join(
                f"{name} {shape}" for name, shape in BLOCK_ARRAYS.items()))
        if arrays[name].dtype.kind not in "fiu":
            raise ThresherError(f"{name} must be an array of real numbers, not {arrays[name].dtype}")
    x, up = arrays["x"], arrays["up"]
    if x.ndim != 2 or min(x.shape) < 2 or any(count & (count - 1) for count in x.shape):
        raise ThresherError(f"x must be (S, N) with powers of two of at least 2, not {x.shape}")
    features, ratio = x.shape[1], up.shape[0] if up.ndim else 0
    if ratio < 1 or ratio & (ratio - 1):
        raise ThresherError(f"up must have R butterflies, a power of two, not {ratio}")
    wide = ratio * features
    wanted = {"up": (ratio, stages_of(features), features // 2, 2, 2), "down": (stages_of(wide), wide // 2, 2, 2),
              **dict.fromkeys(("weight1", "bias1", "weight2", "bias2"), (features,))}
    for name, shape in wanted.items():
        if arrays[name].shape != shape:
            raise ThresherError(f"{name} must be {shape} for {features} features and {wide} inside, "
                                f"not {arrays[name].shape}")
    return FP16.encode(x), _encoded(up, arrays["down"], (
        (arrays["weight1"], arrays["bias1"]), (arrays["weight2"], arrays["bias2"])))
