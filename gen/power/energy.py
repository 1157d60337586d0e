"""Energy of a netlist by cell, from the tables of its library and the switching of its nets."""

from dataclasses import dataclass

import numpy as np

__all__ = ["CellEnergies", "cell_energies"]


@dataclass(frozen=True)
class CellEnergies:
    """Of each cell, in the order of ``names``: joules a clock cycle, and watts.

    Attributes
    ----------
    names : list of str
    clock, internal, switching : :class:`numpy.ndarray`
        Joules a cycle: in and at clock inputs, inside cells, and to load the nets they drive.
    leakage : :class:`numpy.ndarray`
        Watts.
    """

    names: list
    clock: np.ndarray
    internal: np.ndarray
    switching: np.ndarray
    leakage: np.ndarray


def cell_energies(netlist, cells, units, voltage, activity, macro_capacitance=0.0):
    """Energy of every cell.

    A transition of a net takes half of its load (inputs of cells; wires are not known before the layout) times the
    square of the supply. Inside a cell it takes what the library's tables say at this load and at the transition time
    of the input: mean of rise and fall, of the inputs in proportion to their own transitions. A clock rises and falls
    in each cycle; its load is counted too, and its tree is not.

    Parameters
    ----------
    netlist : :class:`gen.power.netlist.Netlist`
    cells : dict of str to :class:`gen.power.cells.Cell`
    units : :class:`gen.power.cells.Units`
    voltage : float
    activity : :class:`gen.power.activity.Activity`
    macro_capacitance : float
        Of each input of a memory, in farads.

    Returns
    -------
    :class:`CellEnergies`
    """
    nets = 1 + max((net for gate in netlist.gates.values() for net in gate.nets), default=0)
    loads, toggles, slews = np.zeros(nets), np.zeros(nets), np.zeros(nets)
    for net, (rate, _share) in activity.toggles.items():
        toggles[net] = rate
    kinds = {}
    for name, gate in netlist.gates.items():
        kinds.setdefault(gate.kind, []).append(name)
    order = [(kind, names) for kind, names in kinds.items() if kind in cells]

    def pin_nets(names, pin):
        # A pin at a constant or at nothing is net 0, which nothing drives.
        found = [netlist.gates[name].pins.get(pin) for name in names]
        return np.array([net if isinstance(net, int) else 0 for net in found])

    for kind, names in order:
        for pin in cells[kind].inputs:
            np.add.at(loads, pin_nets(names, pin), cells[kind].capacitances[pin])
    for kind, names in kinds.items():
        if kind not in cells:
            for name in names:
                for pin, bits in netlist.gates[name].pins.items():
                    if not (pin.startswith("R") and pin.endswith("D")):
                        for net in bits:
                            if isinstance(net, int):
                                loads[net] += macro_capacitance / units.capacitance
    loads[0] = 0.0
    # Transition times: of each driver at its load, for a typical transition at its input.
    for _pass in range(2):
        typical = float(np.median(slews[slews > 0])) if (slews > 0).any() else 0.1e-9 / units.time
        for kind, names in order:
            for pin, tables in cells[kind].slews.items():
                driven = pin_nets(names, pin)
                if tables:
                    slews[driven] = np.mean([table.at(loads[driven], np.full(len(driven), typical))
                                             for table in tables], axis=0)
    slews[slews == 0] = typical

    names, parts = [], []
    # An internal energy is in the unit of capacitance times volts squared.
    unit = units.capacitance
    for kind, members in order:
        cell = cells[kind]
        clock, internal, switching = (np.zeros(len(members)) for _ in range(3))
        for pin in cell.outputs:
            driven = pin_nets(members, pin)
            switching += toggles[driven] * loads[driven] * units.capacitance * voltage**2 / 2
            weight, energy = np.zeros(len(members)), np.zeros(len(members))
            for related in cell.inputs:
                for tables in cell.energies.get((pin, related), ()):
                    source = pin_nets(members, related)
                    share = np.ones(len(members)) if related == cell.clock else toggles[source] + 1e-12
                    mean = np.mean([table.at(loads[driven], slews[source]) for table in tables], axis=0)
                    energy, weight = energy + share * mean, weight + share
            internal += toggles[driven] * np.divide(energy, weight, out=np.zeros_like(energy), where=weight > 0) * unit
        for pin in cell.inputs:
            source = pin_nets(members, pin)
            alone = [np.sum([table.at(np.zeros(len(members)), slews[source]) for table in tables], axis=0) * unit
                     for tables in cell.energies.get((pin, None), ())]
            energy = np.mean(alone, axis=0) if alone else np.zeros(len(members))
            if pin == cell.clock:
                clock += energy + cell.capacitances[pin] * units.capacitance * voltage**2
            else:
                internal += toggles[source] * energy / 2
        names += members
        parts.append((clock, internal, switching, np.full(len(members), cell.leakage * units.leakage)))
    return CellEnergies(names, *(np.concatenate(columns) for columns in zip(*parts, strict=True)))
