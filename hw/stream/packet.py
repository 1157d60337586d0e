"""Reading of a packet by a state machine: its beats, and what is left of it when its task has ended."""

from amaranth.hdl import Signal
from amaranth.lib.wiring import connect, flipped

from .buffer import Buffer
from .word import Word

__all__ = ["PacketInput"]


class PacketInput:
    """Beats of one packet at a time: behind its last one comes none until the next task.

    Parameters
    ----------
    m : Module
        Module that the registers and the submodule `input` are added to.
    source : stream of Word
        Port of a component that the packets come in by.

    Attributes
    ----------
    word : Word
        The present beat.
    available : Signal
        There is one.
    wanted : Signal
        To be assigned: a beat that is available is taken.
    ended : Signal
        The last beat was taken. To be cleared with the next task.
    waiting : Value
        There is a beat, of this packet or of the next one.
    """

    def __init__(self, m, source):
        # Registers and not the memory of a queue, for much follows from a beat in the cycle in which it is there.
        m.submodules.input = queue = Buffer(Word(len(source.payload.data)))
        connect(m, flipped(source), queue.i)
        self.word, self.waiting = queue.o.payload, queue.o.valid
        self.available, self.wanted, self.ended = (Signal(name=name) for name in ("available", "wanted", "ended"))
        m.d.comb += [self.available.eq(queue.o.valid & ~self.ended), queue.o.ready.eq(self.wanted & ~self.ended)]
        with m.If(self.available & self.wanted & self.word.last):
            m.d.sync += self.ended.eq(1)

    def add_end_states(self, m, draining, complete, running, finish):
        """States ``DRAIN``, in which what is left of a packet is taken, and ``WAIT``, until its result has left.

        To be called within the machine, whose state ``IDLE`` follows.

        Parameters
        ----------
        m : Module
        draining : Signal
            Register: a beat is wanted, to be dropped.
        complete, running : Signal
            Registers that are set, and both cleared.
        finish : Value
            Pulse: the result has left.
        """
        with m.State("DRAIN"):
            m.d.sync += draining.eq(~self.ended)
            with m.If(self.ended):
                m.d.sync += [draining.eq(0), complete.eq(1)]
                m.next = "WAIT"
        with m.State("WAIT"):
            with m.If(finish):
                m.d.sync += [complete.eq(0), running.eq(0)]
                m.next = "IDLE"
