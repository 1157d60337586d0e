"""The end of a result packet, which is the same for all engines that send beats until a task is over."""

from amaranth.hdl import C, Cat

from .engine import TRAILER_MARKER

__all__ = ["add_trailer_states"]


def add_trailer_states(m, engine, output, over, error, finish):
    """States ``TRAILER``, in which the trailer is sent, ``DONE``, until the shell knows, and ``AFTER``.

    To be called within a machine whose state ``BEATS`` sends the results, goes to ``TRAILER`` when the task is `over`,
    and follows once it no longer is.

    Parameters
    ----------
    m : Module
    engine : component
        Of :class:`~hw.shell.engine.EngineSignature`, whose ``done`` is driven.
    output : stream of Word
        To be assigned in these states.
    over : Signal
        Register that follows the end of the task by a cycle, and falls with `finish`.
    error : Value
        Code of the task.
    finish : Signal
        To be assigned: a pulse when the result has left.
    """
    with m.State("TRAILER"):
        m.d.comb += [output.payload.data.eq(Cat(error, C(TRAILER_MARKER, 8))), output.payload.last.eq(1),
                     output.valid.eq(1)]
        with m.If(output.ready):
            m.d.sync += [engine.done.valid.eq(1), engine.done.payload.error.eq(error)]
            m.next = "DONE"
    with m.State("DONE"):
        with m.If(engine.done.ready):
            m.d.comb += finish.eq(1)
            m.d.sync += engine.done.valid.eq(0)
            m.next = "AFTER"
    with m.State("AFTER"):
        with m.If(~over):
            m.next = "BEATS"
