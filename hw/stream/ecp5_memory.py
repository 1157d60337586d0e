"""Block RAM of an ECP5 with its output register, which Yosys leaves unused."""

from amaranth.hdl import C, Cat, ClockSignal, Instance, Signal
from amaranth.utils import ceil_log2

__all__ = ["add_block_rams", "block_width"]

#: Words of a block RAM by their width. A block has 18 data pins at each of its two ports; words of 36 bits take both.
_DEPTHS = {36: 512, 18: 1024, 9: 2048, 4: 4096, 2: 8192, 1: 16384}
_ADDRESS_BITS = 14
_BITS = 18432                # of a block
_LUT_RAM = 16, 4             # words and bits of a cell of LUT RAM
_CELLS_PER_BLOCK = 24        # that are as good as a block, for Yosys about


def block_width(width, depth):
    """Width of the blocks of a memory, each of which holds all of its words.

    Parameters
    ----------
    width, depth : int
        Bits of a word, number of words.

    Returns
    -------
    int or None
        None if it is better inferred: a small memory is LUT RAM, and blocks that hold a part of the words each are
        fewer for some.
    """
    cells = -(-depth // _LUT_RAM[0]) * -(-width // _LUT_RAM[1])
    blocks = {bits: -(-width // bits) * -(-depth // words) for bits, words in _DEPTHS.items()}
    wide = max((bits for bits, words in _DEPTHS.items() if words >= depth), default=None)
    if wide is None or blocks[wide] > min(blocks.values()) or cells < _CELLS_PER_BLOCK * blocks[wide]:
        return None
    return wide


def add_block_rams(m, memory, bits, gated, init=()):
    """Build a memory of latency 2 from instances of DP16KD, whose port A is written and whose port B is read.

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
    word_start = _ADDRESS_BITS - ceil_log2(_DEPTHS[bits])
    enables = memory.write_enable.replicate(bits // 9 if bits > 9 else 0)
    enable = memory.read_enable if gated else C(1)

    def pins(name, value, count):
        return {f"i_{name}{bit}": value[bit] if bit < len(value) else C(0) for bit in range(count)}

    for number, start in enumerate(range(0, len(memory.write_data), bits)):
        data, word = memory.write_data[start:start + bits], Signal(36, name=f"word{number}")
        # Both ports show a word of 36 bits, port B any other.
        m.d.comb += memory.read_data[start:start + bits].eq(word if bits == 36 else word[18:])
        m.submodules[f"block{number}"] = Instance(
            "DP16KD",
            # No tool can see how much of a block is used; `thresher synth` reads it here.
            a_memory_bits=len(data) * memory.depth,
            p_DATA_WIDTH_A=bits, p_DATA_WIDTH_B=bits, p_REGMODE_A="OUTREG", p_REGMODE_B="OUTREG",
            p_RESETMODE="SYNC", p_GSR="DISABLED", **_initial(init, start, bits),
            i_CLKA=ClockSignal(), i_CEA=C(1), i_OCEA=enable, i_WEA=memory.write_enable, i_RSTA=C(0),
            i_CLKB=ClockSignal(), i_CEB=memory.read_enable, i_OCEB=enable, i_WEB=C(0), i_RSTB=C(0),
            **pins("CSA", C(0), 3), **pins("CSB", C(0), 3),
            **pins("ADA", Cat(enables, C(0, word_start - len(enables)), memory.write_address), _ADDRESS_BITS),
            **pins("ADB", Cat(C(0, word_start), memory.read_address), _ADDRESS_BITS),
            **pins("DIA", data[:18], 18), **pins("DIB", data[18:], 18),
            **{f"o_DO{port}{bit}": word[18 * half + bit] for half, port in enumerate("AB") for bit in range(18)})


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
