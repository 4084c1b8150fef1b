"""Solids: the one door to manifold3d.

manifold3d answers NoError for much that is wrong (an inside-out surface, two bodies that overlap in one mesh), so this
door looks first: what is open, disagrees about its outside or is inside out never becomes a solid here.
"""

from __future__ import annotations

import manifold3d
import numpy as np
from manifold3d import Manifold

from printprep.errors import MeshError
from printprep.geometry.measure import inspect
from printprep.geometry.mesh import Mesh

__all__ = ["Manifold", "from_solid", "intersect", "subtract", "to_solid", "union"]


def to_solid(mesh: Mesh) -> Manifold:
    """The solid that ``mesh`` bounds.

    Raises
    ------
    MeshError
        The mesh is empty, open, not manifold, wound both ways or inside out, or manifold3d refuses it.
    """
    found = inspect(mesh, self_intersections=False)
    faults = {
        "has no triangles": not found.triangles,
        "has coordinates that are not finite": found.non_finite,
        f"has {found.open_edges} open edges": found.open_edges,
        f"has {found.nonmanifold_edges} edges of more than two faces": found.nonmanifold_edges,
        f"is wound both ways at {found.misoriented_edges} edges": found.misoriented_edges,
        f"is inside out (volume {found.volume_mm3:.3f} mm3)": found.inside_out,
    }
    reasons = [reason for reason, wrong in faults.items() if wrong]
    if reasons:
        raise MeshError(f"the mesh is not a solid: it {', and '.join(reasons)}; repair it first")
    solid = Manifold(manifold3d.Mesh64(mesh.vertices.copy(), mesh.faces.astype(np.uint64)))
    if solid.status() != manifold3d.Error.NoError:
        raise MeshError(f"the mesh is not a solid: manifold3d says {solid.status().name}; repair it first")
    return solid


def from_solid(solid: Manifold) -> Mesh:
    """The surface of a solid; empty for an empty one."""
    surface = solid.to_mesh64()
    faces = np.asarray(surface.tri_verts).astype(np.int32).reshape(-1, 3)
    return Mesh(np.array(surface.vert_properties, dtype=np.float64)[:, :3], faces)  # a copy: manifold3d lets go


def union(*meshes: Mesh) -> Mesh:
    """What is in any of ``meshes``; a MeshError for one that is no solid."""
    return from_solid(Manifold.batch_boolean([to_solid(m) for m in meshes], manifold3d.OpType.Add))


def subtract(mesh: Mesh, *tools: Mesh) -> Mesh:
    """What is in ``mesh`` and in none of ``tools``; a MeshError for one that is no solid."""
    solids = [to_solid(m) for m in (mesh, *tools)]
    return from_solid(Manifold.batch_boolean(solids, manifold3d.OpType.Subtract))


def intersect(a: Mesh, b: Mesh) -> Mesh:
    """What is in both; a MeshError for one that is no solid."""
    return from_solid(to_solid(a) ^ to_solid(b))
