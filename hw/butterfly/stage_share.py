"""Division of the stages of a transform among the columns of an array."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from .stage_walk import Share

__all__ = ["StageShare", "share_of", "stages_of_column"]


def share_of(group, column, columns, stages):
    """Stages that a column works on, of a group: ``range(first, end)``.

    With S stages and C columns, column c works on stages ``floor((a + c S) / C)`` to ``floor((a + (c + 1) S) / C)`` of
    group g, the latter not included, with ``a = (g S) mod C``. All stages of a group are worked on, and while column c
    is at group g and its neighbours are at g + 1 and g - 1, all have equally many: the columns are at work all the time
    even if C does not divide S.
    """
    ahead = group * stages % columns
    return range((ahead + column * stages) // columns, (ahead + (column + 1) * stages) // columns)


def stages_of_column(column, columns, stages):
    """Stages that a column works on, of any group: ``range(first, end)``.

    The last one is of groups that come late, if there are any: where `columns` does not divide what is before.
    """
    return range(column * stages // columns, -(-(column + 1) * stages // columns))


class StageShare(wiring.Component):
    """Shares of one column, of one group after the other: see :func:`share_of`.

    Members
    -------
    stages : In
        To be worked on; stable from two cycles before `begun` on.
    restart : In(1)
        The next group is the first one of a task.
    begun : In(1)
        Pulse: on to the next group, whose share is there two cycles later.
    share : Out(Share)
    none : Out(1)
        There is no stage in the share.
    first : Out
        Number of the first stage of the column.
    last : Out
        Number of its last stage, of any group.
    """

    def __init__(self, parameters, column):
        p = self._parameters = parameters
        self._column = column
        bits = bits_for(p.max_stages)
        super().__init__({
            "stages": In(bits), "restart": In(1), "begun": In(1), "share": Out(Share(p)), "none": Out(1),
            "first": Out(bits), "last": Out(bits),
        })

    def elaborate(self, platform):
        m = Module()
        p, column, columns = self._parameters, self._column, self._parameters.columns
        # Constants of the number of stages. `turn` is (a + c S) mod C, which is at `begin` for the first group.
        quotient = Signal.like(self.first)
        begin, rest, turn = (Signal(range(columns), name=name) for name in ("begin", "rest", "turn"))
        with m.Switch(self.stages):
            for stages in range(1, p.max_stages + 1):
                with m.Case(stages):
                    own = stages_of_column(column, columns, stages)
                    m.d.sync += [
                        self.first.eq(own.start), self.last.eq(own.stop - 1),
                        begin.eq(column * stages % columns), quotient.eq(stages // columns), rest.eq(stages % columns),
                    ]
        over, more = Signal(), turn + rest >= columns
        m.d.comb += over.eq(more)
        with m.If(self.restart):
            m.d.sync += turn.eq(begin)
        with m.Elif(self.begun):
            m.d.sync += turn.eq(turn + rest - Mux(over, columns, 0))
        count, late = quotient + over, turn < begin
        m.d.sync += [
            self.share.first.eq(self.first + late), self.share.count.eq(count), self.share.late.eq(late),
            self.none.eq(count == 0),
        ]
        return m
