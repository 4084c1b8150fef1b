"""The mesh that every room hands to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int32]
Bool = npt.NDArray[np.bool_]
Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Mesh:
    """An immutable indexed triangle mesh.

    Parameters
    ----------
    vertices
        (n, 3) float64, mm. Made read-only.
    faces
        (m, 3) int32, counter-clockwise seen from outside. Made read-only.
    """

    vertices: Float
    faces: Int

    def __post_init__(self) -> None:
        vertices = np.ascontiguousarray(self.vertices, dtype=np.float64)
        faces = np.ascontiguousarray(self.faces, dtype=np.int32)
        if vertices.ndim != 2 or vertices.shape[1] != 3 or faces.ndim != 2 or faces.shape[1] != 3:
            raise ValueError(f"a mesh is (n, 3) vertices and (m, 3) faces, not {vertices.shape} and {faces.shape}")
        if len(faces) and (faces.min() < 0 or faces.max() >= len(vertices)):
            raise ValueError(f"a face refers to a vertex outside 0..{len(vertices) - 1}")
        for array in (vertices, faces):
            array.setflags(write=False)
        object.__setattr__(self, "vertices", vertices)
        object.__setattr__(self, "faces", faces)

    def __len__(self) -> int:
        """Count of triangles."""
        return len(self.faces)

    @property
    def triangles(self) -> Float:
        """Corners of the triangles, (m, 3, 3) float64 mm; a fresh copy."""
        return self.vertices.take(self.faces, axis=0)  # several times faster than by index

    @property
    def bounds_mm(self) -> Float:
        """Lower and upper corner of the bounding box, (2, 3) float64 mm."""
        if not len(self.vertices):
            return np.zeros((2, 3))
        columns = self.vertices.T  # one after the other: numpy takes many times as long for rows of three
        return np.array([[column.min() for column in columns], [column.max() for column in columns]])

    @property
    def size_mm(self) -> Float:
        """Edge lengths of the bounding box, (3,) float64 mm."""
        lower, upper = self.bounds_mm
        return np.asarray(upper - lower)

    @property
    def volume_mm3(self) -> float:
        """Signed volume by the divergence theorem; negative for a closed mesh that is inside out."""
        if not len(self.faces):
            return 0.0
        origin = self.vertices.mean(axis=0)  # keeps the sum accurate far from the origin
        a, b, c = (self.vertices[self.faces[:, k]] - origin for k in range(3))
        return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6.0)

    @property
    def face_areas_mm2(self) -> Float:
        """Area of each triangle, (m,) float64."""
        a, b, c = (self.vertices[self.faces[:, k]] for k in range(3))
        return np.asarray(np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2.0)

    @property
    def area_mm2(self) -> float:
        """Surface area."""
        return float(self.face_areas_mm2.sum())

    def transformed(self, matrix: npt.ArrayLike) -> Self:
        """The mesh under a 4 x 4 matrix (columns act on column vectors, mm).

        Raises
        ------
        ValueError
            The determinant is not positive: that would mirror the anatomy. Mirror with :meth:`mirrored` alone.
        """
        m = np.asarray(matrix, dtype=np.float64)
        if np.linalg.det(m[:3, :3]) <= 0:
            raise ValueError("the matrix mirrors or flattens the mesh (determinant <= 0)")
        return type(self)(self.vertices @ m[:3, :3].T + m[:3, 3], self.faces)

    def flipped(self) -> Self:
        """The same surface with inside and outside exchanged: every face the other way round."""
        return type(self)(self.vertices, self.faces[:, ::-1])

    def mirrored(self, axis: int) -> Self:
        """The mirror image in the plane through the origin across ``axis`` (0, 1, 2), its winding kept outward."""
        signs = np.ones(3)
        signs[axis] = -1
        return type(self)(self.vertices * signs, self.faces[:, ::-1])


def as_point(position_mm: Float) -> Point:
    """A position (3,) as three plain floats, which is what findings and JSON take."""
    x, y, z = position_mm.tolist()
    return x, y, z


def join(meshes: list[Mesh]) -> Mesh:
    """All triangles of ``meshes`` in order, in one mesh; nothing is welded or united."""
    if not meshes:
        return Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int32))
    offsets = np.cumsum([0, *(len(m.vertices) for m in meshes[:-1])])
    return Mesh(
        np.concatenate([m.vertices for m in meshes]),
        np.concatenate([m.faces + np.int32(k) for m, k in zip(meshes, offsets, strict=True)]),
    )
