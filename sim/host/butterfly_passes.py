"""Transforms of vectors that are longer than a task takes, in passes of tasks of shorter vectors.

A pass works on W of the S stages, from stage s on. Number the bits of an element's index from the top: the first s say
which block the element is in after the earlier stages, the next W are those that this pass pairs by, the rest tell
apart sets that have nothing to do with each other in this pass. As many neighbouring sets as fit make a vector of a
task, of which the first W stages are worked on. Operations and their order are those of the whole transform, and so are
its results (Multilayer Dataflow, stage division).
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["Pass", "plan_passes"]


@dataclass(frozen=True)
class Pass:
    """Stages ``first`` to ``first + worked - 1`` of vectors of ``points``, in vectors of ``task_points``."""

    points: int
    first: int
    worked: int
    task_points: int

    @property
    def blocks(self):
        """Blocks of a vector after the earlier stages."""
        return 1 << self.first

    @property
    def sets(self):
        """Sets of a block that are neighbours in a vector of a task."""
        return self.task_points >> self.worked

    @property
    def vectors(self):
        """Vectors of tasks that a block is."""
        return (self.points >> self.first) // self.task_points

    def places(self):
        """Elements of the vectors of tasks: ``(blocks, vectors, task_points)``."""
        apart = self.points >> (self.first + self.worked)    # elements of a pair are multiples of this apart
        block, vector, member, neighbour = np.ogrid[:self.blocks, :self.vectors, :1 << self.worked, :self.sets]
        places = block * (self.points >> self.first) + member * apart + vector * self.sets + neighbour
        return places.reshape(self.blocks, self.vectors, self.task_points)

    def coefficients(self, w, places):
        """Those of the vector at `places`, ``(worked, task_points / 2, 2, 2)``, of ``(S, N/2, 2, 2)`` of the whole."""
        chosen = []
        for stage in range(self.worked):
            stride, whole_stride = self.task_points >> (stage + 1), self.points >> (self.first + stage + 1)
            upper = places.reshape(-1, 2, stride)[:, 0].reshape(-1)      # elements p of the pairs
            pairs = upper // (2 * whole_stride) * whole_stride + upper % whole_stride
            chosen.append(w[self.first + stage, pairs])
        return np.stack(chosen)


def plan_passes(points, parameters, fft):
    """Passes of a transform: one if a task takes such vectors, else a short first pass and long ones behind it.

    The first pass has one task, if of a Fourier transform, and the others more the later they begin. It has as many
    stages as it takes for a group to be computed no faster than it is loaded, if those are more than are left over.

    Raises
    ------
    ValueError
        The accelerator does not take vectors of so many points.
    """
    p = parameters
    if points < 2 or points & (points - 1):
        raise ValueError(f"the number of points must be a power of two of at least 2, not {points}")
    if points > p.max_points:
        raise ValueError(f"this accelerator takes vectors of up to {p.max_points} points, not {points}")
    stages, passes, first = points.bit_length() - 1, [], 0
    while first < stages:
        worked = (stages - first - 1) % p.max_stages + 1
        if first == 0 and stages > p.max_stages:
            worked = max(worked, min(p.pieces * p.row_sets // (1 if fft else 2), p.max_stages))
        worked = min(worked, stages - first)
        passes.append(Pass(points, first, worked, min(p.pass_points, points >> first)))
        first += worked
    return passes
