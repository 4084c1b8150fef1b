"""The quick answers of the search for crossings are those of the exact tests, pair by pair."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from printprep.geometry.intersect import _extent, _near, partners
from printprep.geometry.mesh import Bool, Mesh
from printprep.geometry.piercing import pair

BOX = Mesh(
    np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]]),
    np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32),
)


def soup(seed: int, jitter_mm: float) -> Mesh:
    """Faces between corners of a small lattice, where much is nearly flat, shared and nearly on one line."""
    random = np.random.default_rng(seed)
    corners = np.stack(np.meshgrid(*[np.arange(4.0)] * 3), axis=-1).reshape(-1, 3)
    corners = corners + random.normal(0.0, jitter_mm, corners.shape)
    faces = random.integers(0, len(corners), (100, 3)).astype(np.int32)
    edges = corners[faces[:, 1:]] - corners[faces[:, :1]]
    area = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1)
    return Mesh(corners, faces[area > 0.1])


def one_by_one(mesh: Mesh, slack_mm: float) -> Bool:
    """(m,) which faces cross another one, each pair asked by itself."""
    crossing = np.zeros(len(mesh), np.bool_)
    v, w, t = np.empty((3, 3)), np.empty((3, 3)), mesh.triangles
    for i, j in combinations(range(len(mesh)), 2):
        boxes_meet = (t[i].min(axis=0) <= t[j].max(axis=0)).all() and (t[j].min(axis=0) <= t[i].max(axis=0)).all()
        if boxes_meet and pair(mesh.faces[i], mesh.faces[j], t[i], t[j], v, w, slack_mm):
            crossing[[i, j]] = True
    return crossing


@pytest.mark.parametrize("jitter_mm", [1e-4, 0.1])
@pytest.mark.parametrize("seed", range(3))
def test_what_planes_part_is_what_the_edges_would_part(seed: int, jitter_mm: float) -> None:
    mesh = soup(seed, jitter_mm)
    side_mm = _extent(mesh.vertices, mesh.faces)[1]
    found = partners(mesh) >= 0
    assert found.any()
    assert (found == one_by_one(mesh, 1e-9 * side_mm)).all()


def test_faces_far_from_all_that_are_asked_are_put_aside() -> None:
    row = [Mesh(BOX.vertices + np.array([3.0 * i, 0.0, 0.0]), BOX.faces) for i in range(40)]
    vertices = np.concatenate([mesh.vertices for mesh in row])
    faces = np.concatenate([mesh.faces + 4 * i for i, mesh in enumerate(row)])
    asked = np.zeros(len(faces), np.bool_)
    asked[4] = True
    lower, side_mm = _extent(vertices, faces)
    near = _near(vertices, faces, asked, lower, 64 / side_mm)
    assert near[4:8].all()
    assert not near[12:].any()
