"""What every gate of a netlist does in every cycle, from what its registers held."""

from dataclasses import dataclass

__all__ = ["Activity", "evaluate"]


@dataclass(frozen=True)
class Activity:
    """Switching of a netlist.

    Attributes
    ----------
    cycles : int
    toggles : dict of int to (float, float)
        Changes a cycle, and share of cycles at 1, of each net, without glitches.
    known : float
        Share of the nets that were computed.
    flip_flops, traced : int
        Flip-flops, and those whose value the waveform has; the others follow from their inputs.
    checked, wrong : int
        Flip-flops with a waveform whose next value was computed too, and those of them that differ in any cycle.
    accesses : dict of str to (int, int)
        Reads and writes of each memory's cell.
    """

    cycles: int
    toggles: dict
    known: float
    flip_flops: int
    traced: int
    checked: int
    wrong: int
    accesses: dict


def evaluate(netlist, cells, trace, clock="clk"):
    """Compute every net of a netlist in all cycles at once.

    Values are integers with a bit a cycle, so that a gate is one operation on integers. What registers, memories and
    inputs of the top hold comes from the waveform of the same design before it became gates; a register that is not
    in it takes its value from its input a cycle before. For each register in the waveform the input that the gates
    give it is compared with the value that it takes next, which checks the gates on this workload.

    Parameters
    ----------
    netlist : :class:`gen.power.netlist.Netlist`
    cells : dict of str to :class:`gen.power.cells.Cell`
    trace : :class:`gen.power.trace.Trace`
    clock : str
        Port with the clock, which is not a net that toggles.

    Returns
    -------
    :class:`Activity`

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If combinational gates form a loop.
    """
    mask = (1 << trace.cycles) - 1
    values = {"0": 0, "1": mask, "x": 0, "z": 0}

    def traced_word(net):
        """Value of a net by any of its names; only what is needed is sampled."""
        return next((word for name, bit in netlist.names.get(net, ())
                     if (word := trace.word(name, bit)) is not None), None)

    for name, (direction, nets) in netlist.ports.items():
        if direction == "input":
            for place, net in enumerate(nets):
                values[net] = trace.word(name, place) or 0
    clocks = set(netlist.ports[clock][1])

    registers, waiting, memories = {}, {}, {}
    for name, gate in netlist.gates.items():
        if gate.kind in netlist.macros:
            memories[name] = gate
            for pin, nets in gate.pins.items():
                if pin.endswith("D") and pin.startswith("R"):
                    for place, net in enumerate(nets):
                        word = trace.word(f"{name}.{pin}", place)
                        if word is not None or (word := traced_word(net)) is not None:
                            values[net] = word
        elif cells[gate.kind].state is not None:
            registers[name] = gate
            for pin in cells[gate.kind].outputs:
                if (word := traced_word(gate.pins.get(pin))) is not None:
                    values[gate.pins[pin]] = word
        else:
            waiting[name] = gate
    outputs = {name: [gate.pins[pin] for pin in cells[gate.kind].outputs if pin in gate.pins]
               for name, gate in registers.items()}
    traced = {name for name, nets in outputs.items() if any(net in values for net in nets)}
    for name in traced:
        _outputs(registers[name], cells, values, mask)

    readers, missing = {}, {}
    for name, gate in waiting.items():
        inputs = {gate.pins[pin] for pin in cells[gate.kind].inputs} - values.keys()
        missing[name] = len(inputs)
        for net in inputs:
            readers.setdefault(net, []).append(name)
    for name in registers.keys() - traced:
        net = registers[name].pins[cells[registers[name].kind].state]
        missing[name] = int(net not in values)
        readers.setdefault(net, []).append(name)
    ready = [name for name, number in missing.items() if not number]
    while ready:
        name = ready.pop()
        gate = netlist.gates[name]
        cell = cells[gate.kind]
        if cell.state is None:
            words = [values[gate.pins[pin]] for pin in cell.inputs]
        else:
            state = values[gate.pins[cell.state]] << 1 & mask
            words = [state, ~state & mask]
        made = {gate.pins[pin]: function(mask, *words) for pin, function in cell.outputs.items() if pin in gate.pins}
        for net, word in made.items():
            if net not in values:
                values[net] = word
                for reader in readers.get(net, ()):
                    missing[reader] -= 1
                    if not missing[reader]:
                        ready.append(reader)

    checked = wrong = 0
    for name in traced:
        gate = registers[name]
        cell = cells[gate.kind]
        following = values.get(gate.pins[cell.state])
        state = _state(gate, cell, values, mask)
        if following is not None and state is not None:
            checked += 1
            wrong += (following ^ state >> 1) & mask >> 1 != 0
    nets = {net for gate in netlist.gates.values() for net in gate.nets} - clocks
    toggles = {net: (((values[net] ^ values[net] >> 1) & mask >> 1).bit_count() / (trace.cycles - 1),
                     values[net].bit_count() / trace.cycles) for net in nets if net in values}
    return Activity(trace.cycles, toggles, len(toggles) / max(1, len(nets)), len(registers), len(traced), checked,
                    wrong, {name: _accesses(gate, values) for name, gate in memories.items()})


def _state(gate, cell, values, mask):
    """Value of a flip-flop, from whichever of its outputs is known."""
    for pin, function in cell.outputs.items():
        word = values.get(gate.pins.get(pin))
        if word is not None:
            return word if function(1, 1, 0) else ~word & mask
    return None


def _outputs(gate, cells, values, mask):
    """Give all outputs of a flip-flop the value of the one that is known."""
    cell = cells[gate.kind]
    state = _state(gate, cell, values, mask)
    for pin, function in cell.outputs.items():
        if pin in gate.pins:
            values.setdefault(gate.pins[pin], function(mask, state, ~state & mask))


def _accesses(gate, values):
    """Cycles in which a memory is read, and written, summed over its ports."""
    counts = [0, 0]
    for pin, nets in gate.pins.items():
        if pin.endswith("E"):
            enabled = 0
            for net in nets:
                enabled |= values.get(net, 0)
            counts[pin.startswith("W")] += enabled.bit_count()
    return tuple(counts)
