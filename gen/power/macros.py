"""Memories as cells: their Yosys mapping, their behaviour for simulation and their Liberty library for timing."""

__all__ = ["liberty", "mapping", "model", "ports"]


def ports(macro):
    """Ports of a macro's cell: list of (name, direction, width)."""
    address = max(1, (macro.words - 1).bit_length())
    found = [("CK", "input", 1)]
    for port in range(macro.read_ports):
        found += [(f"R{port}E", "input", 1), (f"R{port}A", "input", address), (f"R{port}D", "output", macro.width)]
    for port in range(macro.write_ports):
        found += [(f"W{port}E", "input", macro.width), (f"W{port}A", "input", address),
                  (f"W{port}D", "input", macro.width)]
    return found


def _header(macro):
    declarations = ", ".join(f"{direction}{f' [{width - 1}:0]' if width > 1 else ''} {name}"
                             for name, direction, width in ports(macro))
    return f"module {macro.name}({declarations});"


def model(macro):
    """Verilog of the cell: registered reads, writes bit by bit; what a read and a write of one word at once give is
    the old word."""
    lines = [_header(macro), f"  reg [{macro.width - 1}:0] words [0:{macro.words - 1}];"]
    for port in range(macro.read_ports):
        name = f"R{port}"
        lines += [f"  reg [{macro.width - 1}:0] {name.lower()};", f"  assign {name}D = {name.lower()};",
                  f"  always @(posedge CK) if ({name}E) {name.lower()} <= words[{name}A];"]
    for port in range(macro.write_ports):
        name = f"W{port}"
        lines += [f"  always @(posedge CK) if (|{name}E)",
                  f"    words[{name}A] <= (words[{name}A] & ~{name}E) | ({name}D & {name}E);"]
    initial = [f"    for (word = 0; word < {macro.words}; word = word + 1) words[word] = 0;"]
    initial += [f"    r{port} = 0;" for port in range(macro.read_ports)]
    return "\n".join([*lines, "  integer word;", "  initial begin", *initial, "  end", "endmodule", ""])


def mapping(macros):
    """Verilog for ``techmap`` that turns memories of the given shapes, whose reads are registered, into cells.

    A memory that asks for more (a reset of its output, old or new data by choice, ports of several words) stays.
    """
    modules = []
    for macro in macros:
        reads, writes = macro.read_ports, macro.write_ports
        address = max(1, (macro.words - 1).bit_length())
        pins = [".CK(RD_CLK[0])"]
        for port in range(reads):
            pins += [f".R{port}E(RD_EN[{port}])", f".R{port}A(RD_ADDR[{port}*ABITS +: {address}])",
                     f".R{port}D(RD_DATA[{port}*WIDTH +: WIDTH])"]
        for port in range(writes):
            pins += [f".W{port}E(WR_EN[{port}*WIDTH +: WIDTH])", f".W{port}A(WR_ADDR[{port}*ABITS +: {address}])",
                     f".W{port}D(WR_DATA[{port}*WIDTH +: WIDTH])"]
        modules.append(f"""\
(* techmap_celltype = "$mem_v2" *)
module map_{macro.name}(RD_CLK, RD_EN, RD_ARST, RD_SRST, RD_ADDR, RD_DATA, WR_CLK, WR_EN, WR_ADDR, WR_DATA);
  parameter MEMID = "";
  parameter signed SIZE = 4, OFFSET = 0, ABITS = 2, WIDTH = 8, RD_PORTS = 1, WR_PORTS = 1;
  parameter [SIZE*WIDTH-1:0] INIT = {{SIZE*WIDTH{{1'bx}}}};
  parameter RD_CLK_ENABLE = 1, RD_CLK_POLARITY = 1, RD_TRANSPARENCY_MASK = 0, RD_COLLISION_X_MASK = 0;
  parameter RD_WIDE_CONTINUATION = 0, RD_CE_OVER_SRST = 0, RD_ARST_VALUE = 0, RD_SRST_VALUE = 0, RD_INIT_VALUE = 0;
  parameter WR_CLK_ENABLE = 1, WR_CLK_POLARITY = 1, WR_PRIORITY_MASK = 0, WR_WIDE_CONTINUATION = 0;
  parameter _TECHMAP_CONSTMSK_RD_ARST_ = 0, _TECHMAP_CONSTVAL_RD_ARST_ = 0;
  parameter _TECHMAP_CONSTMSK_RD_SRST_ = 0, _TECHMAP_CONSTVAL_RD_SRST_ = 0;
  input [RD_PORTS-1:0] RD_CLK, RD_EN, RD_ARST, RD_SRST;
  input [RD_PORTS*ABITS-1:0] RD_ADDR;
  output [RD_PORTS*WIDTH-1:0] RD_DATA;
  input [WR_PORTS-1:0] WR_CLK;
  input [WR_PORTS*WIDTH-1:0] WR_EN, WR_DATA;
  input [WR_PORTS*ABITS-1:0] WR_ADDR;
  wire _TECHMAP_FAIL_ = SIZE != {macro.words} || WIDTH != {macro.width} || RD_PORTS != {reads} || WR_PORTS != {writes}
    || OFFSET != 0 || ABITS < {address}
    || RD_CLK_ENABLE != {{{reads}{{1'b1}}}} || RD_CLK_POLARITY != {{{reads}{{1'b1}}}}
    || RD_TRANSPARENCY_MASK != 0 || RD_WIDE_CONTINUATION != 0 || WR_WIDE_CONTINUATION != 0
    || WR_CLK_ENABLE != {{{writes}{{1'b1}}}} || WR_CLK_POLARITY != {{{writes}{{1'b1}}}}
    || _TECHMAP_CONSTMSK_RD_ARST_ != {{{reads}{{1'b1}}}} || _TECHMAP_CONSTVAL_RD_ARST_ != 0
    || _TECHMAP_CONSTMSK_RD_SRST_ != {{{reads}{{1'b1}}}} || _TECHMAP_CONSTVAL_RD_SRST_ != 0;
  {macro.name} _TECHMAP_REPLACE_ ({", ".join(pins)});
endmodule
""")
    return "\n".join([*modules, *("(* blackbox *)\n" + _header(macro) + "\nendmodule\n" for macro in macros)])


def liberty(macros, sram, node, header):
    """Liberty library of the cells, with area, setup and access time of the model, and no power.

    Parameters
    ----------
    macros : iterable of :class:`gen.synth.sram.Macro`
    sram : :class:`gen.synth.sram.SramModel`
    node : :class:`gen.synth.sram.Node`
    header : :class:`gen.power.cells.Units`
        Units and thresholds of the cell library beside which it is read.

    Returns
    -------
    str
    """
    types, cells = set(), []
    for macro in macros:
        access = sram.delay_ns(macro, node) * 1e-9 / header.time
        pins = []
        for name, direction, width in ports(macro):
            types.add(width)
            kind, opening = ("bus", f"bus_type : bus{width};") if width > 1 else ("pin", "")
            capacitance = sram.input_farads(node) / header.capacitance
            if name == "CK":
                body = f"clock : true; capacitance : {capacitance:.6g};"
            elif direction == "input":
                # A tenth of the access time before the edge; none after it.
                body = (f"capacitance : {capacitance:.6g}; "
                        f"timing () {{ related_pin : \"CK\"; timing_type : setup_rising; "
                        f"{_edges('constraint', access / 10)} }} timing () {{ related_pin : \"CK\"; "
                        f"timing_type : hold_rising; {_edges('constraint', 0)} }}")
            else:
                transitions = " ".join(f"{edge}_transition (scalar) {{ values (\"{access / 10:.6g}\"); }}"
                                       for edge in ("rise", "fall"))
                delays = " ".join(f"cell_{edge} (scalar) {{ values (\"{access:.6g}\"); }}" for edge in ("rise", "fall"))
                body = (f"timing () {{ related_pin : \"CK\"; timing_type : rising_edge; "
                        f"timing_sense : non_unate; {delays} {transitions} }}")
            pins.append(f"    {kind} ({name}) {{ {opening} direction : {direction}; {body} }}")
        cells.append(f"  cell ({macro.name}) {{ area : {sram.area_um2(macro, node):.1f}; is_macro_cell : true;\n"
                     + "\n".join(pins) + "\n  }")
    buses = [f"  type (bus{width}) {{ base_type : array; data_type : bit; bit_width : {width}; bit_from : {width - 1}; "
             f"bit_to : 0; downto : true; }}" for width in sorted(types) if width > 1]
    return "\n".join(["/* Memories by the model of Thresher: area and times, no power. */", "library (memories) {",
                      "  delay_model : table_lookup;", *(f"  {line}" for line in header.lines), *buses, *cells,
                      "}", ""])


def _edges(kind, value):
    return " ".join(f"{edge}_{kind} (scalar) {{ values (\"{value:.6g}\"); }}" for edge in ("rise", "fall"))

