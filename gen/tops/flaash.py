"""The `flaash` top: contraction of sparse tensors on a cluster of sparse dot product engines, behind an AXI shell."""

from hw.flaash.engine import FlaashEngine
from hw.flaash.parameters import FlaashParameters

from .top import Top

__all__ = ["FlaashTop"]


class FlaashTop(Top):
    """Contraction of sparse high-order tensors, after FLAASH."""

    name = "flaash"
    summary = "contraction of sparse tensors of any order on a cluster of sparse dot product engines"
    parameters_class = FlaashParameters
    engine_class = FlaashEngine
    remedies = {"luts": "engines or window", "brams": "entries, fibers or buffer_windows", "dsps": "engines"}

    def describe(self, parameters):
        """What a configuration holds and how fast it is, without elaborating it."""
        p = parameters
        return {
            "engines": p.engines,
            "multipliers": p.multipliers,
            "pairs_of_indices_compared_per_cycle": p.engines * p.window ** 2,
            "results_per_cycle": p.results_of_beat,
            "memory_kbits": {
                "entries": 2 * p.entries * p.entry_width / 1024,
                "pointers": 2 * p.fibers * p.pointer_bits / 1024,
                "windows": 2 * p.engines * p.buffer_windows * p.window * p.entry_width / 1024,
                "sums": p.sums * p.accumulator / 1024,
            },
            "entries_of_a_tensor_of_a_task": p.entries, "fibers_of_a_tensor_of_a_task": p.fibers,
            "longest_contracted_mode": 1 << p.index_bits,
        }

    def predict(self, parameters, options):
        """Cycles of a contraction, from a model of the schedule; see :mod:`gen.tops.flaash_cycles`."""
        from gen.tops.flaash_cycles import predict_contraction

        return predict_contraction(parameters, options)

    def simulate(self, parameters, options):
        """Run a contraction on the emitted Verilog; see :mod:`gen.tops.flaash_simulation`."""
        from gen.tops.flaash_simulation import simulate_contraction

        return simulate_contraction(self, parameters, options)

    def measure(self, parameters, options, verilog, waves):
        """Run a contraction on a netlist of the top and leave a waveform; see :mod:`gen.tops.flaash_power`."""
        from gen.tops.flaash_power import measure_contraction

        return measure_contraction(self, parameters, options, verilog, waves)
