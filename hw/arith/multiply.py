"""Registered multiplier behind one vendor choice."""

from amaranth.hdl import ClockSignal, Const, Instance, Module, Shape, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

_VENDORS = ("generic", "ecp5", "xilinx")
_ECP5_WIDTH = 18


class Multiply(wiring.Component):
    """``p = a * b``, through three registers.

    Latency 3 cycles and one product a cycle for every vendor, free running: no handshake, enable or reset. The second
    register of the product is of fabric on an ECP5, whose multiplier block takes half of a cycle to show its output. A
    DSP48 has two registers at its operands instead, so that an accumulator behind the product can be its own.

    Parameters
    ----------
    a_shape, b_shape : shape-like
        Shapes of the operands, each signed or unsigned, at least 1 bit.
    vendor : str
        ``"generic"``: an inferred multiplier between registers, which is also what simulates: one at each operand
        and two at the product.
        ``"ecp5"``: one MULT18X18D with its own input and output registers, operands up to 18 bits.
        ``"xilinx"``: an inferred multiplier marked ``use_dsp``, with two registers at each operand and one at the
        product, which become those of the DSP48 (AREG, BREG and MREG).

    Members
    -------
    a : In(a_shape)
    b : In(b_shape)
    p : Out(shape of a * b)

    Raises
    ------
    TypeError
        If a shape is not shape-like.
    ValueError
        If an operand has no bits, is wider than 18 bits with vendor ``"ecp5"``, or the vendor is unknown.
    """

    latency = 3

    def __init__(self, a_shape, b_shape, vendor="generic"):
        if vendor not in _VENDORS:
            raise ValueError(f"vendor must be one of {', '.join(_VENDORS)}, not {vendor!r}")
        shapes = []
        for name, value in (("a_shape", a_shape), ("b_shape", b_shape)):
            try:
                shape = Shape.cast(value)
            except TypeError as error:
                raise TypeError(f"{name} must be shape-like, not {value!r}") from error
            if shape.width < 1:
                raise ValueError(f"{name} must have at least 1 bit, not {value!r}")
            if vendor == "ecp5" and shape.width > _ECP5_WIDTH:
                raise ValueError(
                    f"{name} must have at most {_ECP5_WIDTH} bits with vendor 'ecp5', not {shape.width}")
            shapes.append(shape)
        self._a_shape, self._b_shape = shapes
        self._p_shape = Shape(
            self._a_shape.width + self._b_shape.width, self._a_shape.signed or self._b_shape.signed)
        self._vendor = vendor
        super().__init__({
            "a": In(self._a_shape),
            "b": In(self._b_shape),
            "p": Out(self._p_shape),
        })

    @property
    def vendor(self):
        """Target of the elaborated form."""
        return self._vendor

    def elaborate(self, platform):
        if self._vendor == "ecp5":
            return self._elaborate_ecp5()
        return self._elaborate_generic()

    def _elaborate_generic(self):
        m = Module()
        attrs = {"use_dsp": "yes"} if self._vendor == "xilinx" else {}
        # No reset, as the DSP has none connected: a reset in the fabric would keep the registers out of it.
        a = Signal(self._a_shape, reset_less=True)
        b = Signal(self._b_shape, reset_less=True)
        product = Signal(self._p_shape, reset_less=True, attrs=attrs)
        p = Signal(self._p_shape, reset_less=True)
        m.d.sync += [
            a.eq(self.a),
            b.eq(self.b),
        ]
        if self._vendor == "xilinx":
            a_2, b_2 = Signal.like(a, reset_less=True), Signal.like(b, reset_less=True)
            m.d.sync += [a_2.eq(a), b_2.eq(b), product.eq(a_2 * b_2)]
            m.d.comb += p.eq(product)
        else:
            m.d.sync += [product.eq(a * b), p.eq(product)]
        m.d.comb += self.p.eq(p)
        return m

    def _elaborate_ecp5(self):
        m = Module()
        a = Signal(Shape(_ECP5_WIDTH, self._a_shape.signed))
        b = Signal(Shape(_ECP5_WIDTH, self._b_shape.signed))
        product = Signal(2 * _ECP5_WIDTH)
        p = Signal(self._p_shape, reset_less=True)
        m.d.sync += p.eq(product)
        m.d.comb += [
            a.eq(self.a),
            b.eq(self.b),
            self.p.eq(p),
        ]
        clocked = {f"p_REG_{name}_{pin}": f"{pin}0"
                   for name in ("INPUTA", "INPUTB", "OUTPUT") for pin in ("CLK", "CE", "RST")}
        operands = {f"i_{port}{n}": value[n] for port, value in (("A", a), ("B", b))
                    for n in range(_ECP5_WIDTH)}
        unused = {f"i_C{n}": Const(0) for n in range(_ECP5_WIDTH)}
        outputs = {f"o_P{n}": product[n] for n in range(2 * _ECP5_WIDTH)}
        m.submodules.dsp = Instance(
            "MULT18X18D",
            **clocked,
            p_REG_INPUTC_CLK="NONE",
            p_REG_PIPELINE_CLK="NONE",
            p_SOURCEB_MODE="B_SHIFT",
            p_MULT_BYPASS="DISABLED",
            p_RESETMODE="SYNC",
            p_GSR="DISABLED",
            i_CLK0=ClockSignal(),
            i_CE0=Const(1),
            i_RST0=Const(0),
            i_SIGNEDA=Const(int(self._a_shape.signed)),
            i_SIGNEDB=Const(int(self._b_shape.signed)),
            i_SOURCEA=Const(0),
            i_SOURCEB=Const(0),
            **operands,
            **unused,
            **outputs,
        )
        return m
