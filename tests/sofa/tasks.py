"""Tasks for the blocks that take one, derived from a head's sizes as the header's definition says."""


def task_fields(parameters, *, queries=1, keys=1, head_dim=1, value_dim=1, **fields):
    """Fields of a `Task`; those not named are 0, except ``kept``, which is all keys."""
    p = parameters

    def last(dimension, unit):
        return -(-dimension // unit) - 1

    return dict(
        queries=queries, keys=keys, segments=-(-keys // p.tile), value_dim=value_dim,
        last_fold=last(max(head_dim, value_dim), p.lanes), last_tree_fold=last(head_dim, p.tree_lanes),
        last_key_beat=last(head_dim, p.elements_per_beat), last_value_beat=last(value_dim, p.elements_per_beat),
    ) | dict(kept=keys) | fields
