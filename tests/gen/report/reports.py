"""Small reports of each kind, as the commands write them."""

__all__ = ["bench", "clock", "module", "run", "synthesis"]


def timeline():
    cycles = [16 * index for index in range(1, 21)]
    return {"sample": 16, "stages": [
        {"stage": "loading", "counter": "input_words", "capacity": 1, "waits": False, "cycle": cycles,
         "increment": [16] * 5 + [0] * 15},
        {"stage": "attention waits for keys", "counter": "starved", "capacity": 2, "waits": True,
         "cycle": [cycle + 3 for cycle in cycles], "increment": [0] * 5 + [8] * 5 + [0] * 10},
        {"stage": "attention", "counter": "multiplying", "capacity": 2, "waits": False,
         "cycle": [cycle + 6 for cycle in cycles], "increment": [0] * 10 + [32] * 10}]}


def run(**others):
    return {"top": "sofa", "preset": "tiny", "parameters": {"rows": 4}, "simulator": "verilator", "bit_exact": True,
            "cycles": 320, "utilisation": 0.5, "softmax_mass": 0.99, "timeline": timeline()} | others


def module(own, total, instances, children):
    def counts(luts):
        return {"cells": luts, "luts": luts, "ffs": luts // 2, "dsps": 0, "brams": 0, "area_um2": None,
                "gate_equivalents": None}

    return {**counts(total), "instances": instances, "own": counts(own), "children": children}


def synthesis(**others):
    modules = {"sofa": module(5, 225, 1, {"sofa_engine": 1}),
               "sofa_engine": module(20, 220, 1, {"sofa_lane": 4}),
               "sofa_lane": module(30, 50, 4, {"sofa_fifo": 2}),
               "sofa_fifo": module(10, 10, 8, {})}
    return {"top": "sofa", "preset": "tiny", "target": "ecp5", "cells": 225, "luts": 225, "ffs": 112, "dsps": 0,
            "brams": 0, "modules": modules, "tool": {"name": "yosys", "version": "0.70"}} | others


def clock(**others):
    return {"top": "sofa", "preset": "tiny", "device": "85k", "fmax_mhz": 60.0, "fmax_all": [58.0, 60.0, 63.5],
            "utilisation": {"TRELLIS_FF": {"used": 100, "available": 83640}}, "speed": 6,
            "critical_path": {"from": "a", "to": "b", "delay_ns": 16.6, "logic_ns": 6.6, "routing_ns": 10.0,
                              "stages": 9},
            "tool": {"name": "nextpnr-ecp5", "version": "0.11"}} | others


def bench(cycles=4800, luts=17000):
    about = {"revision": "abc", "seconds": 1.5, "versions": {}}
    stages = [{"stage": stage, "luts": luts // 2, "ffs": 1, "dsps": 0, "brams": 0, "share_of_luts": 0.5}
              for stage in ("predictor", "attention")]
    return {"versions": {"python": "3.11", "iverilog": None}, "machine": {"cores": 2}, "revision": "abc", "sections": {
        "cycles": {"tables": {"the same head on each preset": [
            {"preset": "tiny", "head": "local", "keep": 0.25, "cycles": cycles, "bit_exact": True}]},
            "figures": {}, "reports": {"tiny, local": run()}, **about},
        "area": {"tables": {"totals, flattened, ecp5": [{"preset": "tiny", "luts": luts, "ffs": 10000}],
                            "by stage, hierarchy kept: tiny": stages}, "figures": {}, **about},
        "tokens": {"tables": {}, "figures": {}, "error": "the model is missing", **about}}}
