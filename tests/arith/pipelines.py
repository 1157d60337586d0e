"""Feeds a free-running pipeline one argument a cycle."""

from tests.streams import run


def pipeline(dut, inputs, outputs, rows, latency):
    """Drive `inputs` (signals) with `rows` (tuples), one a cycle; return the outputs `latency` cycles later.

    Returns
    -------
    list of tuple of int, one for each row
    """
    results = []

    async def testbench(ctx):
        for cycle in range(len(rows) + latency):
            if cycle < len(rows):
                for signal, value in zip(inputs, rows[cycle], strict=True):
                    ctx.set(signal, int(value))
            _, _, *sampled = await ctx.tick().sample(*outputs)
            # What is sampled at the edge that ends cycle c has gone through c - latency edges before it.
            if cycle >= latency:
                results.append(tuple(sampled))

    run(dut, testbench)
    return results
