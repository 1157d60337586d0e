"""AXI's handshake rules, and X on outputs, checked without waking each cycle."""

__all__ = ["HandshakeRule", "Violations", "watch_channel", "watch_unknown"]

#: More of the same say nothing new, and a broken design may break a rule in each cycle.
_LIMIT = 100


class Violations(list):
    """List of sentences, each with its cycle."""

    def __init__(self, clocking):
        super().__init__()
        self._clocking = clocking

    def report(self, what):
        """Add a violation that shows in the present cycle."""
        if len(self) < _LIMIT:
            self.append(f"{what} in cycle {self._clocking.cycle}")


class HandshakeRule:
    """Once valid, an offer holds unchanged until it is taken (AMBA AXI, A3.2.1).

    Parameters
    ----------
    name : str
        Of the channel, with its final ``_`` (or ``_t``): ``"m_axis_t"``.
    payload : dict of str to LogicObject
        The channel's payload by port name.
    """

    def __init__(self, name, payload, violations):
        self._name = name
        self._payload = payload
        self._violations = violations
        self._held = None

    def forget(self):
        """A reset ends what was offered."""
        self._held = None

    def observe(self, valid, ready):
        """Check one rising edge; to be called for each edge that sees ``valid``, and the one after it."""
        if not valid:
            if self._held is not None:
                self._violations.report(f"{self._name}valid fell before {self._name}ready rose")
            self._held = None
            return
        if self._held is None and ready:
            return
        offered = {name: str(port.value) for name, port in self._payload.items()}
        if self._held is not None:
            for name, value in offered.items():
                if value != self._held[name]:
                    self._violations.report(f"{name} changed before {self._name}ready rose")
        self._held = None if ready else offered


def is_high(port):
    """Whether a one-bit port is 1; X counts as 0 (`watch_unknown` reports it)."""
    return str(port.value) == "1"


async def watch_channel(clocking, name, valid, ready, payload, violations):
    """Apply `HandshakeRule` to a channel, and look for X in its payload; asleep while it is not valid."""
    rule = HandshakeRule(name, payload, violations)
    while True:
        await valid.rising_edge
        while True:
            await clocking.edge
            is_valid, is_ready = is_high(valid), is_high(ready)
            rule.observe(is_valid, is_ready)
            if not is_valid:
                break
            for port_name, port in payload.items():
                if set(str(port.value)) - {"0", "1"}:
                    violations.report(f"{port_name} is {port.value} while {name}valid is 1")


async def watch_unknown(clocking, ports, violations, interval=64, first=16):
    """Report each of the one-bit outputs `ports` that is X or Z, once.

    Looks at every edge of the `first` cycles, and at one of each `interval` cycles later on.
    """
    ports = dict(ports)
    cycle = 0
    while ports:
        for name, port in list(ports.items()):
            if str(port.value) not in ("0", "1"):
                violations.report(f"{name} is {port.value} after reset")
                del ports[name]
        await clocking.wait(1 if cycle < first else interval)
        cycle += 1
