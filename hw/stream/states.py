"""A state machine with a register for each state, so that what is done in a state depends on few others."""

from amaranth.hdl import Signal

__all__ = ["States"]


class States:
    """States of which exactly one is on.

    Parameters
    ----------
    m : Module
        Module that the registers are added to.
    *names : str
        The states; the first one is on after a reset.

    Attributes
    ----------
    at : dict of str to Signal
        Whether a state is on.
    """

    def __init__(self, m, *names):
        self._m = m
        self.at = {name: Signal(name=f"at_{name}", init=name == names[0]) for name in names}

    def leave(self, name, ready=1, **following):
        """Leave a state when it is on and `ready`; to be called once for each state.

        Parameters
        ----------
        name : str
        ready : Value
        **following : Value
            By their names the states that may follow it, of whose conditions exactly one is to hold.

        Returns
        -------
        Signal
            The state is left in this cycle.
        """
        m, left = self._m, Signal(name=f"left_{name}")
        m.d.comb += left.eq(self.at[name] & ready)
        with m.If(left):
            m.d.sync += [self.at[name].eq(0), *(self.at[target].eq(condition)
                                                for target, condition in following.items())]
        return left
