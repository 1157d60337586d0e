"""A layer of FABNet-Large on as many multipliers and as much bandwidth as the published accelerator has."""

from gen.claims.claim import between, claims
from gen.tops.butterfly_cycles import predict_passes
from gen.tops.registry import resolve

from .fabnet import LARGE, FabnetMachine, layer_cycles
from .mlx_tables import SPEED_UP_OVER_FABNET

__all__ = ["our_cycles", "parts"]

ENGINES = 40
#: A part of the preset `paper` that is quickly compiled: a fifth of its rows, a quarter of its bus.
PART = ("rows=2", "bus_width=512")
TOKENS = tuple(SPEED_UP_OVER_FABNET)


def parts(model, tokens):
    """Transforms of a layer: name, how many tasks, vectors of each, points, and whether they are Fourier transforms."""
    points, wide = model.points, model.wide_points
    return (("fourier_features", 1, tokens, points, True), ("fourier_tokens", 1, points, tokens, True),
            ("up", wide // points, tokens, points, False), ("down", 1, tokens, wide, False))


def our_cycles(parameters, model, tokens):
    """Cycles of the parts of a layer, one after the other, by the model of our schedule."""
    return {name: tasks * predict_passes(vectors, points, fft, parameters)
            for name, tasks, vectors, points, fft in parts(model, tokens)}


@claims("MLX", "simulation")
def cycles_of_a_layer(evidence):
    small = resolve("butterfly", "paper", None, list(PART))
    tokens = 128 * small.rows // resolve("butterfly", "paper", None, []).rows
    shares = []
    for _, _, vectors, points, fft in parts(LARGE, tokens + tokens % 2):
        points = 1 << (points - 1).bit_length()              # the number of tokens is no power of two
        cycles, wrong = evidence.run(points, vectors, "fft" if fft else "bpmm", small)
        assert not wrong
        shares.append(cycles / predict_passes(vectors, points, fft, small))
    yield between("cycles in Verilog over those of our model, the transforms of a layer on a fifth of the rows",
                  "our cycle model", None, shares, "", low=0.95, high=1.05,
                  note=f"{small.rows} rows of {small.lanes} units on a bus of {small.bus_width} bits")


@claims("MLX", "statistical")
def speed_up_over_fabnet(evidence):
    p, machine = resolve("butterfly", "paper", None, []), FabnetMachine(ENGINES)
    ours = [sum(our_cycles(p, LARGE, tokens).values()) for tokens in TOKENS]
    counted = [sum(layer_cycles(machine, LARGE, tokens).values()) for tokens in TOKENS]
    lengths = ", ".join(map(str, TOKENS))
    how = (f"{p.multipliers} multipliers and {p.bus_width} bits a cycle in and out in both; ours are by our cycle "
           f"model, coefficients included, which come on the bus of the vectors, not on one of their own; the "
           f"transform along the sequence is of as many points as there are tokens, theirs of as many as there are "
           f"features")
    yield between(f"cycles of a layer of FABNet-Large, {lengths} tokens", "end-to-end comparison with FABNet",
                  [round(cycles / machine.efficiency) for cycles in counted], ours, "cycles",
                  note=f"{how}. FABNet's are those of its artifact, divided by the efficiency of "
                       f"{machine.efficiency:g} that it reckons with", high=max(counted) / machine.efficiency)
    yield between(f"speed-up over FABNet-Large, {lengths} tokens", "end-to-end comparison with FABNet",
                  list(SPEED_UP_OVER_FABNET.values()),
                  [cycles / machine.efficiency / mine for cycles, mine in zip(counted, ours, strict=True)], "times",
                  low=1.3, note=how)
    work = [LARGE.butterflies(tokens) / p.units for tokens in TOKENS]
    yield between(f"the same if FABNet's efficiency were 1, {lengths} tokens", "end-to-end comparison with FABNet",
                  None, [cycles / mine for cycles, mine in zip(counted, ours, strict=True)], "times", low=1,
                  note="no schedule could reach more than " + ", ".join(
                      f"{cycles / least:.2f}" for cycles, least in zip(counted, work, strict=True))
                  + " with these multipliers, which would then all be at work all the time")
