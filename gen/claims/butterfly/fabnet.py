"""Cycles of FABNet's accelerator by its authors' performance model, from the formulae of the published artifact.

An accelerator has `engines` with `units` butterfly units each. The engines work in step, each on a vector of its own
with the same coefficients, so that a layer takes a *run* for as many vectors as there are engines. The model assumes
that the last run of a layer is hidden by the next layer, that both Fourier transforms of a layer have as many points as
there are features (the one along the sequence has as many as tokens), and that normalisation, additions and embeddings
are free; its latencies are divided by an efficiency of 85 %.
"""

from dataclasses import dataclass

__all__ = ["BASE", "DDR3", "HBM", "LARGE", "FabnetMachine", "FabnetModel", "layer_cycles", "latency_ms", "power_of_two",
           "utilisation"]

#: Bits a cycle of data in, coefficients and data out.
HBM = (2048, 256, 2048)
DDR3 = (64, 64, 128)

ELEMENT_BITS = 16


def power_of_two(count):
    """The least power of two that is not less."""
    return 1 << (count - 1).bit_length()


@dataclass(frozen=True)
class FabnetMachine:
    """An accelerator.

    Parameters
    ----------
    engines : int
        BE, vectors that are worked on together.
    bandwidths : tuple of three int
        Bits a cycle of data in, coefficients and data out; multiples of 32.
    units : int
        BU, butterfly units of an engine.
    clock_mhz, efficiency : float

    Raises
    ------
    ValueError
        A number is out of range.
    """

    engines: int
    bandwidths: tuple = HBM
    units: int = 4
    clock_mhz: float = 200
    efficiency: float = 0.85

    def __post_init__(self):
        if self.engines < 1 or self.units < 1:
            raise ValueError(f"engines and units must be at least 1, not {self.engines} and {self.units}")
        if len(self.bandwidths) != 3 or any(bits < 32 or bits % 32 for bits in self.bandwidths):
            raise ValueError(f"bandwidths must be three multiples of 32, not {self.bandwidths}")

    def compute_cycles(self, points):
        """Cycles of a transform of an engine."""
        return points // (2 * self.units) * _stages(points)

    def move_cycles(self, points, direction, parts=1):
        """Cycles to move a vector of each engine: of the memory, or of an engine, which takes an element a cycle.

        Parameters
        ----------
        points : int
        direction : int
            0 in, 2 out.
        parts : int
            2 of complex elements, whose parts an engine takes side by side.
        """
        in_memory_word = self.bandwidths[direction] // (parts * ELEMENT_BITS)
        return max(-(-points * self.engines // in_memory_word), points)

    def coefficient_cycles(self, points):
        """Cycles to load the coefficients of a transform: 32 bits for each element and stage, real or complex."""
        words = points * _stages(points)
        return max(-(-words // (self.bandwidths[1] // (2 * ELEMENT_BITS))), words // (4 * self.units))

    def runs(self, vectors):
        """Runs for that many vectors."""
        return -(-vectors // self.engines)

    def fourier_cycles(self, points, vectors, complex_in=False, complex_out=False):
        """Cycles of a Fourier layer: loading and computing take turns, and storing goes beside them."""
        load = max(self.move_cycles(points, 0, 1 + complex_in), self.coefficient_cycles(points))
        first = load + self.compute_cycles(points)
        last = self.move_cycles(points, 2, 1 + complex_out)
        return first + max(0, self.runs(vectors) - 2) * max(first, last)

    def linear_cycles(self, inputs, outputs, vectors):
        """Cycles of a butterfly linear layer: loading, computing and storing go side by side.

        A layer to R times as many features is R butterflies, a run each; one to fewer is a butterfly of all inputs.
        """
        load = max(self.move_cycles(inputs, 0), self.coefficient_cycles(inputs))
        compute, store = self.compute_cycles(inputs), self.move_cycles(inputs, 2)
        runs = self.runs(vectors) * max(1, outputs // inputs)
        # Behind the first load and computation a run takes the longest of the three; there are two runs fewer than in
        # all, as the last one is hidden by the next layer, and beside the last of them nothing is left to load.
        if runs < 3:
            return load + compute
        return load + compute + (runs - 3) * max(load, compute, store) + max(compute, store)


def _stages(points):
    return points.bit_length() - 1


@dataclass(frozen=True)
class FabnetModel:
    """A network of FBfly blocks: two Fourier layers, a linear layer to `ratio` times the features and one back."""

    name: str
    layers: int
    features: int
    ratio: int = 4

    @property
    def points(self):
        """Features, padded to a power of two."""
        return power_of_two(self.features)

    @property
    def wide_points(self):
        """Features inside the feed-forward network, padded."""
        return power_of_two(self.features * self.ratio)

    def butterflies(self, tokens):
        """Butterflies that a layer needs of a sequence; a Fourier transform along the sequence is of its tokens."""
        points, wide = self.points, self.wide_points
        fourier = points // 2 * _stages(points) * tokens + tokens // 2 * _stages(power_of_two(tokens)) * points
        up = wide // points * (points // 2) * _stages(points)
        return fourier + tokens * (up + wide // 2 * _stages(wide))


BASE = FabnetModel("Base", 12, 768)
LARGE = FabnetModel("Large", 24, 1024)


def layer_cycles(machine, model, tokens):
    """Cycles of the parts of a layer.

    Returns
    -------
    dict of str to int
        ``fourier_features``, ``fourier_tokens``, ``up``, ``down``.
    """
    return {
        "fourier_features": machine.fourier_cycles(model.points, tokens, complex_out=True),
        "fourier_tokens": machine.fourier_cycles(model.points, tokens, complex_in=True),
        "up": machine.linear_cycles(model.points, model.wide_points, tokens),
        "down": machine.linear_cycles(model.wide_points, model.points, tokens),
    }


def latency_ms(machine, model, tokens):
    """Milliseconds of the network for a sequence."""
    cycles = model.layers * sum(layer_cycles(machine, model, tokens).values())
    return cycles / (1000 * machine.clock_mhz) / machine.efficiency


def utilisation(machine, model, tokens):
    """Share of the butterfly units' cycles in which they work, at an efficiency of 1."""
    cycles = sum(layer_cycles(machine, model, tokens).values())
    return model.butterflies(tokens) / (machine.units * machine.engines * cycles)
