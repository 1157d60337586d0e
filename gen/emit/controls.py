"""Resets and enables that were inserted around instances of shared components."""

from amaranth.hdl import Const, Mux
from amaranth.hdl._ast import Assign, Switch

__all__ = ["take_controls"]


def take_controls(instance):
    """Work out which inserted controls reach an instance, and remove its probe assignment.

    ``ResetInserter`` and ``EnableInserter`` wrap the assignments of a fragment in conditions, so the
    conditions around the ``probe.eq(1)`` and ``probe.eq(init)`` of a shared component's instance are the
    ones that each of its registers would have got: the next state is ``init if reset else step if enable
    else hold``.

    Parameters
    ----------
    instance : :class:`amaranth.hdl.Instance`
        Instance made by :class:`hw.shared.SharedComponent`. Its statements are cleared.

    Returns
    -------
    tuple of (:class:`amaranth.hdl.Value`, :class:`amaranth.hdl.Value`)
        Reset (1 bit) and enable (1 bit), each None where nothing was inserted.
    """
    reset = enable = None
    for statements in instance.statements.values():
        reset, enable = _walk(statements)
    instance.statements = {}
    return reset, enable


def _walk(statements):
    reset = enable = None
    for statement in statements:
        if isinstance(statement, Assign):
            if statement.rhs.value == 0:
                reset = Const(1)
        elif isinstance(statement, Switch):
            (_patterns, body, _src_loc), = statement.cases
            inner_reset, inner_enable = _walk(body)
            if _steps(body):
                # Everything before this statement is the same assignment, now inside the condition.
                enable = statement.test if inner_enable is None else statement.test & inner_enable
                if inner_reset is not None:
                    reset = statement.test & inner_reset
            else:
                reset = Mux(statement.test, 1, Const(0) if reset is None else reset)
        else:
            raise AssertionError(f"Unexpected statement {statement!r}")
    return reset, enable


def _steps(statements):
    return any(statement.rhs.value == 1 if isinstance(statement, Assign)
               else any(_steps(body) for _patterns, body, _src_loc in statement.cases)
               for statement in statements)
