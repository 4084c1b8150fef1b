"""Which space beside the parts a tool reaches from outside, and which it does not: cavities, deep tunnels, clefts.

A ball that stands for the tool rolls in from outside over a grid. Its tip then reaches a little further into what is
free, but not through a wall.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import edt
import numpy as np
from scipy import ndimage

from printprep.geometry.mesh import Bool, Float, Mesh, join
from printprep.geometry.voxel import Bits, Grid, inside, near_surface, step_for

TOOL_MM: Final = 3.0
"""Diameter of the end of pliers or tweezers that take a support out."""

TIP_MM: Final = 2.0
"""How far the tip reaches beyond where the ball goes."""

_MAX_POINTS: Final = 6_000_000


SOLID: Final = 0
REACHED: Final = 1
MISSED: Final = 2

_AROUND = np.array([[x, y, z] for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1)])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Access:
    """What a tool reaches, on a grid."""

    grid: Grid
    state: Bits  # (nx, ny, nz) SOLID, REACHED or MISSED

    def misses(self, points: Float) -> Bool:
        """(n,) whether points (n, 3) lie where no tool gets to; beyond the grid everything is reached.

        A point is judged by the nearest grid point that is free, since a thin wall has space on both sides.
        """
        place = (points - np.array(self.grid.origin_mm)) / self.grid.step_mm
        index = np.rint(place).astype(np.int64)
        within = ((index > 0) & (index < np.array(self.grid.shape) - 1)).all(axis=1)
        nearest = np.full(len(points), REACHED, np.uint8)
        nearest[within] = self.state[tuple(index[within].T)]
        result = nearest == MISSED
        close = np.flatnonzero(nearest == SOLID)
        around = index[close][:, None, :] + _AROUND
        state = self.state[tuple(np.moveaxis(around, 2, 0))]
        far = np.where(state == SOLID, np.inf, ((around - place[close][:, None, :]) ** 2).sum(axis=2))
        result[close] = np.take_along_axis(state, far.argmin(axis=1)[:, None], axis=1)[:, 0] == MISSED
        return np.asarray(result)

    @property
    def everything(self) -> bool:
        """Whether there is no place that a tool does not reach."""
        return not bool((self.state == MISSED).any())


def access(
    meshes: Sequence[Mesh], *, tool_mm: float = TOOL_MM, tip_mm: float = TIP_MM, step_mm: float = 0.75
) -> Access:
    """Roll a ball of ``tool_mm`` around closed, outward ``meshes``.

    The grid is coarser than ``step_mm`` where it would have more than 6 million points; openings are judged to a step.
    """
    body = join(list(meshes))
    border = int(np.ceil(tool_mm / step_mm)) + 2
    step = step_for(body, step_mm, _MAX_POINTS)
    grid = Grid.around(body, step, border=border)
    solid = near_surface(body, grid)
    for mesh in meshes:  # one by one: where parts overlap an inner one would else count twice, a cavity not at all
        solid |= inside(mesh, grid)
    free = solid == 0
    room = np.asarray(edt.edt(free, black_border=False)) * step >= tool_mm / 2.0
    label, _ = ndimage.label(room)
    rolled = label == label[0, 0, 0]
    reached = np.asarray(edt.edt(~rolled, black_border=False)) * step <= tool_mm / 2.0
    steps = max(1, round(tip_mm / step))
    reached = ndimage.binary_dilation(reached & free, iterations=steps, mask=free)
    return Access(grid=grid, state=np.where(free, np.where(reached, REACHED, MISSED), SOLID).astype(np.uint8))
