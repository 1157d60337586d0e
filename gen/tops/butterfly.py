"""The `butterfly` top: butterfly-sparse linear layers and Fourier transforms behind an AXI shell."""

from hw.butterfly.engine import ButterflyEngine
from hw.butterfly.parameters import ButterflyParameters
from hw.butterfly.unit_row import write_latency

from .top import Top

__all__ = ["ButterflyTop"]


class ButterflyTop(Top):
    """Butterfly matrices and Fourier transforms, after FABNet and Multilayer Dataflow."""

    name = "butterfly"
    summary = "butterfly-sparse linear layers (BPMM) and Fourier transforms, a butterfly a cycle and unit"
    parameters_class = ButterflyParameters
    engine_class = ButterflyEngine
    remedies = {"luts": "rows or lanes", "brams": "max_points, resident_points or rows", "dsps": "rows or lanes"}

    def describe(self, parameters):
        """What a configuration holds and how fast it is, without elaborating it."""
        p = parameters
        return {
            "butterfly_units": p.rows * p.lanes,
            "multipliers": p.multipliers,
            "butterflies_per_cycle": p.rows * p.lanes,
            "cycles_per_vector": {f"N = {points}": points // 2 * (points.bit_length() - 1) / (p.rows * p.lanes)
                                  for points in (64, p.max_points) if points <= p.max_points},
            "memory_kbits": {
                "vectors": 2 * p.rows * p.resident_points * p.word_width / 1024,
                "coefficients": int(p.bpmm) * p.coefficient_rows * p.coefficient_width / 1024,
                "twiddles": int(p.fft) * p.max_points // 2 * p.word_width / 1024,
            },
            "longest_vector": p.max_points,
            "latency_of_a_unit": write_latency(p),
        }

    def predict(self, parameters, options):
        """Cycles of a task, from a model of the schedule; see :mod:`gen.tops.butterfly_cycles`."""
        from gen.tops.butterfly_cycles import predict_vectors

        return predict_vectors(parameters, options)

    def simulate(self, parameters, options):
        """Run vectors on the emitted Verilog; see :mod:`gen.tops.butterfly_simulation`."""
        from gen.tops.butterfly_simulation import simulate_vectors

        return simulate_vectors(self, parameters, options)
