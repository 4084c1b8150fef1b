"""Labels: a flat enough place on a part, letters cut into it or raised from it, and a tab of their own.

A place is taken only if the whole rectangle of the text is flat within a tolerance, faces up or sideways as oriented,
has matter below it for the letters and as much again, is seen from outside, and keeps its distance from every zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from manifold3d import Manifold

from printprep.geometry import bvh
from printprep.geometry.areas import face_normals
from printprep.geometry.letters import prisms, width_mm
from printprep.geometry.measure import sample
from printprep.geometry.mesh import Float, Mesh, Point, as_point
from printprep.geometry.solid import from_solid, to_solid
from printprep.geometry.zones import Zones

FLAT_MM: Final = 0.3
"""A place is flat when its surface is this near to a plane."""

MARGIN: Final = 0.1  # free space around the text, over the height of its letters
TAB_MARGIN: Final = 0.4  # of a tab around its text, over the height of its letters
TAB_MM: Final = 2.0  # thickness of a tab
CLEARANCE_MM: Final = 0.5  # between the letters and a zone
_OVER_MM: Final = 0.1  # the letters' prisms reach this far beyond the surface
_DOWN: Final = -0.5  # normals that point further down stand on the bed or on supports
_ALIKE: Final = np.cos(np.radians(30.0))  # of a normal with the plane's
_SAMPLES: Final = 1200
_ANGLES: Final = np.radians([0, 180, 90, -90, 45, -45, 22.5, -22.5, 67.5, -67.5, 135, -135])
_TRIED: Final = 80  # of the best coarse places
_GRID_MM: Final = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A flat place with its own axes, right-handed: x along the text, y up the letters, z out of the part."""

    at_mm: Point  # the middle of the text
    x: Point
    y: Point
    z: Point
    off_mm: float  # the surface is this far from the plane at most

    @property
    def matrix(self) -> Float:
        """(4, 4) from the frame of the letters to that of the part; rigid, so that no letter is mirrored."""
        moved = np.eye(4)
        moved[:3, :3] = np.stack([self.x, self.y, self.z], axis=1)
        moved[:3, 3] = self.at_mm
        return moved


def find_place(mesh: Mesh, text: str, height_mm: float, depth_mm: float, up: Float, zones: Zones) -> Place | None:
    """The flattest place for one line of text on a closed mesh; None when there is none.

    Parameters
    ----------
    mesh
        A solid.
    text, height_mm, depth_mm
        The letters.
    up
        (3,) unit: away from the bed, in the mesh's frame. Text that stands upright as oriented is preferred.
    zones
        Where not: keep-out zones and all other parts.
    """
    size = np.array([width_mm(text, height_mm), height_mm]) + 2 * MARGIN * height_mm
    if np.linalg.norm(size) > np.linalg.norm(mesh.size_mm):
        return None
    tree = bvh.build(mesh)
    normals = face_normals(mesh.triangles)
    frames, cost = _coarse(mesh, tree, normals, size, up)
    for row in np.argsort(cost, kind="stable")[:_TRIED]:
        if not np.isfinite(cost[row]):
            break
        place = _fitted(mesh, tree, frames[row], size)
        if place is not None and _allowed(tree, normals, place, size, depth_mm, zones):
            return place
    return None


def engrave(mesh: Mesh, place: Place, text: str, height_mm: float, depth_mm: float) -> Mesh:
    """``mesh`` with letters cut in ``depth_mm`` below the plane; a MeshError if it is no solid."""
    letters = prisms(text, height_mm, depth_mm, place.off_mm + _OVER_MM).transform(place.matrix[:3])
    return from_solid(to_solid(mesh) - letters)


def emboss(mesh: Mesh, place: Place, text: str, height_mm: float, depth_mm: float) -> Mesh:
    """``mesh`` with letters raised ``depth_mm`` above the plane; a MeshError if it is no solid."""
    letters = prisms(text, height_mm, place.off_mm + _OVER_MM, depth_mm).transform(place.matrix[:3])
    return from_solid(to_solid(mesh) + letters)


def tab_size_mm(text: str, height_mm: float) -> tuple[float, float]:
    """Length and width of a tab."""
    margin = 2 * TAB_MARGIN * height_mm
    return width_mm(text, height_mm) + margin, height_mm + margin


def tab(text: str, height_mm: float, depth_mm: float) -> Mesh:
    """A flat plate with raised letters, its underside in z = 0, its middle above the origin, its text along x."""
    length, width = tab_size_mm(text, height_mm)
    plate = Manifold.cube((length, width, TAB_MM)).translate((-length / 2, -width / 2, 0.0))
    letters = prisms(text, height_mm, _OVER_MM, depth_mm).translate((0.0, 0.0, TAB_MM))
    return from_solid(plate + letters)


def _coarse(mesh: Mesh, tree: bvh.Tree, normals: Float, size: Float, up: Float) -> tuple[Float, Float]:
    """Frames (n, 4, 3) of axes and place at points all over the mesh, and (n,) what each costs; inf: not flat."""
    drawn = sample(mesh, _SAMPLES, 0)
    points = drawn.points[drawn.even]
    _, face, _ = bvh.nearest(tree, points)
    z = normals[face]
    seen = z @ up >= _DOWN
    points, z = points[seen], z[seen]
    level = np.cross(up, z)  # along a line of writing that is level as oriented, read from outside
    flat = np.linalg.norm(level, axis=1) < 0.1
    level[flat] = np.cross(np.eye(3)[int(np.argmin(np.abs(up)))], z[flat])
    level /= np.maximum(np.linalg.norm(level, axis=1), 1e-300)[:, None]
    frames = np.empty((len(_ANGLES), len(points), 4, 3))
    for k, angle in enumerate(_ANGLES):
        frames[k, :, 0] = np.cos(angle) * level + np.sin(angle) * np.cross(z, level)
        frames[k, :, 1] = np.cross(z, frames[k, :, 0])
        frames[k, :, 2], frames[k, :, 3] = z, points
    turn = np.repeat(0.1 * (1.0 - np.cos(_ANGLES)), len(points))
    return _scored(tree, normals, size, up, frames.reshape(-1, 4, 3), turn)


def _scored(tree: bvh.Tree, normals: Float, size: Float, up: Float, frames: Float, turn: Float) -> tuple[Float, Float]:
    """``frames`` with what each costs: how far off the surface is, how far turned and how far leaning over."""
    grid = np.array([[i, j] for i in (-0.5, 0.0, 0.5) for j in (-0.5, 0.0, 0.5)]) * size
    corners = _on_plane(frames, grid)
    off, face, _ = bvh.nearest(tree, corners.reshape(-1, 3))
    alike = np.einsum("nkj,nj->nk", normals[face].reshape(len(frames), -1, 3), frames[:, 2])
    off = off.reshape(len(frames), -1).max(axis=1)
    lean = np.maximum(0.0, -frames[:, 2] @ up)
    usable = (off <= 4 * FLAT_MM) & (alike.min(axis=1) >= _ALIKE)
    return frames, np.where(usable, off + turn + lean, np.inf)


def _on_plane(frames: Float, grid: Float) -> Float:
    """(n, k, 3) points of a grid (k, 2) in the plane of each frame (n, 4, 3)."""
    return np.asarray(
        frames[:, None, 3] + grid[None, :, :1] * frames[:, None, 0] + grid[None, :, 1:] * frames[:, None, 1]
    )


def _grid(size: Float) -> Float:
    """(k, 2) points all over a rectangle around the origin, no farther apart than the grid's step."""
    x, y = (np.linspace(-0.5, 0.5, int(np.ceil(edge / _GRID_MM)) + 1) * edge for edge in size)
    return np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1).reshape(-1, 2)


def _fitted(mesh: Mesh, tree: bvh.Tree, frame: Float, size: Float) -> Place | None:
    """The place on the plane that lies midway in the surface under the rectangle (least squares, then levelled)."""
    under = _on_plane(frame[None], _grid(size))[0]
    _, face, weights = bvh.nearest(tree, under)
    surface = np.einsum("nk,nkj->nj", weights, mesh.vertices[mesh.faces[face]])
    middle = surface.mean(axis=0)
    _, _, axes = np.linalg.svd(surface - middle, full_matrices=False)
    z = axes[2] if axes[2] @ frame[2] > 0 else -axes[2]
    if z @ frame[2] < _ALIKE:
        return None
    x = frame[0] - (frame[0] @ z) * z
    x /= np.linalg.norm(x)
    height = (surface - middle) @ z
    at = middle + (height.max() + height.min()) / 2 * z
    off = float(np.ptp(height)) / 2
    y = np.cross(z, x)
    return Place(at_mm=as_point(at), x=as_point(x), y=as_point(y), z=as_point(z), off_mm=off)


def _allowed(tree: bvh.Tree, normals: Float, place: Place, size: Float, depth_mm: float, zones: Zones) -> bool:
    """Whether the whole rectangle is flat, on matter, free above and away from zones."""
    z = np.array(place.z)
    points = _on_plane(np.array([[place.x, place.y, place.z, place.at_mm]]), _grid(size))[0]
    off, face, _ = bvh.nearest(tree, points)
    if off.max() > FLAT_MM or (normals[face] @ z).min() < _ALIKE:
        return False
    for down in (place.off_mm + _OVER_MM, depth_mm, 2 * depth_mm):
        if (bvh.winding(tree, points - down * z) != 1).any():
            return False
    if (bvh.winding(tree, points + (place.off_mm + _OVER_MM) * z) != 0).any():
        return False
    if zones.gap_mm(points).min() < depth_mm + CLEARANCE_MM + _GRID_MM:
        return False
    corners = np.array([[i, j] for i in (-0.5, 0.0, 0.5) for j in (-0.5, 0.0, 0.5)]) * size
    return _in_sight(_on_plane(np.array([[place.x, place.y, place.z, place.at_mm]]), corners)[0], z, tree, zones)


def _in_sight(points: Float, z: Float, tree: bvh.Tree, zones: Zones) -> bool:
    """Whether nothing stands in front of points (n, 3), straight on to the end of all parts: inside a skull, no."""
    trees = (tree, *zones.solids)
    lower, upper = np.min([t.boxes[0, :3] for t in trees], axis=0), np.max([t.boxes[0, 3:] for t in trees], axis=0)
    steps = np.arange(FLAT_MM + _OVER_MM, np.linalg.norm(upper - lower), _GRID_MM)
    way = (points + steps[:, None, None] * z).reshape(-1, 3)
    way = np.ascontiguousarray(way[((way >= lower) & (way <= upper)).all(axis=1)])
    return all((bvh.winding(t, way) == 0).all() for t in trees)
