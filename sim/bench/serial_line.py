"""The cocotb test that `sim.runner.serial_simulation` starts: a pseudo-terminal at the other end of a serial line."""

import os
import tty
from collections import deque

import cocotb
from cocotb.queue import Queue

from .clocking import Clocking
from .exchange import JOB_VARIABLE, read_job

__all__ = ["PORT_FILE", "STOP_FILE", "run_line"]

#: Files in the directory of the job: the name of the pseudo-terminal, and that it is no longer needed.
PORT_FILE, STOP_FILE = "port", "stop"

_RESET_CYCLES = 4
# Between two looks at the pseudo-terminal and at the files.
_LOOK_CYCLES = 200
_READ_BYTES = 4096


async def _transmit(dut, clocking, divisor, queue):
    """Put bytes on the line that the device listens to."""
    while True:
        byte = await queue.get()
        for bit in (0, *(byte >> place & 1 for place in range(8)), 1):
            dut.uart_rx.value = bit
            await clocking.wait(divisor)


async def _receive(dut, clocking, divisor, received):
    """Take bytes off the line that the device drives."""
    while True:
        if int(dut.uart_tx.value):
            await dut.uart_tx.falling_edge
        await clocking.wait(divisor // 2)
        byte = 0
        for place in range(8):
            await clocking.wait(divisor)
            byte |= int(dut.uart_tx.value) << place
        await clocking.wait(divisor)
        assert int(dut.uart_tx.value), "the device sent a byte without a stop bit"
        received.append(byte)


@cocotb.test()
async def run_line(dut):
    """Carry bytes between the pseudo-terminal and the line until the file `STOP_FILE` appears."""
    directory = os.environ[JOB_VARIABLE]
    divisor = read_job(directory)[0]["divisor"]
    parent = os.getppid()
    controller, device = os.openpty()
    tty.setraw(device)
    os.set_blocking(controller, False)

    dut.uart_rx.value = 1
    dut.rst.value = 1
    clocking = Clocking(dut.clk)
    clocking.start()
    await clocking.wait(_RESET_CYCLES)
    dut.rst.value = 0
    await clocking.wait(1)
    to_device, from_device = Queue(), deque()
    cocotb.start_soon(_transmit(dut, clocking, divisor, to_device))
    cocotb.start_soon(_receive(dut, clocking, divisor, from_device))

    partial = os.path.join(directory, f"{PORT_FILE}.partial")
    with open(partial, "w", encoding="utf-8") as file:
        file.write(os.ttyname(device))
    os.replace(partial, os.path.join(directory, PORT_FILE))
    # An orphan has nobody to wait for.
    while not os.path.exists(os.path.join(directory, STOP_FILE)) and os.getppid() == parent:
        try:
            for byte in os.read(controller, _READ_BYTES):
                to_device.put_nowait(byte)
        except BlockingIOError:
            pass
        while from_device:
            try:
                os.write(controller, bytes([from_device[0]]))
            except BlockingIOError:
                break
            from_device.popleft()
        await clocking.wait(_LOOK_CYCLES)
