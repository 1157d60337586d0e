"""Claims that FABNet's performance model is what we compute with."""

from gen.claims.claim import claims, equal

from .fabnet import BASE, DDR3, HBM, LARGE, FabnetMachine, latency_ms, layer_cycles
from .fabnet_tables import BANDWIDTH_MS, BANDWIDTH_TOKENS, BANDWIDTHS, LATENCY_MS, LAYER_CYCLES, TOKENS

__all__ = ["bandwidths_of_fabnet", "cycles_of_fabnet", "latencies_of_fabnet"]

PLACE = "performance model"
#: Bandwidths of a board's memory, and the digits that the table of its latencies has.
BOARDS = {"VCU128": (HBM, 3), "Zynq 7045": (DDR3, 2)}
MODELS = {model.name: model for model in (BASE, LARGE)}


@claims("FABNet artifact", "exact")
def latencies_of_fabnet(evidence):
    """The latencies of the artifact's model, to the digits printed."""
    for (board, engines, name), paper in LATENCY_MS.items():
        bandwidths, digits = BOARDS[board]
        machine = FabnetMachine(engines, bandwidths)
        ours = [round(latency_ms(machine, MODELS[name], tokens), digits) for tokens in TOKENS]
        yield equal(f"latency of FABNet-{name}, {engines} engines on {board}, {', '.join(map(str, TOKENS))} tokens",
                    PLACE, list(paper), ours, "ms")


@claims("FABNet artifact", "exact")
def cycles_of_fabnet(evidence):
    """The cycles of the parts of a layer."""
    for tokens, paper in LAYER_CYCLES.items():
        ours = list(layer_cycles(FabnetMachine(120), LARGE, tokens).values())
        yield equal(f"both Fourier layers, up and down of a layer of FABNet-Large, 120 engines, {tokens} tokens", PLACE,
                    list(paper), ours, "cycles")


@claims("FABNet artifact", "exact")
def bandwidths_of_fabnet(evidence):
    """The bandwidth study."""
    for engines, paper in BANDWIDTH_MS.items():
        ours = [round(latency_ms(FabnetMachine(engines, (bits,) * 3), LARGE, BANDWIDTH_TOKENS)) for bits in BANDWIDTHS]
        yield equal(f"latency of FABNet-Large, {engines} engines, {BANDWIDTH_TOKENS} tokens, "
                    f"{', '.join(map(str, BANDWIDTHS))} bits a cycle", PLACE, list(paper), ours, "ms")
