"""Zones on surfaces of any coarseness: the same place is found, with the same area, and none is missed."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from printprep.geometry.bvh import build
from printprep.geometry.directions import rotation_to_up
from printprep.geometry.mesh import Float, Mesh
from printprep.geometry.zoned import FINE_MM, zoned
from printprep.geometry.zones import Zones


def box(*size_mm: float) -> Mesh:
    made = trimesh.creation.box(size_mm)
    return Mesh(made.vertices, made.faces)


def ball(radius_mm: float, *at_mm: float) -> Mesh:
    made = trimesh.creation.icosphere(subdivisions=4, radius=radius_mm)
    return Mesh(made.vertices + np.array(at_mm), made.faces)


def finer(mesh: Mesh, cuts: int) -> Mesh:
    made = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    for _ in range(cuts):
        made = made.subdivide()
    return Mesh(made.vertices, made.faces)


CUBE = box(40, 40, 40)
TOP = Mesh(CUBE.vertices, CUBE.faces[(CUBE.triangles[:, :, 2] > 19).all(axis=1)])
ZONES = {
    "ball on a corner": (Zones(spheres=np.array([[20.0, 20.0, 20.0, 6.0]])), 3 * np.pi * 36 / 4),
    "ball on an edge": (Zones(spheres=np.array([[20.0, 20.0, 0.0, 5.0]])), np.pi * 25.0),
    "small ball in a face": (Zones(spheres=np.array([[20.0, 7.0, 3.0, 0.4]])), np.pi * 0.16),
    "box on a corner": (Zones(boxes=np.array([[14.0, 15, 16, 99, 99, 99]])), 6 * 5 + 5 * 4 + 6 * 4.0),
    "box around a slice": (Zones(boxes=np.array([[-50.0, -50, 3, 50, 50, 4.5]])), 160 * 1.5),
    "solid through a face": (Zones(solids=(build(ball(6.0, 20, 0, 0)),)), np.pi * 36.0),
    "paint on the top": (Zones(surfaces=(build(TOP),)), 1600.0),
    "paint cut finer": (Zones(surfaces=(build(finer(TOP, 3)),)), 1600.0),
    "two that overlap": (Zones(spheres=np.array([[20.0, 0, 0, 5.0], [20.0, 0, 0, 3.0]])), np.pi * 25.0),
    "beside it": (Zones(spheres=np.array([[26.0, 26.0, 26.0, 6.0]])), 0.0),
}


@pytest.mark.parametrize("name", ZONES)
def test_a_cube_of_twelve_faces_has_the_same_surface_in_a_zone_as_one_of_thousands(name: str) -> None:
    zones, area_mm2 = ZONES[name]
    found = [zoned(finer(CUBE, cuts), zones) for cuts in (0, 2, 5)]
    for one in found:
        assert one.area_mm2 == pytest.approx(area_mm2, rel=0.03, abs=1e-9)
        assert one.mesh.area_mm2 == pytest.approx(9600.0)
        assert one.mesh.volume_mm3 == pytest.approx(64_000.0)
    assert len(found[0].mesh) < 30_000


def test_only_faces_on_a_border_are_cut_and_each_piece_knows_its_face() -> None:
    mesh = finer(CUBE, 4)
    zones = Zones(spheres=np.array([[20.0, 0, 0, 5.0]]))
    found = zoned(mesh, zones)
    kept = found.source[: len(np.unique(found.source))]
    whole = np.bincount(found.source, minlength=len(mesh)) == 1
    np.testing.assert_array_equal(found.mesh.triangles[: whole.sum()], mesh.triangles[whole])
    assert len(mesh) - whole.sum() < 60
    assert (np.diff(kept[: whole.sum()]) > 0).all()
    areas = np.bincount(found.source, found.mesh.face_areas_mm2, len(mesh))
    np.testing.assert_allclose(areas, mesh.face_areas_mm2, rtol=1e-9)
    crosses = np.cross(*(np.diff(found.mesh.triangles, axis=1).transpose(1, 0, 2)))
    before = np.cross(*(np.diff(mesh.triangles, axis=1).transpose(1, 0, 2)))
    assert (np.einsum("ij,ij->i", crosses, before[found.source]) > 0).all()


def test_without_a_border_on_it_a_surface_stays_as_it_is() -> None:
    for zones in (Zones(), Zones(boxes=np.array([[-99.0, -99, -99, 99, 99, 99]])), ZONES["beside it"][0]):
        assert zoned(CUBE, zones).mesh is CUBE
    assert zoned(CUBE, Zones(boxes=np.array([[-99.0, -99, -99, 99, 99, 99]]))).inside.all()


def test_a_zone_that_touches_by_less_than_a_piece_is_not_missed() -> None:
    speck = Zones(boxes=np.array([[3.1, 3.1, 19.0, 3.1002, 3.1002, 21.0]]))
    found = zoned(CUBE, speck)
    assert 0.0 < found.area_mm2 < 2.0 * FINE_MM**2
    assert np.linalg.norm(found.mesh.triangles[found.inside] - [3.1, 3.1, 20.0], axis=2).max() < 2.0 * FINE_MM


def _turned(mesh: Mesh, up: Float) -> Mesh:
    return mesh.transformed(rotation_to_up(up))


numbers = st.floats(-1.0, 1.0)


@settings(max_examples=25, deadline=None)
@given(way=st.tuples(numbers, numbers, numbers), radius=st.floats(0.5, 9.0), up=st.tuples(numbers, numbers, numbers))
def test_no_ball_that_touches_a_cube_is_missed(
    way: tuple[float, float, float], radius: float, up: tuple[float, float, float]
) -> None:
    """A ball that reaches 0.2 mm into a turned cube from anywhere beside it holds some of its surface."""
    direction, axis = np.array(way) + np.array([0.0, 0.0, 1e-3]), np.array(up) + np.array([0.0, 0.0, 2.0])
    cube = _turned(CUBE, axis / np.linalg.norm(axis))
    on = trimesh.Trimesh(CUBE.vertices, CUBE.faces, process=False)
    foot = 20.0 * direction / np.abs(direction).max()  # on the cube
    normal = on.face_normals[on.nearest.on_surface(foot[None])[2][0]]
    turn = rotation_to_up(axis / np.linalg.norm(axis))[:3, :3]
    centre = turn @ (foot + (radius - 0.2) * normal)
    zones = Zones(spheres=np.array([[*centre, radius]]))
    coarse, fine = (zoned(mesh, zones).area_mm2 for mesh in (cube, finer(cube, 4)))
    assert coarse > 0.0
    assert coarse == pytest.approx(fine, rel=0.1, abs=0.02)
