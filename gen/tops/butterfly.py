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
            "butterfly_units": p.units,
            "multipliers": p.multipliers,
            "butterflies_per_cycle": p.units,
            "cycles_per_vector": {f"N = {points}": points // 2 * (points.bit_length() - 1) / p.units
                                  for points in (64, p.pass_points) if points <= p.pass_points},
            "memory_kbits": {
                "vectors": 2 * p.columns * p.rows * p.resident_points * p.word_width / 1024,
                "coefficients": int(p.bpmm) * sum(p.coefficient_rows_of(column) for column in range(p.columns))
                * p.coefficient_width / 1024,
                "twiddles": int(p.fft) * p.columns * p.max_points // 2 * p.word_width / 1024,
            },
            "longest_vector": p.max_points, "longest_vector_of_a_task": p.pass_points,
            "latency_of_a_unit": write_latency(p),
        }

    def predict(self, parameters, options):
        """Cycles of a task, from a model of the schedule; see :mod:`gen.tops.butterfly_cycles`."""
        from gen.tops.butterfly_cycles import predict_vectors

        return predict_vectors(parameters, options)

    def simulate(self, parameters, options):
        """Run vectors, or a block, on the emitted Verilog.

        See :mod:`gen.tops.butterfly_simulation` and :mod:`gen.tops.butterfly_block`.
        """
        if options.mode == "block":
            from gen.tops.butterfly_block import simulate_block

            return simulate_block(self, parameters, options)
        from gen.tops.butterfly_simulation import simulate_vectors

        return simulate_vectors(self, parameters, options)

    def measure(self, parameters, options, verilog, waves):
        """Run vectors on a netlist of the top and leave a waveform; see :mod:`gen.tops.butterfly_power`."""
        from gen.tops.butterfly_power import measure_vectors

        return measure_vectors(self, parameters, options, verilog, waves)
