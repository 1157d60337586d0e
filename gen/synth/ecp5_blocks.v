// Behaviour of the ECP5's block memory and multiplier, of which Yosys has the ports only, in the modes that Yosys and
// hw/arith/multiply.py use. Another mode stops the compilation at a module that does not exist and whose name says why;
// what only turns out in the simulation stops that. Ports that are not here, such as the chains of multipliers, are an
// error where they are connected. GSR, which acts when the device wakes up, is ignored. Yosys reads the multiplier only.

`ifndef SYNTHESIS
// 18 Kbit with two ports, each 1, 2, 4, 9 or 18 bits wide; or port A writes 36 bits, and port B may read as many, with
// the data pins of both. A byte is 9 bits, of which narrow ports reach 8. Nothing is promised of a bit that one port
// reads or writes while the other writes it: it is X.
module DP16KD (
  input DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1,
  DIA0, ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0, CEA, OCEA, CLKA, WEA,
  RSTA, CSA2, CSA1, CSA0,
  output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2,
  DOA1, DOA0,
  input DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1,
  DIB0, ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0, CEB, OCEB, CLKB, WEB,
  RSTB, CSB2, CSB1, CSB0,
  output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2,
  DOB1, DOB0
);
  parameter integer DATA_WIDTH_A = 18, DATA_WIDTH_B = 18, WID = 0;
  parameter REGMODE_A = "NOREG", REGMODE_B = "NOREG", RESETMODE = "SYNC", ASYNC_RESET_RELEASE = "SYNC";
  parameter CSDECODE_A = "0b000", CSDECODE_B = "0b000", WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL";
  parameter CLKAMUX = "CLKA", CLKBMUX = "CLKB", GSR = "ENABLED", INIT_DATA = "STATIC";
  // 16 words of 18 bits each, a word in 20 bits.
  parameter [319:0]
    INITVAL_00 = 0, INITVAL_01 = 0, INITVAL_02 = 0, INITVAL_03 = 0, INITVAL_04 = 0, INITVAL_05 = 0, INITVAL_06 = 0,
    INITVAL_07 = 0, INITVAL_08 = 0, INITVAL_09 = 0, INITVAL_0A = 0, INITVAL_0B = 0, INITVAL_0C = 0, INITVAL_0D = 0,
    INITVAL_0E = 0, INITVAL_0F = 0, INITVAL_10 = 0, INITVAL_11 = 0, INITVAL_12 = 0, INITVAL_13 = 0, INITVAL_14 = 0,
    INITVAL_15 = 0, INITVAL_16 = 0, INITVAL_17 = 0, INITVAL_18 = 0, INITVAL_19 = 0, INITVAL_1A = 0, INITVAL_1B = 0,
    INITVAL_1C = 0, INITVAL_1D = 0, INITVAL_1E = 0, INITVAL_1F = 0, INITVAL_20 = 0, INITVAL_21 = 0, INITVAL_22 = 0,
    INITVAL_23 = 0, INITVAL_24 = 0, INITVAL_25 = 0, INITVAL_26 = 0, INITVAL_27 = 0, INITVAL_28 = 0, INITVAL_29 = 0,
    INITVAL_2A = 0, INITVAL_2B = 0, INITVAL_2C = 0, INITVAL_2D = 0, INITVAL_2E = 0, INITVAL_2F = 0, INITVAL_30 = 0,
    INITVAL_31 = 0, INITVAL_32 = 0, INITVAL_33 = 0, INITVAL_34 = 0, INITVAL_35 = 0, INITVAL_36 = 0, INITVAL_37 = 0,
    INITVAL_38 = 0, INITVAL_39 = 0, INITVAL_3A = 0, INITVAL_3B = 0, INITVAL_3C = 0, INITVAL_3D = 0, INITVAL_3E = 0,
    INITVAL_3F = 0;
  localparam [64*320-1:0] INITIAL = {
    INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A, INITVAL_39, INITVAL_38, INITVAL_37,
    INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32, INITVAL_31, INITVAL_30, INITVAL_2F, INITVAL_2E,
    INITVAL_2D, INITVAL_2C, INITVAL_2B, INITVAL_2A, INITVAL_29, INITVAL_28, INITVAL_27, INITVAL_26, INITVAL_25,
    INITVAL_24, INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20, INITVAL_1F, INITVAL_1E, INITVAL_1D, INITVAL_1C,
    INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18, INITVAL_17, INITVAL_16, INITVAL_15, INITVAL_14, INITVAL_13,
    INITVAL_12, INITVAL_11, INITVAL_10, INITVAL_0F, INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A,
    INITVAL_09, INITVAL_08, INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03, INITVAL_02, INITVAL_01,
    INITVAL_00};

  generate
    if ((DATA_WIDTH_A != 1 && DATA_WIDTH_A != 2 && DATA_WIDTH_A != 4 && DATA_WIDTH_A != 9 && DATA_WIDTH_A != 18
         && DATA_WIDTH_A != 36)
        || (DATA_WIDTH_B != 1 && DATA_WIDTH_B != 2 && DATA_WIDTH_B != 4 && DATA_WIDTH_B != 9 && DATA_WIDTH_B != 18
            && DATA_WIDTH_B != 36) || (DATA_WIDTH_B == 36 && DATA_WIDTH_A != 36))
      DP16KD_with_these_DATA_WIDTHs_has_no_model stop();
    if ((REGMODE_A != "NOREG" && REGMODE_A != "OUTREG") || (REGMODE_B != "NOREG" && REGMODE_B != "OUTREG"))
      DP16KD_with_this_REGMODE_has_no_model stop();
    if (CSDECODE_A != "0b000" || CSDECODE_B != "0b000")
      DP16KD_with_this_CSDECODE_has_no_model stop();
    if ((WRITEMODE_A != "NORMAL" && WRITEMODE_A != "WRITETHROUGH" && WRITEMODE_A != "READBEFOREWRITE")
        || (WRITEMODE_B != "NORMAL" && WRITEMODE_B != "WRITETHROUGH" && WRITEMODE_B != "READBEFOREWRITE"))
      DP16KD_with_this_WRITEMODE_has_no_model stop();
    if (CLKAMUX != "CLKA" || CLKBMUX != "CLKB")
      DP16KD_with_an_inverted_clock_has_no_model stop();
    if ((RESETMODE != "SYNC" && RESETMODE != "ASYNC") || INIT_DATA != "STATIC")
      DP16KD_with_this_RESETMODE_or_INIT_DATA_has_no_model stop();
  endgenerate

  wire [13:0] address_a = {
    ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
  wire [13:0] address_b = {
    ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
  wire [35:0] data_a = {
    DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1,
    DIB0, DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2,
    DIA1, DIA0};
  // Of each port: what it has read, and the register behind that.
  reg [35:0] read [0:1], registered [0:1];
  wire [35:0] out_a = REGMODE_A == "OUTREG" ? registered[0] : read[0];
  wire [35:0] out_b = REGMODE_B == "OUTREG" ? registered[1] : read[1];
  assign {
    DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1,
    DOA0} = DATA_WIDTH_B == 36 ? out_b[17:0] : out_a[17:0];
  assign {
    DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1,
    DOB0} = DATA_WIDTH_B == 36 ? out_b[35:18] : out_b[17:0];

  reg memory [0:18431];
  // The latest access of each port, which the other one may meet.
  time at [0:1];
  integer place [0:1];
  reg [35:0] writes [0:1], latest [0:1];
  reg reads [0:1];
  integer word, digit;

  initial begin
    for (word = 0; word < 1024; word = word + 1)
      for (digit = 0; digit < 18; digit = digit + 1)
        memory[word * 18 + digit] = INITIAL[word * 20 + digit];
    for (word = 0; word < 2; word = word + 1) begin
      read[word] = 0; registered[word] = 0; latest[word] = 0; writes[word] = 0; reads[word] = 0; place[word] = 0;
      at[word] = ~0;
    end
  end

  task automatic stop(input [8*60:1] reason);
    begin
      $display("%m: DP16KD %0s, of which its model knows nothing", reason);
      $finish;
    end
  endtask

  // Lowest bit of a word.
  function automatic integer lowest(input integer width, input [13:0] address);
    case (width)
      36: lowest = address[13:5] * 36;
      18: lowest = address[13:4] * 18;
      9: lowest = address[13:3] * 9;
      4: lowest = address[13:3] * 9 + address[2] * 4;
      2: lowest = address[13:3] * 9 + address[2:1] * 2;
      default: lowest = address[13:3] * 9 + address[2:0];
    endcase
  endfunction

  // A rising edge at a port. While it writes, NORMAL keeps what the port has read; WRITETHROUGH reads what is written
  // and READBEFOREWRITE what was there. The lowest bits of the address of a wide word are enables of its bytes.
  task automatic access(input port, input integer width, input [8*16:1] mode, input write, input [13:0] address,
              input [35:0] data);
    integer n, m, start;
    reg meets, shows, other_shows;
    reg [35:0] mask, word_now, other_mask, other_word;
    begin
      if (^write === 1'bx || (write && ^address === 1'bx)) stop("writes unknown words");
      start = lowest(width, address);
      shows = !write || mode != "NORMAL";
      meets = at[!port] == $time;
      {other_shows, other_mask, other_word} = {reads[!port], writes[!port], latest[!port]};
      word_now = latest[port];
      mask = 0;
      for (n = 0; n < width; n = n + 1) begin
        mask[n] = write && (width < 18 || address[n / 9]);
        if (shows) word_now[n] = mode == "WRITETHROUGH" && mask[n] ? data[n] : memory[start + n];
        if (mask[n]) memory[start + n] <= data[n];
        m = start + n - place[!port];
        if (meets && m >= 0 && m < 36) begin
          if (other_mask[m] && shows) word_now[n] = 1'bx;
          if (mask[n] && other_shows) other_word[m] = 1'bx;
          if (other_mask[m] && mask[n]) memory[start + n] <= 1'bx;
        end
      end
      place[port] = start;
      reads[port] = shows;
      writes[port] = mask;
      latest[port] = word_now;
      at[port] = $time;
      read[port] <= word_now;
      if (meets) begin
        latest[!port] = other_word;
        read[!port] <= other_word;
      end
    end
  endtask

  // Both registers of an output; whether the port is enabled does not matter.
  task automatic reset(input port);
    begin
      if (RESETMODE == "ASYNC") stop("has an asynchronous reset");
      latest[port] = 0;
      read[port] <= 0;
      registered[port] <= 0;
    end
  endtask

  always @(posedge CLKA) begin
    if (OCEA) registered[0] <= read[0];
    if (RSTA) reset(0);
    else if (CEA && !{CSA2, CSA1, CSA0}) access(0, DATA_WIDTH_A, WRITEMODE_A, WEA, address_a, data_a);
  end

  always @(posedge CLKB) begin
    if (WEB !== 0 && DATA_WIDTH_A == 36) stop("writes with both ports through the same pins");
    if (OCEB) registered[1] <= read[1];
    if (RSTB) reset(1);
    else if (CEB && !{CSB2, CSB1, CSB0}) access(1, DATA_WIDTH_B, WRITEMODE_B, WEB, address_b, data_a >> 18);
  end
endmodule
`endif

// 36-bit product of two operands of 18 bits, each with or without a sign. Operands, product and output have a register
// each or none. Operand C takes no part in it.
module MULT18X18D (
  input A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0, B17, B16, B15, B14, B13, B12,
  B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0, C17, C16, C15, C14, C13, C12, C11, C10, C9, C8, C7, C6, C5, C4,
  C3, C2, C1, C0, SIGNEDA, SIGNEDB, SOURCEA, SOURCEB, CLK3, CLK2, CLK1, CLK0, CE3, CE2, CE1, CE0, RST3, RST2, RST1,
  RST0,
  output P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16, P15,
  P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0
);
  parameter REG_INPUTA_CLK = "NONE", REG_INPUTA_CE = "CE0", REG_INPUTA_RST = "RST0";
  parameter REG_INPUTB_CLK = "NONE", REG_INPUTB_CE = "CE0", REG_INPUTB_RST = "RST0";
  parameter REG_INPUTC_CLK = "NONE", REG_INPUTC_CE = "CE0", REG_INPUTC_RST = "RST0";
  parameter REG_PIPELINE_CLK = "NONE", REG_PIPELINE_CE = "CE0", REG_PIPELINE_RST = "RST0";
  parameter REG_OUTPUT_CLK = "NONE", REG_OUTPUT_CE = "CE0", REG_OUTPUT_RST = "RST0";
  parameter CLK0_DIV = "ENABLED", CLK1_DIV = "ENABLED", CLK2_DIV = "ENABLED", CLK3_DIV = "ENABLED";
  parameter HIGHSPEED_CLK = "NONE", GSR = "ENABLED", CAS_MATCH_REG = "FALSE", SOURCEB_MODE = "B_SHIFT";
  parameter MULT_BYPASS = "DISABLED", RESETMODE = "SYNC";

  generate
    if (SOURCEB_MODE != "B_SHIFT" || MULT_BYPASS != "DISABLED" || CAS_MATCH_REG != "FALSE")
      MULT18X18D_with_this_SOURCEB_MODE_MULT_BYPASS_or_CAS_MATCH_REG_has_no_model stop();
    if (HIGHSPEED_CLK != "NONE" || CLK0_DIV != "ENABLED" || CLK1_DIV != "ENABLED" || CLK2_DIV != "ENABLED"
        || CLK3_DIV != "ENABLED")
      MULT18X18D_with_this_HIGHSPEED_CLK_or_CLK_DIV_has_no_model stop();
  endgenerate

  wire [3:0] clocks = {CLK3, CLK2, CLK1, CLK0}, enables = {CE3, CE2, CE1, CE0}, resets = {RST3, RST2, RST1, RST0};
  wire [17:0] a, b;
  wire signed [37:0] product = $signed({SIGNEDA & a[17], a}) * $signed({SIGNEDB & b[17], b});
  wire [35:0] between;

  MULT18X18D_register #(18, REG_INPUTA_CLK, REG_INPUTA_CE, REG_INPUTA_RST, RESETMODE) input_a(
    clocks, enables, resets, {
      A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0}, a);
  MULT18X18D_register #(18, REG_INPUTB_CLK, REG_INPUTB_CE, REG_INPUTB_RST, RESETMODE) input_b(
    clocks, enables, resets, {
      B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0}, b);
  MULT18X18D_register #(36, REG_PIPELINE_CLK, REG_PIPELINE_CE, REG_PIPELINE_RST, RESETMODE) pipeline(
    clocks, enables, resets, product[35:0], between);
  MULT18X18D_register #(36, REG_OUTPUT_CLK, REG_OUTPUT_CE, REG_OUTPUT_RST, RESETMODE) output_p(
    clocks, enables, resets, between, {
      P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16, P15, P14,
      P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0});

`ifndef SYNTHESIS
  // The hardware has registers for the signs as well.
  always @(SIGNEDA or SIGNEDB or SOURCEA or SOURCEB)
    if (SOURCEA || SOURCEB || $time > 0) begin
      $display("%m: MULT18X18D takes operands of another block, or signs that change; its model knows neither");
      $finish;
    end
`endif
endmodule

module MULT18X18D_register #(
  parameter WIDTH = 18, parameter CLK = "NONE", parameter CE = "CE0", parameter RST = "RST0",
  parameter RESETMODE = "SYNC"
) (
  input [3:0] clocks, enables, resets, input [WIDTH-1:0] i, output [WIDTH-1:0] o
);
  generate
    if (CLK == "NONE") begin
      assign o = i;
    end else begin
      if ((CLK != "CLK0" && CLK != "CLK1" && CLK != "CLK2" && CLK != "CLK3")
          || (CE != "CE0" && CE != "CE1" && CE != "CE2" && CE != "CE3")
          || (RST != "RST0" && RST != "RST1" && RST != "RST2" && RST != "RST3") || (RESETMODE != "SYNC"))
        MULT18X18D_with_a_register_of_this_CLK_CE_RST_or_RESETMODE_has_no_model stop();
      // Codes of digits end in their number.
      localparam CLOCK = CLK, ENABLE = CE, RESET = RST;
      wire clock = clocks[CLOCK[1:0]], enable = enables[ENABLE[1:0]], clear = resets[RESET[1:0]];
      reg [WIDTH-1:0] q = 0;
      assign o = q;
      always @(posedge clock)
        if (clear) q <= 0;
        else if (enable) q <= i;
    end
  endgenerate
endmodule
