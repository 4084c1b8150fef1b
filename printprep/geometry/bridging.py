"""What hangs over nothing as a body stands, and how much of it would not print without a support.

A cell holds the surface of one cube of the grid, so what is said of a place does not depend on how the surface is cut
into triangles. An overhang is surface that looks down more steeply than the process can lay; it is FLAT where each
layer would have to be laid on air, and then what matters is what carries it: walls that go on below its edge, or
another part. Between carriers on two sides it is a bridge, on one side it stands out, and an island has none at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.spatial import cKDTree

from printprep.geometry import bvh
from printprep.geometry.areas import face_normals
from printprep.geometry.cells import Index, code_of, connected, gather, key_of
from printprep.geometry.mesh import Bool, Float, Int, Mesh
from printprep.geometry.minima import beginnings
from printprep.geometry.spread import spread

FLAT_DEG: Final = 70.0
"""From the vertical. Steeper, a layer of 0.2 mm would stand out by more than a line of 0.45 mm: tan 70 * 0.2 = 0.55."""

STANDS_OUT_MM: Final = 2.0
"""Flat surface that is held on one side only prints this far: about four lines that hold on to each other."""

ISLAND_MM: Final = 2.0
"""What is this near to the lowest point of an island fails with it."""

_DIRECTIONS: Final = 24
_PROBES: Final = 200  # cells of a flat region that are asked how far their carriers are
_CARRIERS: Final = 2000  # carriers of a flat region that are asked


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hanging:
    """The overhang of one mesh, in n cells; rows of cells in no order."""

    step_mm: float
    at_mm: Float  # (n, 3) mean point of the surface in the cell
    area_mm2: Float  # (n,)
    angle_deg: Float  # (n,) how far it looks down, from the vertical: 90 is a ceiling
    face: Int  # (n,) a face of the mesh in the cell
    span_mm: Float  # (n,) of the widest bridge of the flat region that it is in, to two cells; 0: there is none
    stands_out_mm: Float  # (n,) how far that region stands out from what holds it on one side; inf: nothing holds it
    fails: Bool  # (n,) would not print without a support
    islands_mm: Float  # (k, 3) lowest points of islands

    def __len__(self) -> int:
        """Count of cells."""
        return len(self.area_mm2)


def hanging(
    mesh: Mesh,
    *,
    angle_deg: float,
    layer_mm: float,
    bridge_mm: float,
    others: Sequence[bvh.Tree] = (),
    step_mm: float = 0.6,
) -> Hanging:
    """Find the overhang of ``mesh`` as it stands on the bed at z = 0.

    Parameters
    ----------
    mesh
        Closed, faces outward, welded.
    angle_deg
        Steepest surface that needs no support, from the vertical: 0 is a wall, 90 a ceiling.
    layer_mm
        Height of a layer; surface within one of the bed lies on it.
    bridge_mm
        Longest bridge that prints without a support.
    others
        Closed surfaces of the other parts on the plate: what lies on one of them hangs over nothing.
    step_mm
        Edge of a cell.
    """
    over = spread(mesh, step_mm)
    down = -face_normals(over.tree.corners)[over.row, 2]
    hangs = (down > np.sin(np.radians(min(angle_deg, 89.9) + 0.01))) & (over.points[:, 2] > layer_mm)
    carried = np.zeros(len(hangs), np.bool_)
    carried[hangs] = _inside(others, over.points[hangs] - [0.0, 0.0, 0.5 * layer_mm])
    free = hangs & ~carried
    carried |= (down > 0.5) & (over.points[:, 2] <= layer_mm)  # the bed carries, too
    keys = key_of(over.points, step_mm)
    gathered = gather(over.points[free], over.area_mm2[free], step_mm)
    at_mm, area_mm2, cells, row = gathered.at_mm, gathered.weight, gathered.key, gathered.of_point
    mean_down = np.bincount(row, (down * over.area_mm2)[free], len(cells)) / np.maximum(area_mm2, 1e-300)
    leans_deg = np.degrees(np.arcsin(np.clip(mean_down, 0.0, 1.0)))
    flat = np.asarray(leans_deg > FLAT_DEG)
    tips = beginnings(mesh, layer_mm)
    tips = tips[tips[:, 2] > layer_mm]
    tips = tips[~_inside(others, tips - [0.0, 0.0, 0.5 * layer_mm])]
    held = _held(cells, keys[~hangs], keys[carried])
    near_tip = np.zeros(len(cells), np.bool_)
    if len(tips) and len(cells):
        near_tip = np.asarray(cKDTree(tips).query(at_mm)[0] <= ISLAND_MM)
    span_mm, out_mm = _how_far(at_mm, cells, flat, held, step_mm)
    first = np.zeros(len(cells), np.int64)
    first[row] = np.arange(len(row))  # any one piece of each cell
    return Hanging(
        step_mm=step_mm,
        at_mm=at_mm,
        area_mm2=area_mm2,
        angle_deg=leans_deg,
        face=over.face[free][first] if len(cells) else np.zeros(0, np.int32),
        span_mm=span_mm,
        stands_out_mm=out_mm,
        fails=near_tip | (span_mm > bridge_mm) | (out_mm > STANDS_OUT_MM),
        islands_mm=tips,
    )


def _inside(others: Sequence[bvh.Tree], points: Float) -> Bool:
    """(n,) whether points lie in any of the solids."""
    inside = np.zeros(len(points), np.bool_)
    for tree in others:
        near = ((points >= tree.boxes[0, :3]) & (points <= tree.boxes[0, 3:])).all(axis=1) & ~inside
        inside[near] = bvh.winding(tree, points[near]) != 0
    return inside


def _held(cells: Index, walls: Index, carried: Index) -> Bool:
    """(n,) which cells hold on to something: a wall that goes on just below them, or a part that others lie on."""
    held = np.zeros(len(cells), np.bool_)
    wall, part = np.sort(code_of(walls)), np.sort(code_of(carried))
    for dx in (-1, 0, 1):
        for dy in (-1, 0, 1):
            held |= _among(code_of(cells + np.array([dx, dy, -1])), wall)
            for dz in (-1, 0, 1):
                held |= _among(code_of(cells + np.array([dx, dy, dz])), part)
    return held


def _among(codes: Index, known: Index) -> Bool:
    """(n,) which codes are in ``known``, which is sorted: numpy's own way sorts it anew each time."""
    if not len(known):
        return np.zeros(len(codes), np.bool_)
    return np.asarray(known[np.minimum(np.searchsorted(known, codes), len(known) - 1)] == codes)


def _how_far(at_mm: Float, cells: Index, flat: Bool, held: Bool, step_mm: float) -> tuple[Float, Float]:
    """(n,) span of the bridge that each cell is part of, and how far it stands out; 0 where it is not flat."""
    span_mm, out_mm = np.zeros(len(cells)), np.zeros(len(cells))
    rows = np.flatnonzero(flat)
    label = connected(cells[rows])
    for one in range(int(label.max(initial=-1)) + 1):
        group = rows[label == one]
        span, out = _of_flat(at_mm[group, :2], held[group])
        span_mm[group] = span + step_mm if span else 0.0  # from edge to edge, not from middle to middle
        out_mm[group] = out + 0.5 * step_mm if out else 0.0
    return span_mm, out_mm


def _of_flat(at_mm: Float, held: Bool) -> tuple[float, float]:
    """Widest bridge of one flat region, and how far it stands out from what holds it on one side.

    The cells farthest from all carriers are asked, in each direction, how far the nearest carrier is: two in opposite
    directions make a bridge through the cell.
    """
    if not held.any():
        return 0.0, np.inf
    carriers, free = at_mm[held], at_mm[~held]
    if not len(free):
        return 0.0, 0.0
    away_mm = np.asarray(cKDTree(carriers).query(free)[0])
    asked = np.argsort(-away_mm, kind="stable")[:_PROBES]
    carriers = carriers[:: max(1, len(carriers) // _CARRIERS)]
    offset = carriers[None, :, :] - free[asked][:, None, :]
    far_mm = np.linalg.norm(offset, axis=2)
    toward = (np.arctan2(offset[..., 1], offset[..., 0]) / (2 * np.pi) * _DIRECTIONS).astype(np.int64) % _DIRECTIONS
    nearest_mm = np.full((len(asked), _DIRECTIONS), np.inf)
    np.minimum.at(nearest_mm, (np.arange(len(asked))[:, None], toward), far_mm)
    across = [np.roll(nearest_mm, _DIRECTIONS // 2 + k, axis=1) for k in (-1, 0, 1)]
    through_mm = np.min([nearest_mm + other for other in across], axis=(0, 2))
    bridged = np.isfinite(through_mm)
    return float(through_mm[bridged].max(initial=0.0)), float(away_mm[asked][~bridged].max(initial=0.0))
