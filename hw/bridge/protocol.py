"""The serial protocol between a host and :class:`~hw.bridge.uart_bridge.UartBridge`.

The host asks, the bridge answers; the bridge never speaks unasked. Bytes are 8N1, numbers are little-endian. Requests
and answers are frames of SLIP (RFC 1055): END, the escaped bytes, END. Whatever garbage there was, an END ends it.

====== ================================================================================================
frame  bytes
====== ================================================================================================
ask    command, sequence, payload, CRC
answer status, sequence of the request, flags, payload, CRC
====== ================================================================================================

CRC is CRC-16/XMODEM of all bytes before it, high byte first. A frame that is damaged (CRC, escape, stop bit, length) is
answered with BAD_FRAME and sequence 0, and nothing else happens. A request with the sequence of the one before is not
done again, but gets the same answer again: so a host that missed an answer just repeats. Requests with sequence 0 are
always done.

========= ========================== ==========================================================================
command   payload                    answer
========= ========================== ==========================================================================
HELLO     none                       version (1), 1 if there is a fetch port (1), bytes of a beat (2), most data
                                     bytes of a frame (2), stop bits that were missing (2), damaged frames (2)
READ      address (2)                value (4); REFUSED if there is no such register
WRITE     address (2), value (4)     none; REFUSED likewise
SEND      bytes of a packet (2),     none; BUSY and nothing taken if the data does not fit into the queue. TLAST is on
          whole beats of data        the last of each so many bytes, counted from the first of the frame; 0: on none
RECEIVE   none                       as many bytes of the result as there are; ENDS if a packet ends with them
FETCH     none                       bytes of requests for rows, 4 each; those of a request may be parted
SERVE     as SEND                    as SEND, to the stream of rows
RESET     none                       none; the accelerator and all queues are as after power-up
========= ========================== ==========================================================================
"""

from enum import IntEnum, IntFlag

VERSION = 1

END, ESCAPE, ESCAPED_END, ESCAPED_ESCAPE = 0xC0, 0xDB, 0xDC, 0xDD


class Command(IntEnum):
    """First byte of a request."""

    HELLO = 0x00
    READ = 0x01
    WRITE = 0x02
    SEND = 0x03
    RECEIVE = 0x04
    FETCH = 0x05
    SERVE = 0x06
    RESET = 0x07


class Status(IntEnum):
    """First byte of an answer."""

    OK = 0x00
    BUSY = 0x01
    REFUSED = 0x02
    BAD_LENGTH = 0x03
    BAD_COMMAND = 0x04
    BAD_FRAME = 0x05


class Flags(IntFlag):
    """Third byte of an answer, as of when it was made."""

    RESULT = 0x01
    REQUESTS = 0x02
    INTERRUPT = 0x04
    ENDS = 0x08
