"""Tasks of `sofa` through the emitted Verilog, each result compared with the golden model."""

from sim.golden.sofa import golden_head
from sim.host.sofa import pack_task, unpack_result
from sim.host.tokens import fetch_rows
from tests.sim.emitted import EmittedTop

__all__ = ["Top", "check_counters", "check_task", "preset"]


class Top(EmittedTop):
    """Emitted Verilog of a parameter set of `sofa`."""

    name = "sofa"

    def check(self, tasks, **options):
        """Run tasks (lists of heads) one behind the other, and compare rows, counters and registers."""
        rows = fetch_rows([head for heads in tasks for head in heads], self.parameters)
        result = self.simulate([pack_task(heads, self.parameters) for heads in tasks], fetch=rows, **options)
        golden = []
        for packet, heads in zip(result.packets, tasks, strict=True):
            golden += check_task(packet, heads, self.parameters)
        check_counters(result, golden)
        assert result.registers["tasks_done"] == len(tasks)
        assert result.registers["tasks_failed"] == result.registers["error"] == 0
        return result


preset = Top.preset


def check_task(packet, heads, parameters):
    """Compare a result packet with the golden model, and return the golden heads."""
    rows, error = unpack_result(packet, heads, parameters)
    assert error == 0
    golden = [golden_head(head, parameters) for head in heads]
    for number, (head, returned, model) in enumerate(zip(heads, rows, golden, strict=True)):
        place = f"head {number} of {len(heads)}, {describe(head)}"
        for index, row in enumerate(returned):
            if head.return_keys:
                assert list(row.keys) == sorted(model.rows[index].keys), f"keys of row {index}, {place}"
            assert list(row.outputs) == list(model.outputs[index]), f"outputs of row {index}, {place}"
    return golden


def describe(head):
    """The fields of a head that are not arrays."""
    fields = {name: value for name, value in vars(head).items() if not hasattr(value, "shape") and name != "tokens"}
    if head.tokens is not None:
        fields["features"] = head.tokens.x.shape[1]
    shapes = f"{len(head.queries)} x {len(head.keys)}, d {head.keys.shape[1]}, dv {head.values.shape[1]}"
    return f"{shapes}, {'masked, ' if head.mask is not None else ''}{fields}"


def check_counters(result, golden):
    """Compare the counters that do not depend on time."""
    totals = {}
    for head in golden:
        for name, value in head.counters.items():
            totals[name] = totals.get(name, 0) + value
    if "counter_cycles" in result.registers:
        counted = {name: result.registers.get(f"counter_{name}", 0) for name in totals}
        assert counted == totals, [(name, counted[name], totals[name]) for name in totals
                                   if counted[name] != totals[name]]
        assert result.registers["counter_cycles"] == result.cycles
