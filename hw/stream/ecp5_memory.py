"""Block RAM of an ECP5 with its output register, which Yosys leaves unused."""

from amaranth.hdl import C, Cat, ClockSignal, Instance, Signal
from amaranth.utils import ceil_log2

from .select import select

__all__ = ["add_block_rams", "block_width"]

#: Words of a block RAM by their width. A block has 18 data pins at each of its two ports; words of 36 bits take both.
_DEPTHS = {36: 512, 18: 1024, 9: 2048, 4: 4096, 2: 8192, 1: 16384}
_ADDRESS_BITS = 14
_BITS = 18432                # of a block
_LUT_RAM = 16, 4             # words and bits of a cell of LUT RAM
_CELLS_PER_BLOCK = 24        # that are as good as a block, for Yosys about


def block_width(width, depth):
    """Width of the blocks of a memory: the one that takes the fewest, and of those the fewest behind each other.

    Parameters
    ----------
    width, depth : int
        Bits of a word, number of words.

    Returns
    -------
    int or None
        None if it is better inferred: a small memory is LUT RAM.
    """
    cells = -(-depth // _LUT_RAM[0]) * -(-width // _LUT_RAM[1])
    behind = {bits: -(-depth // words) for bits, words in _DEPTHS.items()}
    blocks = {bits: -(-width // bits) * count for bits, count in behind.items()}
    bits = min(_DEPTHS, key=lambda bits: (blocks[bits], behind[bits]))
    return bits if cells >= _CELLS_PER_BLOCK * blocks[bits] else None


def add_block_rams(m, memory, bits, gated, init=()):
    """Build a memory of latency 2 from instances of DP16KD, whose port A is written and whose port B is read.

    Of blocks behind each other all are read, and what is shown is chosen behind their output registers.

    The word that is read stays in the block while `read_enable` is low, and passes on to the output register in every
    cycle, or with `gated` in those in which `read_enable` is high: the enable of the register is a pin of its own. Of
    the DP16KD itself there is no open model; in Lattice's simulation library the same block of the ECP3 (DP16KC) has
    its output register wait for OCEA or OCEB alone.

    Parameters
    ----------
    m : Module
        Module that the instances are added to.
    memory : BlockMemory
        Its ports are connected.
    bits : int
        Width of the blocks; see :func:`block_width`.
    gated : bool
    init : tuple of int
        First words at power-up, of blocks of at least 9 bits.
    """
    # An address counts bits. Its lowest pins, below the number of a word, enable the bytes of a word of several.
    words = _DEPTHS[bits]
    word_bits = ceil_log2(words)
    word_start = _ADDRESS_BITS - word_bits
    enable = memory.read_enable if gated else C(1)
    behind = range(-(-memory.depth // words))
    read, shown = (Signal(range(len(behind)), name=name, reset_less=True) for name in ("read_block", "shown_block"))
    if len(behind) > 1:
        with m.If(memory.read_enable):
            m.d.sync += read.eq(memory.read_address[word_bits:])
        with m.If(enable):
            m.d.sync += shown.eq(read)

    def pins(name, value, count):
        return {f"i_{name}{bit}": value[bit] if bit < len(value) else C(0) for bit in range(count)}

    for number, start in enumerate(range(0, len(memory.write_data), bits)):
        data, outputs = memory.write_data[start:start + bits], []
        for place in behind:
            name = f"{number}" if len(behind) == 1 else f"{number}_{place}"
            word = Signal(36, name=f"word{name}")
            # Both ports show a word of 36 bits, port B any other.
            outputs.append(word if bits == 36 else word[18:])
            write = memory.write_enable
            if len(behind) > 1:
                write &= memory.write_address[word_bits:] == place
            enables = write.replicate(bits // 9 if bits > 9 else 0)
            m.submodules[f"block{name}"] = Instance(
                "DP16KD",
                # No tool can see how much of a block is used; `thresher synth` reads it here.
                a_memory_bits=len(data) * min(words, memory.depth - place * words),
                p_DATA_WIDTH_A=bits, p_DATA_WIDTH_B=bits, p_REGMODE_A="OUTREG", p_REGMODE_B="OUTREG",
                p_RESETMODE="SYNC", p_GSR="DISABLED", **_initial(init[place * words:][:words], start, bits),
                i_CLKA=ClockSignal(), i_CEA=C(1), i_OCEA=enable, i_WEA=write, i_RSTA=C(0),
                i_CLKB=ClockSignal(), i_CEB=memory.read_enable, i_OCEB=enable, i_WEB=C(0), i_RSTB=C(0),
                **pins("CSA", C(0), 3), **pins("CSB", C(0), 3),
                **pins("ADA", Cat(enables, C(0, word_start - len(enables)), memory.write_address[:word_bits]),
                       _ADDRESS_BITS),
                **pins("ADB", Cat(C(0, word_start), memory.read_address[:word_bits]), _ADDRESS_BITS),
                **pins("DIA", data[:18], 18), **pins("DIB", data[18:], 18),
                **{f"o_DO{port}{bit}": word[18 * half + bit] for half, port in enumerate("AB") for bit in range(18)})
        m.d.comb += memory.read_data[start:start + bits].eq(select(shown, outputs))


def _initial(words, start, bits):
    """Parameters that set the bits from `start` on of the words of a block at power-up."""
    if not words:
        return {}
    # 16 parts of 18 bits a parameter, each in 20.
    block = sum(((word >> start) & ((1 << bits) - 1)) << (number * bits) for number, word in enumerate(words))
    parts = [(block >> (18 * part)) & ((1 << 18) - 1) for part in range(_BITS // 18)]
    return {f"p_INITVAL_{number // 16:02X}": C(sum(part << (20 * place)
                                                   for place, part in enumerate(parts[number:number + 16])), 320)
            for number in range(0, len(parts), 16)}
