"""Boards with an ECP5 that a bitstream can be made for."""

from dataclasses import dataclass

from gen.errors import ThresherError

__all__ = ["BOARDS", "Board", "find_board"]

#: Ports that the top of every board has, in the order of the constraints.
PORTS = ("clk", "uart_rx", "uart_tx", "led")


@dataclass(frozen=True)
class Board:
    """A board.

    Attributes
    ----------
    name, title : str
        As the user writes it, and as people call it.
    device, package, speed : str, str, int
        What nextpnr calls the FPGA.
    part : str
        What Lattice calls it.
    clock_mhz : float
        Oscillator of the board.
    pins : dict of str to (str, dict)
        Site of each of the ports and attributes of its pad.
    high : dict of str to (str, dict)
        Other pins, by port, that have to be driven high.
    led_low : bool
        Whether the light is on when its pin is low.
    bauds : tuple of int
        Speeds that its USB converter makes without an error, fastest first.
    port : str
        How Linux calls the serial port.
    load : tuple of str
        Commands that load the bitstream ``{bit}``.
    """

    name: str
    title: str
    device: str
    package: str
    speed: int
    part: str
    clock_mhz: float
    pins: dict
    high: dict
    led_low: bool
    bauds: tuple
    port: str
    load: tuple

    @property
    def identifier(self):
        """The name as a part of a Verilog identifier and of file names."""
        return self.name.replace("-", "_")


def _ulx3s():
    from amaranth_boards.ulx3s import ULX3S_85F_Platform

    # The FT231X divides 3 MHz by 1, by 1.5, and from 2 on in eighths.
    return _board("ulx3s-85f", "ULX3S with LFE5U-85F", ULX3S_85F_Platform, "clk25",
                  bauds=(3_000_000, 2_000_000, 1_500_000, 1_000_000, 500_000, 115_200), port="/dev/ttyUSB0",
                  load=("openFPGALoader -b ulx3s {bit}", "fujprog {bit}"),
                  # Low, it lets the ESP32 reboot the board.
                  high={"wifi_gpio0": ("esp32", "gpio0")})


def _colorlight_i9():
    from amaranth.build import Attrs, Clock, Pins, PinsN, Resource
    from amaranth.vendor import LatticeECP5Platform
    from amaranth_boards.resources import UARTResource

    class ColorlightI9Platform(LatticeECP5Platform):
        """Module Colorlight i9 v7.2 on MuseLab's extension board, which amaranth-boards does not have."""

        device, package, speed, default_clk = "LFE5U-45F", "BG381", "6", "clk25"
        resources = [
            Resource("clk25", 0, Pins("P3", dir="i"), Clock(25e6), Attrs(IO_TYPE="LVCMOS33")),
            Resource("led", 0, PinsN("L2", dir="o"), Attrs(IO_TYPE="LVCMOS33")),
            UARTResource(0, rx="H18", tx="J17", attrs=Attrs(IO_TYPE="LVCMOS33")),
        ]
        connectors = []

    # The serial port of the debug probe on the extension board: a microcontroller, not made for more.
    return _board("colorlight-i9", "Colorlight i9 v7.2 on its extension board", ColorlightI9Platform, "clk25",
                  bauds=(921_600, 460_800, 115_200), port="/dev/ttyACM0",
                  load=("openFPGALoader -b colorlight-i9 {bit}", "ecpdap program {bit}"))


#: Functions that make a :class:`Board`, by name. They import amaranth-boards.
BOARDS = {"ulx3s-85f": _ulx3s, "colorlight-i9": _colorlight_i9}


def find_board(name):
    """The board of that name.

    Returns
    -------
    :class:`Board`

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If there is none, or amaranth-boards is not installed.
    """
    if name not in BOARDS:
        raise ThresherError(f"Board must be one of {', '.join(BOARDS)}, not {name!r}.")
    try:
        return BOARDS[name]()
    except ImportError as error:
        raise ThresherError("Boards need the Python package amaranth-boards: run "
                            f"`pip install amaranth-boards` ({error}).") from error


def _board(name, title, platform_class, clock, *, bauds, port, load, high=None):
    """A board from the definitions of an Amaranth platform: `clock`, a UART and a light, and pins to drive high."""
    from amaranth.build import Subsignal

    platform = platform_class()
    oscillator, uart, light = platform.lookup(clock), platform.lookup("uart"), platform.lookup("led")

    def subsignal(resource, name):
        return next(io for io in resource.ios if isinstance(io, Subsignal) and io.name == name)

    def pin(resource, parent):
        return resource.ios[0].names[0], {**parent.attrs, **resource.attrs}

    return Board(
        name=name, title=title, device=platform.device.rpartition("-")[2].replace("F", "k"),
        package=platform.package.replace("BG", "CABGA"), speed=int(platform.speed), part=platform.device,
        clock_mhz=oscillator.clock.frequency / 1e6,
        pins={"clk": pin(oscillator, oscillator), "uart_rx": pin(subsignal(uart, "rx"), uart),
              "uart_tx": pin(subsignal(uart, "tx"), uart), "led": pin(light, light)},
        high={port: pin(subsignal(platform.lookup(resource), name), platform.lookup(resource))
              for port, (resource, name) in (high or {}).items()},
        led_low=light.ios[0].invert, bauds=bauds, port=port, load=load)
