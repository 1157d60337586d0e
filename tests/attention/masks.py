"""The masks of groups of rows as `RowSelect` shows them, for the blocks that read them."""

from hw.sorter.key_mask import MASKS_LATENCY


class MaskSource:
    """Serve selections to the mask ports of a block, group after group; garbage is shown between groups."""

    def __init__(self, dut, parameters, selections, rng, stall=0.0):
        self._dut, self._parameters, self._rng, self._stall = dut, parameters, rng, stall
        #: Groups as (selection, first row) in the order in which they are read.
        self.groups = [(selection, first) for selection, firsts in selections for first in firsts]
        self.released = 0

    async def serve(self, ctx):
        p, dut, rng = self._parameters, self._dut, self._rng
        for selection, first in self.groups:
            while rng.random() < self._stall:
                self._garbage(ctx)
                await ctx.tick()
            rows = [selection.mask(rng, first + tree, segment)
                    for segment in range(len(selection.members)) for tree in range(p.trees)]
            ctx.set(dut.group.valid, 1)
            ctx.set(dut.group.totals, [selection.total(first + tree) for tree in range(p.trees)])
            ctx.set(dut.group.origins, [selection.origin(first + batch * p.batch_rows) for batch in range(p.batches)])
            released, coming = False, [None] * (MASKS_LATENCY - 1)
            while not released:
                _, _, read, segment, released = await ctx.tick().sample(
                    dut.group.read_enable, dut.group.read_segment, dut.group.release)
                if read:
                    coming.append(segment)
                    shown = coming.pop(0)
                    if shown is not None:
                        ctx.set(dut.group.masks, rows[shown * p.trees:(shown + 1) * p.trees])
            self.released += 1
            ctx.set(dut.group.valid, 0)
            self._garbage(ctx)

    def _garbage(self, ctx):
        p, dut, rng = self._parameters, self._dut, self._rng
        ctx.set(dut.group.masks, [dict(keys=rng.getrandbits(p.tile), leads=[0] * p.ensure) for _ in range(p.trees)])
        ctx.set(dut.group.totals, [rng.randint(0, p.max_keys) for _ in range(p.trees)])
        ctx.set(dut.group.origins, [rng.randrange(p.max_segments) for _ in range(p.batches)])
