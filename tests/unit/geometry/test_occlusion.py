"""What stands below what, on solids whose supports, layers and pockets are known."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from printprep.geometry.directions import fibonacci_sphere
from printprep.geometry.mesh import Float, Mesh
from printprep.geometry.occlusion import CRITICAL, KEEP_OUT, occlusion
from printprep.geometry.solid import from_solid, to_solid

UP = np.array([[0.0, 0.0, 1.0]])


def box(size_mm: tuple[float, float, float], at_mm: tuple[float, float, float] = (0, 0, 0)) -> Mesh:
    made = trimesh.creation.box(size_mm)
    return Mesh(made.vertices + np.array(at_mm), made.faces)


def united(*meshes: Mesh) -> Mesh:
    whole = to_solid(meshes[0])
    for mesh in meshes[1:]:
        whole = whole + to_solid(mesh)
    return from_solid(whole)


def cylinder(radius_mm: float, height_mm: float, z_mm: float = 0.0) -> Mesh:
    made = trimesh.creation.cylinder(radius_mm, height_mm, sections=128)
    return Mesh(made.vertices + np.array([0.0, 0.0, z_mm]), made.faces)


def bowl() -> Mesh:
    """A cup of 30 mm across and 20 mm high that opens upwards: 24 mm wide and 17 mm deep inside."""
    return from_solid(to_solid(cylinder(15, 20)) - to_solid(cylinder(12, 20, 3.0)))


def table() -> Mesh:
    """A plate of 40 x 40 x 4 mm on four legs of 5 x 5 x 20 mm."""
    legs = [box((5, 5, 20.5), (x, y, 10.25)) for x in (-17.5, 17.5) for y in (-17.5, 17.5)]
    return united(box((40, 40, 4), (0, 0, 22)), *legs)


def finer(mesh: Mesh, cuts: int) -> Mesh:
    made = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    for _ in range(cuts):
        made = made.subdivide()
    return Mesh(made.vertices, made.faces)


def brute_force(mesh: Mesh, angle_deg: float, pitch_mm: float) -> float:
    """Support volume by a ray through every cell of a fine grid and every triangle: no tree, no grid of columns."""
    corners = mesh.triangles - np.append(mesh.bounds_mm[0, :2], mesh.bounds_mm[0, 2])
    a, u, v = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normals = np.cross(u, v)
    cosine = normals[:, 2] / np.linalg.norm(normals, axis=1)
    keep = np.abs(normals[:, 2]) > 1e-12
    a, u, v, cosine, twice = a[keep], u[keep], v[keep], cosine[keep], normals[keep, 2]
    total, limit = 0.0, -np.sin(np.radians(angle_deg))
    width, depth, _ = mesh.size_mm
    for x in np.arange(pitch_mm / 2, width, pitch_mm):
        for y in np.arange(pitch_mm / 2, depth, pitch_mm):
            px, py = x - a[:, 0], y - a[:, 1]
            s = (px * v[:, 1] - py * v[:, 0]) / twice
            t = (u[:, 0] * py - u[:, 1] * px) / twice
            hit = np.flatnonzero((s >= 0) & (t >= 0) & (s + t <= 1))
            z = a[hit, 2] + s[hit] * u[hit, 2] + t[hit] * v[hit, 2]
            floor = 0.0
            for k in np.argsort(z):
                if cosine[hit[k]] > 0:
                    floor = z[k]
                elif cosine[hit[k]] < limit and z[k] > 0.1:
                    total += z[k] - floor
    return total * pitch_mm**2


def test_a_table_is_held_from_the_bed_between_its_legs() -> None:
    found = occlusion(table(), np.concatenate([UP, -UP]), 45.0)
    assert found.support_mm3 == pytest.approx([1500 * 20, 0], rel=0.01)
    assert found.overhang_mm2 == pytest.approx([1500, 0], rel=0.01)
    assert found.bed_mm2 == pytest.approx([100, 1600], rel=0.02)
    assert found.feet_mm2 == pytest.approx([0, 0])
    assert found.layer_mm2 == pytest.approx([1600, 1600], rel=0.01)
    assert found.mean_layer_mm2 == pytest.approx([(6400 + 2000) / 24] * 2, rel=0.01)
    assert np.ptp(found.reach_mm[0], axis=0) == pytest.approx([40, 40], abs=1.0)


def test_supports_end_on_what_stands_below() -> None:
    shelf = united(box((40, 10, 4), (0, 0, 2)), box((40, 10, 4), (0, 0, 22)), box((4, 10, 24), (-18, 0, 12)))
    found = occlusion(shelf, UP, 45.0)
    assert found.support_mm3 == pytest.approx([36 * 10 * 16], rel=0.01)  # not 20 mm: the lower board is in the way
    assert found.feet_mm2 == pytest.approx([360], rel=0.01)
    assert found.overhang_mm2 == pytest.approx([360], rel=0.01)


def test_a_sphere_s_supports_are_those_of_the_integral() -> None:
    made = trimesh.creation.icosphere(subdivisions=5, radius=10.0)
    rim = 10 * np.sin(np.radians(45))
    volume = 2 * np.pi * (10 * rim**2 / 2 - (10**3 - (10**2 - rim**2) ** 1.5) / 3)
    found = occlusion(Mesh(made.vertices, made.faces), fibonacci_sphere(5), 45.0)
    assert found.support_mm3 == pytest.approx(np.full(5, volume), rel=0.02)
    assert found.layer_mm2 == pytest.approx(np.full(5, np.pi * 100), rel=0.01)
    assert found.mean_layer_mm2 == pytest.approx(np.full(5, 4 / 3 * np.pi * 1000 / 20), rel=0.01)


@pytest.mark.parametrize("up", [(0.0, 0.0, 1.0), (0.36, 0.48, 0.8), (0.9, -0.1, 0.2)])
def test_the_columns_agree_with_brute_force(up: tuple[float, float, float]) -> None:
    from printprep.geometry.directions import rotation_to_up

    ring = trimesh.creation.torus(15.0, 5.0, major_sections=32, minor_sections=16)
    mesh = Mesh(ring.vertices, ring.faces).transformed(rotation_to_up(np.array(up) / np.linalg.norm(up)))
    reference = brute_force(mesh, 45.0, 0.4)
    assert occlusion(mesh, UP, 45.0).support_mm3 == pytest.approx([reference], rel=0.02)


def test_the_same_surface_cut_finer_has_the_same_figures() -> None:
    ups = fibonacci_sphere(6)
    coarse, fine = (occlusion(finer(bowl(), cuts), ups, 45.0, suction=True) for cuts in (0, 3))
    for name in ("support_mm3", "overhang_mm2", "feet_mm2", "layer_mm2", "cup_mm3"):
        assert getattr(coarse, name) == pytest.approx(getattr(fine, name), rel=1e-3), name


def test_bodies_that_overlap_count_once() -> None:
    apart = united(box((20, 20, 20)), box((20, 20, 20), (5, 5, 5)))
    through = Mesh(
        np.concatenate([box((20, 20, 20)).vertices, box((20, 20, 20), (5, 5, 5)).vertices]),
        np.concatenate([box((1, 1, 1)).faces, box((1, 1, 1)).faces + 8]),
    )
    one, other = (occlusion(mesh, UP, 45.0) for mesh in (apart, through))
    assert one.support_mm3 == pytest.approx(other.support_mm3, rel=1e-6)
    assert one.mean_layer_mm2 == pytest.approx(other.mean_layer_mm2, rel=1e-6)


def test_what_is_lifted_off_the_bed_lies_on_nothing() -> None:
    found = occlusion(box((20, 20, 10)), UP, 60.0, lift_mm=5.0)
    assert found.support_mm3 == pytest.approx([400 * 5], rel=0.01)
    assert found.bed_mm2 == pytest.approx([0])


def test_a_bowl_sucks_only_when_it_opens_away_from_the_bed() -> None:
    ups = np.concatenate([UP, -UP, [[1.0, 0.0, 0.0]]])
    found = occlusion(bowl(), ups, 60.0, lift_mm=5.0, suction=True)
    assert found.cups.tolist() == [1, 0, 0]
    assert found.cup_mm2 == pytest.approx([np.pi * 144, 0, 0], rel=0.02)
    assert found.cup_mm3 == pytest.approx([np.pi * 144 * 17, 0, 0], rel=0.02)


def test_a_hole_in_its_bottom_vents_a_bowl() -> None:
    vented = from_solid(to_solid(bowl()) - to_solid(cylinder(2, 60)))
    assert occlusion(vented, UP, 60.0, lift_mm=5.0, suction=True).cups.tolist() == [0]


def test_a_closed_cavity_is_no_cup() -> None:
    shell = from_solid(to_solid(box((30, 30, 30))) - to_solid(box((20, 20, 20))))
    assert occlusion(shell, fibonacci_sphere(4), 60.0, lift_mm=5.0, suction=True).cups.tolist() == [0] * 4


def marked(mesh: Mesh, where: Float, bits: int) -> np.ndarray:
    return np.where(where, bits, 0).astype(np.uint8)


def test_what_supports_and_the_bed_touch_is_told_by_its_marks() -> None:
    mesh = finer(table(), 2)
    middles = mesh.triangles.mean(axis=1)
    below = np.abs(middles[:, 2] - 20.0) < 1e-6
    ends = middles[:, 2] < 1e-6
    found = occlusion(mesh, UP, 45.0, marks=marked(mesh, below, CRITICAL) | marked(mesh, ends, KEEP_OUT))
    assert found.critical_mm2 == pytest.approx([1500], rel=0.01)
    assert found.keep_out_mm2 == pytest.approx([100], rel=0.02)
