"""A small software renderer: triangles to pixels with a depth buffer, no display and no graphics library.

Parallel projection. Shading is that of a light at the camera and one from the upper left, over normals interpolated
from vertex to vertex. Depth is made visible by darkening what lies behind its neighbourhood: unsharp masking of the
depth buffer after Luft, Colditz and Deussen, "Image enhancement by unsharp masking the depth buffer", SIGGRAPH 2006.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from numba import njit

from printprep.geometry.mesh import Float, Int, Mesh

Image = npt.NDArray[np.float64]
"""(h, w, 3) float64 RGB, 0 to 1."""

OVERSAMPLE: Final = 2  # pixels of the buffer along each edge of a pixel of the picture
FAR: Final = np.inf

KEY_LIGHT: Final = np.array([-0.45, 0.55, 0.70]) / np.linalg.norm([-0.45, 0.55, 0.70])  # right, up, to the camera
REACH: Final = 0.015  # of the darkening around what is nearer, as a share of the picture
HALFWAY: Final = (KEY_LIGHT + np.eye(3)[2]) / np.linalg.norm(KEY_LIGHT + np.eye(3)[2])  # Blinn's, for the shine
AMBIENT, CAMERA, KEY = 0.30, 0.42, 0.38  # shares of the light


@dataclass(frozen=True, slots=True)
class Solid:
    """Something to draw."""

    mesh: Mesh
    colour: tuple[int, int, int]  # RGB, 0 to 255
    opacity: float = 1.0  # below 1: glass, drawn over what is behind it


@dataclass(frozen=True, slots=True)
class Camera:
    """A parallel projection onto a picture.

    ``axes`` has the unit vectors to the right, up and towards the camera in its rows; ``centre_mm`` is seen in the
    middle of the picture.
    """

    axes: Float  # (3, 3)
    centre_mm: Float  # (3,)
    px_per_mm: float
    width_px: int
    height_px: int

    @classmethod
    def along(cls, direction: npt.ArrayLike, up: npt.ArrayLike) -> Float:
        """The axes of a camera that looks along ``direction`` with ``up`` upward in the picture."""
        into = _unit(np.asarray(direction, dtype=np.float64))
        right = np.cross(into, np.asarray(up, dtype=np.float64))
        if np.linalg.norm(right) < 1e-9:  # looking along up: any other direction will do
            right = np.cross(into, [0.0, 1.0, 0.0] if abs(into[1]) < 0.9 else [1.0, 0.0, 0.0])
        right = _unit(right)
        return np.stack([right, np.cross(right, into), -into])

    @classmethod
    def around(cls, points_mm: Float, axes: Float, width_px: int, height_px: int, margin: float = 0.08) -> Camera:
        """The camera with ``axes`` that has all points, (n, 3), in the picture with a margin (share of an edge)."""
        seen = points_mm @ axes.T
        lower, upper = seen.min(axis=0), seen.max(axis=0)
        width_mm, height_mm = np.maximum(upper - lower, 1e-6)[:2]
        scale = (1 - 2 * margin) * min(width_px / width_mm, height_px / height_mm)
        return cls(axes, axes.T @ ((lower + upper) / 2), float(scale), width_px, height_px)

    def project(self, points_mm: Float) -> Float:
        """Pixel x, pixel y (downward) and height towards the camera in mm of points, (n, 3) to (n, 3)."""
        seen = (np.asarray(points_mm, dtype=np.float64) - self.centre_mm) @ self.axes.T
        x = self.width_px / 2 + seen[:, 0] * self.px_per_mm
        y = self.height_px / 2 - seen[:, 1] * self.px_per_mm
        return np.stack([x, y, seen[:, 2]], axis=1)

    def finer(self, factor: int) -> Camera:
        """The same view on ``factor`` times as many pixels along each edge."""
        size = self.width_px * factor, self.height_px * factor
        return Camera(self.axes, self.centre_mm, self.px_per_mm * factor, *size)


def draw(solids: Sequence[Solid], camera: Camera, background: Image) -> Image:
    """Draw solids over a background of the camera's size times :data:`OVERSAMPLE`; the same size comes back.

    Glass is drawn last and only its nearest surface, so that what is inside shows through.
    """
    fine = camera.finer(OVERSAMPLE)
    depth = np.full((fine.height_px, fine.width_px), -FAR)
    picture = background.copy()
    for opaque in (True, False):
        layer = [s for s in solids if (s.opacity >= 1) == opaque and len(s.mesh)]
        if not layer:
            continue
        nearest = depth.copy()
        normal = np.zeros((*depth.shape, 3))
        owner = np.full(depth.shape, -1, np.int32)
        for k, solid in enumerate(layer):
            _fill_mesh(solid.mesh, fine, k, nearest, normal, owner)
        seen = owner >= 0
        of = owner[seen]
        colours = np.array([s.colour for s in layer], dtype=np.float64)[of] / 255
        share = np.array([s.opacity for s in layer])[of, None]
        lit = shade(normal[seen], colours) * crease(nearest, owner, seen, camera)[:, None]
        picture[seen] = picture[seen] * (1 - share) + lit * share
        if opaque:
            depth = nearest
    return picture


def visible(mesh: Mesh, camera: Camera, of_vertices: Float) -> tuple[Float, Float]:
    """What is nearest to the camera at each pixel of :func:`draw`: its depth, and a property of the surface there.

    Parameters
    ----------
    mesh
        What is seen.
    camera
        Of the picture.
    of_vertices
        (n, 3) of any kind, such as normals or places; between vertices it is interpolated.

    Returns
    -------
    depth_mm, property
        (h, w) height towards the camera, ``-FAR`` where there is nothing; (h, w, 3).
    """
    fine = camera.finer(OVERSAMPLE)
    shape = fine.height_px, fine.width_px
    depth, found, owner = np.full(shape, -FAR), np.zeros((*shape, 3)), np.full(shape, -1, np.int32)
    _fill(fine.project(mesh.vertices), np.ascontiguousarray(of_vertices), mesh.faces, 0, depth, found, owner)
    return depth, found


def shadow(solids: Sequence[Solid], camera: Camera, blur_px: float) -> Float:
    """How dark the plane z = 0 is under solids lit from straight above, (h, w) of :func:`draw`, 0 to 1."""
    fine = camera.finer(OVERSAMPLE)
    shape = fine.height_px, fine.width_px
    depth, normal, owner = np.full(shape, -FAR), np.zeros((*shape, 3)), np.full(shape, -1, np.int32)
    for solid in solids:
        flat = solid.mesh.vertices * [1.0, 1.0, 0.0]
        _fill_mesh(Mesh(flat, solid.mesh.faces), fine, 0, depth, normal, owner)
    return np.asarray(cv2.GaussianBlur((owner >= 0).astype(np.float32), (0, 0), blur_px * OVERSAMPLE), dtype=np.float64)


def png(picture: Image) -> bytes:
    """The picture at its final size (:data:`OVERSAMPLE` times smaller) as a PNG file."""
    height, width = picture.shape[0] // OVERSAMPLE, picture.shape[1] // OVERSAMPLE
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    levels = np.clip(small * 255 + 0.5, 0, 255).astype(np.uint8)
    _, encoded = cv2.imencode(".png", levels[:, :, ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    return bytes(encoded.tobytes())


def _unit(vector: Float) -> Float:
    return np.asarray(vector / np.linalg.norm(vector))


def _fill_mesh(mesh: Mesh, fine: Camera, owner_id: int, depth: Float, normal: Float, owner: Int) -> None:
    projected = fine.project(mesh.vertices)
    normals = np.ascontiguousarray(vertex_normals(mesh) @ fine.axes.T)
    _fill(projected, normals, mesh.faces, owner_id, depth, normal, owner)


def vertex_normals(mesh: Mesh) -> Float:
    """(n, 3) means of the normals of the faces around each vertex, by area; unit length, or zero."""
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    of_face = np.cross(b - a, c - a)
    normals = np.stack(
        [
            sum(np.bincount(mesh.faces[:, k], of_face[:, axis], len(mesh.vertices)) for k in range(3))
            for axis in range(3)
        ],
        axis=1,
    )
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.asarray(np.divide(normals, length, out=np.zeros_like(normals), where=length > 0))


@njit(cache=True, nogil=True)
def _fill(corners: Float, normals: Float, faces: Int, owner_id: int, depth: Float, normal: Float, owner: Int) -> None:
    """Rasterise triangles into the buffers; a pixel belongs to a triangle that holds its centre."""
    height, width = depth.shape
    for f in range(len(faces)):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, bx, by, cx, cy = (
            corners[i, 0],
            corners[i, 1],
            corners[j, 0],
            corners[j, 1],
            corners[k, 0],
            corners[k, 1],
        )
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if abs(area) < 1e-12:
            continue
        x0, x1 = max(0, int(np.ceil(min(ax, bx, cx) - 0.5))), min(width - 1, int(np.floor(max(ax, bx, cx) - 0.5)))
        y0, y1 = max(0, int(np.ceil(min(ay, by, cy) - 0.5))), min(height - 1, int(np.floor(max(ay, by, cy) - 0.5)))
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                px, py = x + 0.5, y + 0.5
                u = ((bx - px) * (cy - py) - (by - py) * (cx - px)) / area
                v = ((cx - px) * (ay - py) - (cy - py) * (ax - px)) / area
                w = 1.0 - u - v
                if u < 0 or v < 0 or w < 0:
                    continue
                z = u * corners[i, 2] + v * corners[j, 2] + w * corners[k, 2]
                if z > depth[y, x]:
                    depth[y, x] = z
                    owner[y, x] = owner_id
                    for c in range(3):
                        normal[y, x, c] = u * normals[i, c] + v * normals[j, c] + w * normals[k, c]


def shade(normal: Float, colour: Float) -> Float:
    """Colours, (k, 3), under the light; a surface seen from behind is lit as from the front (open meshes)."""
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    unit = normal / np.where(length > 0, length, 1.0)
    facing = np.where(unit[:, 2:] < 0, -unit, unit)
    light = AMBIENT + CAMERA * facing[:, 2] + KEY * np.clip(facing @ KEY_LIGHT, 0, 1)
    shine = 0.18 * np.clip(facing @ HALFWAY, 0, 1) ** 40
    return np.asarray(colour * light[:, None] + shine[:, None])


def crease(depth: Float, owner: Int, seen: npt.NDArray[np.bool_], camera: Camera) -> Float:
    """What is left of the light at the pixels seen, (k,): less behind what is nearer, and between two solids."""
    if not seen.any():
        return np.ones(0)
    known = np.where(seen, depth, depth[seen].min()).astype(np.float32)
    reach_px = REACH * max(camera.width_px, camera.height_px) * OVERSAMPLE
    behind_mm = np.clip(cv2.GaussianBlur(known, (0, 0), reach_px)[seen] - known[seen], 0, None)
    scale_mm = 3 * REACH * max(camera.width_px, camera.height_px) / camera.px_per_mm
    ids, window = owner.astype(np.int16), np.ones((3, 3), np.uint8)
    line = cv2.dilate(ids, window)[seen] != cv2.erode(ids, window)[seen]
    return np.asarray((0.55 + 0.45 * np.exp(-behind_mm / scale_mm)) * np.where(line, 0.62, 1.0), dtype=np.float64)
