"""The 16-to-4 partial bitonic network of the paper's sorting core (SADS, SOFA section IV-C)."""

__all__ = ["top_four_network"]


def top_four_network():
    """List the compare-exchanges of the network, level by level.

    Four bitonic sorts of 4 in alternating directions, then a tree of merges that keep the larger half: a
    half-cleaner of maxima only, and a bitonic merge of 4. The last merge leaves out the comparison between
    ranks 3 and 4. 47 elements, 12 of them maxima only, in 9 levels.

    Returns
    -------
    list of list of (int, int, bool)
        For each level, ``(high, low, full)``: the larger value goes to lane ``high``; lane ``low`` gets the
        smaller one if ``full``, and is dead from there on if not. Ranks 1 to 4 end in lanes 0 to 3.
    """
    def sort2(lane, descending):
        a, b = lane
        return (a, b, True) if descending else (b, a, True)

    def merge4(lanes, descending):
        a, b, c, d = lanes
        return [[sort2((a, c), descending), sort2((b, d), descending)],
                [sort2((a, b), descending), sort2((c, d), descending)]]

    def side_by_side(parts):
        return [sum(level, []) for level in zip(*parts, strict=True)]

    quads = [list(range(4 * quad, 4 * quad + 4)) for quad in range(4)]
    levels = side_by_side([
        [[sort2(quad[:2], True), sort2(quad[2:], False)], *merge4(quad, index % 2 == 0)]
        for index, quad in enumerate(quads)])
    while len(quads) > 1:
        pairs = list(zip(quads[::2], quads[1::2], strict=True))
        levels.append([(a, b, False) for upper, lower in pairs for a, b in zip(upper, lower, strict=True)])
        quads = [upper for upper, _ in pairs]
        levels += side_by_side([merge4(quad, index % 2 == 0) for index, quad in enumerate(quads)])
    levels[-1] = levels[-1][:-1]
    return levels
