"""The `sofa` top: dynamic sparse attention behind an AXI shell."""

from hw.sofa.engine import SofaEngine
from hw.sofa.parameters import SofaParameters

from .top import Top

__all__ = ["SofaTop"]


class SofaTop(Top):
    """Sparse attention after SOFA: predict with shift and add, select, attend exactly."""

    name = "sofa"
    summary = "dynamic sparse attention: predicted scores, sorted selection, exact attention on what survives"
    parameters_class = SofaParameters
    engine_class = SofaEngine
    remedies = {"luts": "rows, columns or lanes", "brams": "max_keys, max_features or query_groups",
                "dsps": "lanes, rows or generator_rows"}

    def describe(self, parameters):
        """What a configuration holds and how fast it is, without elaborating it."""
        p = parameters
        return {
            "slices": p.slices,
            "multipliers": p.multipliers,
            "normaliser_multipliers": p.slices * p.normalise_lanes,
            "shift_and_add_elements": p.rows * p.columns,
            "sorting_cores": p.slices * p.sorters,
            "cycles_per_kept_key": {"heads of up to": p.lanes, "cycles": 1, "largest head": p.folds},
            "memory_kbits": {
                "keys and values": p.slices * 2 * p.max_keys * p.folds * p.lanes * p.element_width / 1024,
                "predictor keys": p.slices * p.max_keys * p.tree_folds * p.tree_lanes * p.khat_width / 1024,
            },
            "keys_resident": p.max_keys,
            "keys_with_overlapped_loading": p.max_keys // 2,
            "largest_head_dim": p.max_head_dim,
        }

    def predict(self, parameters, options):
        """Cycles of a task, from a model of the schedule; see :mod:`gen.tops.sofa_cycles`."""
        from gen.tops.sofa_cycles import predict_heads

        return predict_heads(parameters, options)

    def simulate(self, parameters, options):
        """Run heads on the emitted Verilog; see :mod:`gen.tops.sofa_simulation`."""
        from gen.tops.sofa_simulation import simulate_heads

        return simulate_heads(self, parameters, options)

    def run(self, parameters, options, transport, target="ecp5"):
        """Run heads on a device behind a transport; see :mod:`gen.tops.sofa_board`."""
        from gen.tops.sofa_board import run_heads_on_board

        return run_heads_on_board(self, parameters, options, transport, target)

    def measure(self, parameters, options, verilog, waves):
        """Run heads on a netlist of the top and leave a waveform; see :mod:`gen.tops.sofa_simulation`."""
        from gen.tops.sofa_simulation import measure_heads

        return measure_heads(parameters, options, verilog, waves)
