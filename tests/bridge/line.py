"""Both ends of a serial line in Amaranth's simulator, and frames."""

import binascii

from hw.bridge.protocol import END, ESCAPE, ESCAPED_END, ESCAPED_ESCAPE


async def put_bits(ctx, line, bits, divisor):
    """Hold each bit for `divisor` cycles."""
    for bit in bits:
        ctx.set(line, bit)
        await ctx.tick().repeat(divisor)
    ctx.set(line, 1)


async def put(ctx, line, data, divisor):
    """Put bytes on a line."""
    for byte in data:
        await put_bits(ctx, line, [0, *(byte >> place & 1 for place in range(8)), 1], divisor)


async def take(ctx, line, divisor, *, timeout=20_000):
    """Take a byte off a line."""
    for _ in range(timeout):
        if not ctx.get(line):
            break
        await ctx.tick()
    else:
        raise AssertionError(f"no byte within {timeout} cycles")
    await ctx.tick().repeat(divisor // 2)
    byte = 0
    for place in range(8):
        await ctx.tick().repeat(divisor)
        byte |= ctx.get(line) << place
    await ctx.tick().repeat(divisor)
    assert ctx.get(line), "no stop bit"
    return byte


def frame(data, *, crc=None):
    """A frame, written independently of the transport."""
    crc = binascii.crc_hqx(bytes(data), 0) if crc is None else crc
    escaped = bytearray([END])
    for byte in bytes(data) + crc.to_bytes(2, "big"):
        if byte == END:
            escaped += bytes([ESCAPE, ESCAPED_END])
        elif byte == ESCAPE:
            escaped += bytes([ESCAPE, ESCAPED_ESCAPE])
        else:
            escaped.append(byte)
    return bytes([*escaped, END])


async def take_frame(ctx, line, divisor):
    """Take a frame off a line; returns it without its CRC, which is checked."""
    data, escaped = bytearray(), False
    while True:
        byte = await take(ctx, line, divisor)
        if byte == END:
            if data:
                break
        elif byte == ESCAPE:
            escaped = True
        else:
            data.append({ESCAPED_END: END, ESCAPED_ESCAPE: ESCAPE}[byte] if escaped else byte)
            escaped = False
    assert binascii.crc_hqx(bytes(data), 0) == 0
    return bytes(data[:-2])
