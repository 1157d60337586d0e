"""What the emitted Verilog does with batches of vectors, under Verilator."""

from gen.claims.claim import between, claims

from .mlx_tables import SIZES, UTILISATION

__all__ = []

MODES = {"bpmm": "butterfly matrices", "fft": "Fourier transforms"}
#: Sizes at which FABNet's RTL gives wrong results, and why.
WRONG_IN_RTL = {("fft", 128): "a read overtakes a write between stages", ("fft", 4096): "banks conflict",
                ("bpmm", 1024): "the buffer of coefficients is too small",
                ("bpmm", 4096): "banks conflict and the buffer of coefficients is too small"}
#: Groups of the two batches whose difference is the steady state.
GROUPS = (4, 16)


@claims("FABNet artifact", "simulation")
def vectors_that_the_published_hardware_gets_wrong(evidence):
    for (mode, points), why in WRONG_IN_RTL.items():
        if points <= evidence.parameters.max_points:
            count = 3
            _, wrong = evidence.run(points, count, mode)
            yield between(f"elements that differ from the golden model, {MODES[mode]} of {points:,} points",
                          "RTL", None, wrong, f"of {count * points * (2 if mode == 'fft' else 1):,}", high=0,
                          note=f"in the published RTL {why}")


@claims("FABNet artifact", "simulation")
def steady_state(evidence):
    p = evidence.parameters
    sizes = tuple(points for points in evidence.sizes() if points <= p.pass_points)
    for mode, words in MODES.items():
        shares = []
        for points in sizes:
            few, many = (evidence.group(points, mode) * groups for groups in GROUPS)
            extra = evidence.run(points, many, mode)[0] - evidence.run(points, few, mode)[0]
            shares.append(extra / (many - few) / evidence.ideal(points))
        yield between(f"cycles of a further vector over N / (2 BU) log2 N, {words}, N = {sizes[0]} to {sizes[-1]:,}",
                      "engine", None, shares, "", high=1.05,
                      note="the published engine takes 2 to 3 for Fourier transforms, whose loading, computing and "
                           "storing take turns, and 1 for butterfly matrices")


@claims("MLX", "simulation")
def utilisation_of_the_array(evidence):
    for mode, words in MODES.items():
        shares, counts = [], []
        sizes = [points for points in SIZES if points <= evidence.parameters.max_points]
        for points in sizes:
            counts.append(evidence.full_batch(points, mode))
            cycles, wrong = evidence.run(points, counts[-1], mode)
            assert not wrong
            shares.append(counts[-1] * evidence.ideal(points) / cycles)
        yield between(f"utilisation of the multipliers, {words}, N = {sizes[0]} to {sizes[-1]:,}",
                      "utilisation of the processing elements", list(UTILISATION[mode][:len(sizes)]), shares, "",
                      low=0.9,
                      note=f"batches of {', '.join(map(str, counts))} vectors, from the first word in to the last word "
                           f"out, coefficients loaded once a task; vectors of more than "
                           f"{evidence.parameters.pass_points:,} points in passes. The paper's are read off a figure, "
                           f"within 0.02, and count a slot of the compute pipeline that does something")
