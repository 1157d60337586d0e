"""Packets that answer requests for rows, in Amaranth's simulator."""

from tests.streams import collect, send


def words(row, count=3):
    """The packet that answers a request."""
    return [{"data": row << 8 | index, "last": index == count - 1} for index in range(count)]


def seen(items):
    """Payloads as plain numbers."""
    return [(item.data, item.last) for item in items]


def expected(rows, count=3):
    return [(word["data"], word["last"]) for row in rows for word in words(row, count)]


async def ask(ctx, dut, rows):
    """Make requests, and have the host take them."""
    for row in rows:
        await send(ctx, dut.fetch, [row])
        assert await collect(ctx, dut.request, 1) == [row]
