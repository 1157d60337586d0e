"""Serial bridge: a host on a UART drives registers and streams of a shell."""

from .bridged_shell import BridgedShell
from .protocol import Command, Flags, Status
from .uart import MIN_DIVISOR, UartReceiver, UartTransmitter
from .uart_bridge import UartBridge

__all__ = ["MIN_DIVISOR", "BridgedShell", "Command", "Flags", "Status", "UartBridge", "UartReceiver", "UartTransmitter"]
