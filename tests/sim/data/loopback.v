// A stream FIFO behind the ports of every Thresher top: the design the runner's own tests drive.
//
// Registers: 0x000 identity (read only), 0x004 scratch, 0x010 control (bit 1: soft reset, self clearing),
// 0x01C interrupt (bit 0: a packet has left, write 1 to clear), 0x020 packets that left (read only).
// Anything else answers SLVERR. A soft reset drops the queue, drains the open input packet to its last
// word and closes an open output packet with one word 0xED82.
//
// OUTPUT_BURST words leave in OUTPUT_PERIOD cycles at most, as from an engine that computes for long.
// Macros named BREAK_* each put one fault in.
module loopback #(
    parameter WIDTH = 64,
    parameter DEPTH = 16,
    parameter OUTPUT_BURST = 1,
    parameter OUTPUT_PERIOD = 1
) (
    input clk,
    input rst,
    output interrupt,
    input [11:0] s_axi_awaddr,
    input [2:0] s_axi_awprot,
    input s_axi_awvalid,
    output s_axi_awready,
    input [31:0] s_axi_wdata,
    input [3:0] s_axi_wstrb,
    input s_axi_wvalid,
    output s_axi_wready,
    output reg [1:0] s_axi_bresp,
    output reg s_axi_bvalid,
    input s_axi_bready,
    input [11:0] s_axi_araddr,
    input [2:0] s_axi_arprot,
    input s_axi_arvalid,
    output s_axi_arready,
    output reg [31:0] s_axi_rdata,
    output reg [1:0] s_axi_rresp,
    output reg s_axi_rvalid,
    input s_axi_rready,
    input [WIDTH-1:0] s_axis_tdata,
    input s_axis_tlast,
    input s_axis_tvalid,
    output s_axis_tready,
    output reg [WIDTH-1:0] m_axis_tdata,
    output [WIDTH/8-1:0] m_axis_tkeep,
    output reg m_axis_tlast,
    output reg m_axis_tvalid,
    input m_axis_tready
);
    reg [31:0] scratch;
    reg [31:0] packets;
    reg done;

    wire write = s_axi_awvalid && s_axi_wvalid && (!s_axi_bvalid || s_axi_bready);
    wire read = s_axi_arvalid && (!s_axi_rvalid || s_axi_rready);
    wire soft_reset = write && s_axi_awaddr == 12'h010 && s_axi_wdata[1];
    wire leave = m_axis_tvalid && m_axis_tready;

    assign s_axi_awready = write;
    assign s_axi_wready = write;
    assign s_axi_arready = read;
`ifdef BREAK_UNKNOWN
    reg never_written;
    assign interrupt = done ^ never_written;
`else
    assign interrupt = done;
`endif
`ifdef BREAK_KEEP
    assign m_axis_tkeep = {(WIDTH/8){1'b1}} >> 1;
`else
    assign m_axis_tkeep = {(WIDTH/8){1'b1}};
`endif

    always @(posedge clk) begin
        if (s_axi_bready) s_axi_bvalid <= 0;
        if (write) begin
            s_axi_bvalid <= 1;
            s_axi_bresp <= 2'b00;
            case (s_axi_awaddr)
                12'h004: scratch <= s_axi_wdata;
                12'h010: ;
                12'h01C: done <= done && !s_axi_wdata[0];
                default: s_axi_bresp <= 2'b10;
            endcase
        end
`ifdef BREAK_RESPONSE
        if (s_axi_bvalid && !s_axi_bready) s_axi_bresp <= ~s_axi_bresp;
`endif
        if (s_axi_rready) s_axi_rvalid <= 0;
        if (read) begin
            s_axi_rvalid <= 1;
            s_axi_rresp <= 2'b00;
            case (s_axi_araddr)
                12'h000: s_axi_rdata <= 32'h54485253;
                12'h004: s_axi_rdata <= scratch;
                12'h010: s_axi_rdata <= 0;
                12'h01C: s_axi_rdata <= {31'd0, done};
                12'h020: s_axi_rdata <= packets;
                default: begin
                    s_axi_rdata <= 0;
                    s_axi_rresp <= 2'b10;
                end
            endcase
        end
        if (leave && m_axis_tlast) begin
            done <= 1;
            packets <= packets + 1;
        end
        if (rst) begin
            scratch <= 0;
            packets <= 0;
            done <= 0;
`ifndef BREAK_RESET
            s_axi_bvalid <= 0;
`endif
            s_axi_rvalid <= 0;
        end
    end

    reg [WIDTH:0] queue [0:DEPTH-1];
    reg [31:0] level;
    reg [31:0] head;
    reg [31:0] tail;
    reg [31:0] phase;
    reg input_open;
    reg output_open;
    reg draining;
    reg closing;

`ifdef BREAK_HANG
    wire room = level < DEPTH && packets == 0;
`else
    wire room = level < DEPTH;
`endif
    assign s_axis_tready = room || draining;
    wire enter = s_axis_tvalid && s_axis_tready;
    wire push = enter && !draining && !soft_reset;
    wire pop = level != 0 && !closing && phase < OUTPUT_BURST && (!m_axis_tvalid || m_axis_tready);

    always @(posedge clk) begin
        phase <= phase == OUTPUT_PERIOD - 1 ? 0 : phase + 1;
        if (enter) input_open <= !s_axis_tlast;
        if (enter && s_axis_tlast) draining <= 0;
        if (push) begin
            queue[head] <= {s_axis_tlast, s_axis_tdata};
            head <= head == DEPTH - 1 ? 0 : head + 1;
        end
        level <= level + push - pop;

        if (leave) m_axis_tvalid <= 0;
        if (pop) begin
            {m_axis_tlast, m_axis_tdata} <= queue[tail];
`ifdef BREAK_UNKNOWN_WORD
            m_axis_tdata[3] <= 1'bx;
`endif
            m_axis_tvalid <= 1;
            output_open <= !queue[tail][WIDTH];
            tail <= tail == DEPTH - 1 ? 0 : tail + 1;
        end else if (closing && (!m_axis_tvalid || m_axis_tready)) begin
            m_axis_tvalid <= 1;
            m_axis_tdata <= 16'hED82;
            m_axis_tlast <= 1;
            output_open <= 0;
            closing <= 0;
        end
`ifdef BREAK_PAYLOAD
        else if (m_axis_tvalid && !m_axis_tready) m_axis_tdata <= m_axis_tdata + 1;
`endif
`ifdef BREAK_VALID
        else if (m_axis_tvalid && !m_axis_tready) m_axis_tvalid <= 0;
`endif
        if (soft_reset) begin
            level <= 0;
            head <= 0;
            tail <= 0;
            draining <= enter ? !s_axis_tlast : input_open;
            closing <= pop ? !queue[tail][WIDTH] : output_open;
        end
        if (rst) begin
            level <= 0;
            head <= 0;
            tail <= 0;
            phase <= 0;
            input_open <= 0;
            output_open <= 0;
            draining <= 0;
            closing <= 0;
            m_axis_tvalid <= 0;
        end
    end
endmodule
