"""Fits the constants of :mod:`gen.estimate.area` to syntheses: ``python -m gen.estimate.fit`` (takes minutes)."""

import tempfile

import numpy as np

from gen.estimate.area import KINDS, LUT_COSTS, module_area
from gen.estimate.coarse import TARGET, coarse_modules

__all__ = ["fit", "lut_costs", "measured_modules"]


def measured_modules(preset, sets=()):
    """Each module of a configuration of `sofa`, estimated and synthesised.

    Returns
    -------
    modules : list of (int, dict, int)
        Copies, what :func:`gen.estimate.area.module_area` says, and look-up tables of one copy without its children.
    totals : dict
        What :func:`gen.synth.synth` reports of the flattened design.
    """
    from gen.bench.area import TOP, emitted
    from gen.synth import synth
    from gen.tops.registry import resolve, tops

    coarse = coarse_modules(tops()[TOP].build(resolve(TOP, preset, None, list(sets)), TARGET), TOP)
    with tempfile.TemporaryDirectory() as folder:
        report = synth(emitted(preset, folder, sets)[0], TOP, TARGET)
    modules = [(module.copies, module_area(module.cells), report["modules"][name]["own"]["luts"])
               for name, module in coarse.items() if name in report["modules"]]
    return modules, report


def lut_costs(modules):
    """Costs that fit the look-up tables of modules, none of them negative.

    Least squares, in which a module counts by its copies, and a large one's error is forgiven as is a small one's.
    """
    kinds = list(LUT_COSTS)
    amounts = np.array([[area["work"].get(kind, 0) for kind in kinds] for _copies, area, _luts in modules], float)
    logic = np.array([luts - area["luts"] for _copies, area, luts in modules], float)
    weights = np.array([(copies / (30 + luts)) ** 0.5 for copies, _area, luts in modules])
    amounts, logic = amounts * weights[:, None], logic * weights
    used = amounts.any(axis=0)
    while True:
        costs = np.zeros(len(kinds))
        costs[used] = np.linalg.lstsq(amounts[:, used], logic, rcond=None)[0]
        if (costs >= 0).all():
            return dict(zip(kinds, costs.tolist(), strict=True))
        used &= costs >= 0


def fit(configurations):
    """Costs, and what is left of look-up tables and flip-flops of all configurations when they are flattened.

    Parameters
    ----------
    configurations : iterable of (str, tuple of str)
        Presets, and parameters that are set otherwise.

    Returns
    -------
    tuple of (dict of str to float, dict of str to float)
        As ``LUT_COSTS`` and ``FLATTENED`` of :mod:`gen.estimate.area`.
    """
    measured = [measured_modules(*configuration) for configuration in configurations]
    costs = lut_costs([module for modules, _totals in measured for module in modules])
    shares = {kind: [] for kind in KINDS[:2]}
    for modules, totals in measured:
        luts = sum(copies * (area["luts"] + sum(costs[kind] * amount for kind, amount in area["work"].items()))
                   for copies, area, _luts in modules)
        shares["luts"].append(totals["luts"] / luts)
        shares["ffs"].append(totals["ffs"] / sum(copies * area["ffs"] for copies, area, _luts in modules))
    return costs, {kind: float(np.mean(values)) for kind, values in shares.items()}


if __name__ == "__main__":
    from gen.bench.estimate import AREA

    for _name, _constants in zip(("LUT_COSTS", "FLATTENED"), fit(AREA), strict=True):
        print(_name, {_kind: round(_value, 2) for _kind, _value in _constants.items()})
