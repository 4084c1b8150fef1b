from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from printprep.formats import stl
from printprep.geometry.directions import convex_hull, fibonacci_sphere, rotation_to_up
from printprep.geometry.facing import facing, surface_of
from printprep.geometry.mesh import Bool, Float, Mesh
from printprep.geometry.nest import Area, Room
from printprep.geometry.occlusion import CRITICAL, KEEP_OUT
from printprep.geometry.orient import AS_IT_CAME, PLAIN, Weights, Wish, rank
from printprep.geometry.solid import from_solid, to_solid
from printprep.geometry.stability import centre_of_mass, tip_deg

NONE = dict.fromkeys(Weights().shares, 0.0)
RESIN = Wish(
    weights=Weights(support=0.2, height=0.4, footprint=0.0, stability=0.1, peel=0.6, suction=3.0),
    overhang_angle_deg=60.0,
    layer_mm=0.05,
    lift_mm=5.0,
    suction=True,
)
Z = np.array([[0.0, 0.0, 1.0]])


def box(*size_mm: float) -> Mesh:
    made = trimesh.creation.box(size_mm)
    return Mesh(made.vertices, made.faces)


def l_block(cuts: int = 0) -> Mesh:
    """An L of 30 x 10 x 20 mm with arms 10 mm thick, standing on its back; each cut quarters every triangle."""
    outline = np.array([[0, 0], [30, 0], [30, 10], [10, 10], [10, 20], [0, 20]], dtype=float)
    caps = [[0, 1, 2], [0, 2, 3], [0, 3, 4], [0, 4, 5]]
    vertices = np.concatenate([np.insert(outline, 1, y, axis=1) for y in (10.0, 0.0)])
    faces = [[c, b, a] for a, b, c in caps] + [[a + 6, b + 6, c + 6] for a, b, c in caps]
    for a in range(6):
        b = (a + 1) % 6
        faces += [[a, b, b + 6], [a, b + 6, a + 6]]
    made = trimesh.Trimesh(vertices, faces, process=False)
    for _ in range(cuts):
        made = made.subdivide()
    assert made.is_watertight
    assert made.volume == pytest.approx(4000.0)
    return Mesh(made.vertices, made.faces)


def table() -> Mesh:
    """A 40 x 40 x 4 mm plate on a 10 x 10 x 20 mm column, as two closed boxes that touch: overhang is known."""
    column, plate = box(10, 10, 20), box(40, 40, 4)
    return Mesh(
        np.concatenate([column.vertices, plate.vertices + np.array([0.0, 0.0, 12.0])]),
        np.concatenate([column.faces, plate.faces + 8]),
    )


def measure(mesh: Mesh, ups: Float, angle_deg: float) -> tuple[Float, Float, Float]:
    found = facing(surface_of(mesh), ups, angle_deg)
    return found.overhang_mm2[0], found.contact_mm2[0], found.height_mm


def finer(mesh: Mesh, cuts: int) -> Mesh:
    made = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    for _ in range(cuts):
        made = made.subdivide()
    return Mesh(made.vertices, made.faces)


def united(*meshes: Mesh) -> Mesh:
    whole = to_solid(meshes[0])
    for mesh in meshes[1:]:
        whole = whole + to_solid(mesh)
    return from_solid(whole)


def moved(mesh: Mesh, *by_mm: float) -> Mesh:
    return Mesh(mesh.vertices + np.array(by_mm), mesh.faces)


def cone() -> Mesh:
    """A cone of 20 mm across and 30 mm high: its side leans by 18 degrees."""
    made = trimesh.creation.cone(10.0, 30.0, sections=96)
    return Mesh(made.vertices, made.faces)


def tee(bar_mm: float = 60.0) -> Mesh:
    """A T that stands on its stem."""
    return united(moved(box(bar_mm, 10, 10), 0, 0, 35), moved(box(10, 10, 32), 0, 0, 16))


def bowl() -> Mesh:
    cup, hollow = (trimesh.creation.cylinder(r, 20.0, sections=96) for r in (15.0, 12.0))
    return from_solid(
        to_solid(Mesh(cup.vertices, cup.faces)) - to_solid(moved(Mesh(hollow.vertices, hollow.faces), 0, 0, 3))
    )


def test_a_table_hangs_over_by_its_plate_and_stands_on_its_column() -> None:
    over, contact, height = measure(table(), np.concatenate([Z, -Z]), 45.0)
    assert over == pytest.approx([1600.0, 100.0])  # upside down only the column's end, which touches, looks down
    assert contact == pytest.approx([100.0, 1600.0])
    assert height == pytest.approx([24.0, 24.0])


def test_a_sphere_hangs_over_by_its_cap() -> None:
    made = trimesh.creation.icosphere(subdivisions=5, radius=10.0)
    over, contact, height = measure(Mesh(made.vertices, made.faces), fibonacci_sphere(7), 45.0)
    cap_mm2 = 2 * np.pi * 10.0**2 * (1 - np.cos(np.radians(45)))
    assert over + contact == pytest.approx(np.full(7, cap_mm2), rel=0.02)
    assert height == pytest.approx(np.full(7, 20.0), rel=0.002)


def test_the_angle_counts_from_the_vertical_and_spares_a_face_cut_at_the_limit() -> None:
    up = np.array([[0.0, -np.sin(np.radians(30)), np.cos(np.radians(30))]])  # the front face leans over by 30 deg
    block = box(10, 10, 10)
    steep, just, shallow = (measure(block, up, angle)[0][0] for angle in (29.0, 30.0, 31.0))
    # a strip of each along the lowest edge lies on the bed
    assert steep == pytest.approx(200.0, rel=0.02)
    assert just == pytest.approx(100.0, rel=0.03)  # the bottom leans over by 60
    assert shallow == pytest.approx(100.0, rel=0.03)


def test_the_screen_is_exact_for_any_direction() -> None:
    ball = trimesh.creation.icosphere(subdivisions=4, radius=10.0)
    rough = ball.vertices * (1.0 + 0.2 * np.sin(3.0 * ball.vertices).sum(axis=1, keepdims=True))
    mesh, ups = Mesh(rough, ball.faces), fibonacci_sphere(60)
    corners = mesh.triangles
    crosses = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) / 2.0
    areas = np.linalg.norm(crosses, axis=1)
    down = (crosses / areas[:, None]) @ ups.T < -np.sin(np.radians(45.01))
    found = facing(surface_of(mesh), ups, 45.0, lifted=True)
    assert found.overhang_mm2[0] == pytest.approx(areas @ down, rel=1e-9)
    assert found.height_mm == pytest.approx(np.ptp(rough @ ups.T, axis=0), rel=1e-12)


def test_a_triangle_that_reaches_above_the_contact_is_cut_there() -> None:
    sunk = moved(box(10, 10, 10), 0, 0, 5).transformed(rotation_to_up([0.02, 0.0, 1.0]))
    coarse, fine = (measure(finer(sunk, cuts), Z, 45.0) for cuts in (0, 5))
    assert coarse[1] == pytest.approx(fine[1], rel=1e-9)
    assert coarse[0] == pytest.approx(fine[0], rel=1e-9)
    assert coarse[1] == pytest.approx([50.0], rel=0.01)  # it leans: half is within a tenth of a millimetre


def test_a_flat_block_lies_on_its_largest_face() -> None:
    pose = rank(box(10, 20, 30)).poses[0]
    assert abs(pose.up[0]) == 1.0
    assert (pose.overhang_mm2, pose.support_mm3, pose.height_mm) == pytest.approx((0.0, 0.0, 10.0))
    assert pose.contact_mm2 == pytest.approx(600.0)


def test_a_cone_stands_on_its_base() -> None:
    pose = rank(cone().transformed(rotation_to_up([0.36, 0.48, 0.8]))).poses[0]
    assert pose.up == pytest.approx((-0.36, -0.48, 0.8), abs=1e-3)
    assert pose.support_mm3 == pytest.approx(0.0, abs=1e-6)
    assert pose.tip_deg > 45.0


def test_a_t_lies_down_rather_than_stand_on_its_stem() -> None:
    ranking = rank(tee())
    assert ranking.poses[0].support_mm3 == pytest.approx(0.0, abs=1e-6)
    assert ranking.original.support_mm3 == pytest.approx(50 * 10 * 30, rel=0.01)
    assert ranking.poses[0].score < ranking.original.score


def test_the_original_wins_a_tie() -> None:
    ranking = rank(box(10, 10, 10))
    assert ranking.poses[0] == ranking.original
    assert ranking.original.up == (0.0, 0.0, 1.0)


def test_no_weight_means_stay() -> None:
    tilted = table().transformed(rotation_to_up([0.6, 0.0, 0.8]))
    assert rank(tilted, Wish(weights=Weights(**NONE))).poses[0].up == (0.0, 0.0, 1.0)


@pytest.mark.parametrize("name", ["overhang", "support", "height", "footprint", "stability"])
def test_a_weight_of_its_own_makes_its_term_the_least(name: str) -> None:
    ranking = rank(l_block().transformed(rotation_to_up([0.36, 0.48, 0.8])), Wish(weights=Weights(**{**NONE, name: 1})))
    least = min(pose.terms[name] for pose in ranking.poses)
    assert ranking.poses[0].terms[name] <= least + 6 * PLAIN
    assert ranking.poses[0].score == pytest.approx(ranking.poses[0].terms[name])


@pytest.mark.parametrize("weights", [Weights(), Weights(footprint=1.0), Weights(overhang=0.2, height=1.0)])
def test_the_same_shape_cut_finer_has_the_same_answer(weights: Weights) -> None:
    tilted = rotation_to_up([0.36, 0.48, 0.8])
    coarse, fine = (rank(l_block(cuts).transformed(tilted), Wish(weights=weights)) for cuts in (0, 4))
    assert coarse.poses[0].up == pytest.approx(fine.poses[0].up, abs=1e-6)
    assert coarse.poses[0].score == pytest.approx(fine.poses[0].score, abs=1e-3)
    assert coarse.original.overhang_mm2 == pytest.approx(fine.original.overhang_mm2)


@pytest.mark.parametrize("wish", [Wish(), RESIN])
def test_a_real_bone_cut_finer_has_the_same_answer(data: Path, wish: Wish) -> None:
    (found,) = stl.read(data / "small" / "scaphoid_metres.stl")
    bone = Mesh(found.mesh.vertices * 1000.0, found.mesh.faces)
    coarse, fine = (np.array(rank(finer(bone, cuts), wish).poses[0].up) for cuts in (0, 2))
    assert np.degrees(np.arccos(min(1.0, float(coarse @ fine)))) < 1.0


def test_a_tilted_l_is_put_back_on_its_flat_back() -> None:
    pose = rank(l_block(2).transformed(rotation_to_up([0.36, 0.48, 0.8]))).poses[0]
    assert pose.overhang_mm2 == pytest.approx(0.0, abs=1e-6)
    assert pose.contact_mm2 == pytest.approx(400.0, rel=1e-6)  # the L's own outline is the largest flat face
    assert pose.height_mm == pytest.approx(10.0)


def test_the_best_few_are_apart() -> None:
    ups = np.array([pose.up for pose in rank(l_block()).best(4, apart_deg=20.0)])
    assert len(ups) == 4
    assert (ups @ ups.T)[~np.eye(4, dtype=bool)].max() < np.cos(np.radians(20.0))


def marks(mesh: Mesh, where: Bool, bit: int) -> np.ndarray:
    return np.where(where, bit, 0).astype(np.uint8)


def test_a_critical_face_never_looks_down() -> None:
    mesh = finer(box(30, 30, 10), 2)
    middles = mesh.triangles.mean(axis=1)
    for axis, side in ((2, -1), (2, 1), (0, 1)):
        critical = middles[:, axis] * side > np.abs(mesh.vertices[:, axis]).max() - 1e-6
        pose = rank(mesh, marks=marks(mesh, critical, CRITICAL)).poses[0]
        assert pose.critical_mm2 == pytest.approx(0.0, abs=1.0)
        assert pose.up[axis] * side > -0.1


def test_critical_surface_is_not_left_to_steps() -> None:
    roof = united(box(40, 30, 4), moved(box(40, 30, 4).transformed(rotation_to_up([0.0, -0.26, 0.97])), 0, 0, 6))
    normals = np.cross(roof.triangles[:, 1] - roof.triangles[:, 0], roof.triangles[:, 2] - roof.triangles[:, 0])
    slope = normals @ [0, 0.26, 0.97] > 0.99 * np.linalg.norm(normals, axis=1)
    heavy = Wish(weights=replace(Weights(), staircase=5.0))
    found = [rank(roof, heavy, marks=m).poses[0] for m in (None, marks(roof, slope, CRITICAL))]
    level = np.array([0.0, 0.26, 0.97]) / np.hypot(0.26, 0.97)
    assert found[1].cusp_um < 1000 * 0.2 * abs(level @ found[0].up) or found[1].cusp_um == pytest.approx(0.0, abs=1.0)
    assert found[0].cusp_um == 0.0  # nothing is critical


def test_a_keep_out_zone_is_never_touched_when_any_way_up_avoids_it() -> None:
    mesh = finer(tee(), 3)
    middles = mesh.triangles.mean(axis=1)
    free = rank(mesh).poses[0]
    lain = np.array(free.up)  # the face that it would lie on
    kept = middles @ lain < (mesh.vertices @ lain).min() + 1e-6
    ranking = rank(mesh, marks=marks(mesh, kept, KEEP_OUT), asked=lain[None])
    assert ranking.asked[0].touches
    assert not ranking.poses[0].touches
    assert [pose.touches for pose in ranking.poses] == sorted(pose.touches for pose in ranking.poses)


def test_when_everything_is_kept_out_it_is_said_and_the_least_is_touched() -> None:
    made = trimesh.creation.icosphere(subdivisions=3, radius=1.0)
    egg = Mesh(made.vertices * [10.0, 14.0, 20.0], made.faces)
    ranking = rank(egg, marks=np.full(len(egg), KEEP_OUT, np.uint8))
    assert all(pose.touches for pose in ranking.poses)
    assert ranking.poses[0].keep_out_mm2 < 1.2 * min(pose.keep_out_mm2 for pose in ranking.poses)


def test_standing_on_an_edge_is_no_way_to_spare_a_keep_out_zone() -> None:
    block = box(80, 30, 14)
    ranking = rank(block, marks=np.full(12, KEEP_OUT, np.uint8))
    assert not ranking.poses[0].tips
    assert ranking.poses[0].contact_mm2 > 100.0


def test_a_body_stands_as_far_as_its_centre_is_inside() -> None:
    block = moved(box(20, 40, 60), 3, 4, 5)
    hull, centre = convex_hull(block.vertices), centre_of_mass(block)
    assert centre == pytest.approx([3, 4, 5])
    assert tip_deg(hull, centre, Z[0]) == pytest.approx(np.degrees(np.arctan(10 / 30)), abs=0.2)
    assert tip_deg(hull, centre, np.array([0.0, 1.0, 0.0])) == pytest.approx(np.degrees(np.arctan(10 / 20)), abs=0.3)


def test_what_would_tip_over_comes_after_what_stands() -> None:
    gallows = united(box(10, 10, 40), moved(box(60, 10, 10), 25, 0, 25))
    ranking = rank(gallows, Wish(weights=Weights(**{**NONE, "overhang": 1.0})))
    assert ranking.original.tip_deg < 0.0  # its arm is longer than its foot
    assert not ranking.original.tips  # but the supports below the arm hold it
    assert not ranking.poses[0].tips


@pytest.mark.parametrize("up", [(0.0, 0.0, 1.0), (0.0, 0.0, -1.0), (0.6, 0.0, 0.8)])
def test_resin_turns_a_bowl_so_that_nothing_sucks(up: tuple[float, float, float]) -> None:
    ranking = rank(bowl().transformed(rotation_to_up(up)), RESIN)
    assert ranking.poses[0].cups == 0
    assert ranking.poses[0].score <= ranking.original.score


def test_resin_does_not_lay_a_plate_flat() -> None:
    """Level it is one large layer and the film pulls at all of it; on its narrow side it needs no supports either."""
    ranking = rank(box(40, 30, 6), RESIN)
    plate, level = ranking.poses[0], ranking.original
    assert plate.up[2] == pytest.approx(0.0, abs=1e-6)
    assert plate.layer_mm2 < 0.3 * level.layer_mm2
    assert (plate.lift_mm, plate.support_mm3, plate.marked_mm2) == (0.0, 0.0, 0.0)
    assert (level.lift_mm, level.support_mm3) == (0.0, 0.0)


def test_resin_leaves_a_cube_on_its_face() -> None:
    """On an edge it would be higher, its largest layer larger, and it would hang on supports."""
    ranking = rank(box(20, 20, 20), RESIN)
    assert ranking.poses[0] is ranking.original
    (edge,) = rank(box(20, 20, 20), RESIN, asked=np.array([[0.0, 0.6, 0.8]])).asked
    assert edge.lift_mm == RESIN.lift_mm
    assert edge.layer_mm2 > ranking.original.layer_mm2
    assert edge.score > ranking.original.score


def test_resin_measures_what_stands_by_itself_without_a_lift_and_all_else_with_it() -> None:
    ups = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]])
    table_up, table_down = rank(table(), RESIN, asked=ups).asked
    assert (table_up.lift_mm, table_down.lift_mm) == (RESIN.lift_mm, 0.0)  # its foot is a sixteenth of its plate
    assert table_up.support_mm3 == pytest.approx((1600 - 100) * 25 + 100 * 5, rel=0.02)
    assert table_down.support_mm3 == 0.0
    assert table_down.contact_mm2 == pytest.approx(1600.0)


@pytest.mark.parametrize("wish", [Wish(), RESIN])
@pytest.mark.parametrize("name", ["cube", "plate", "post", "l", "tee", "cone", "bowl"])
def test_the_way_it_came_is_measured_and_none_with_a_better_score_is_left_behind(name: str, wish: Wish) -> None:
    shapes = {"cube": box(20, 20, 20), "plate": box(60, 60, 3), "post": box(8, 8, 60), "l": l_block()}
    shapes |= {"tee": tee(), "cone": cone(), "bowl": bowl()}
    ranking = rank(shapes[name], wish, asked=np.concatenate([np.eye(3), -np.eye(3)]))
    best = ranking.poses[0]
    assert ranking.original in ranking.poses
    for pose in (ranking.original, *ranking.asked):
        assert (pose.touches, pose.tips) >= (best.touches, best.tips)
        if pose.tips == best.tips:
            assert best.score <= pose.score * (1.0 + AS_IT_CAME) + 6 * PLAIN


@pytest.mark.parametrize("wish", [Wish(), RESIN])
def test_what_is_hardly_better_is_no_reason_to_turn(wish: Wish) -> None:
    nearly = box(20.0, 20.0, 19.95).transformed(rotation_to_up([0.0, 1.0, 0.0]))
    ranking = rank(nearly, wish)
    assert ranking.poses[0] is ranking.original


def test_only_ways_up_that_fit_are_chosen() -> None:
    low = Room(bed=Area(width_mm=200, depth_mm=40, height_mm=200))
    ranking = rank(box(150, 150, 10), room=low)
    assert ranking.fits
    assert ranking.barred > 0
    assert abs(ranking.poses[0].up[2]) < 0.1
    nowhere = rank(box(150, 150, 10), room=Room(bed=Area(width_mm=100, depth_mm=100, height_mm=90)))
    assert not nowhere.fits
    assert nowhere.poses[0].up == (0.0, 0.0, 1.0)


def test_what_is_asked_for_is_measured_as_well() -> None:
    (asked,) = rank(box(10, 20, 30), asked=np.array([[0.6, 0.0, 0.8]])).asked
    assert asked.up == (0.6, 0.0, 0.8)
    assert asked.score > 0.0


def test_the_rotation_is_rigid_and_exact_where_it_can_be() -> None:
    assert (rotation_to_up([0, 0, 1]) == np.eye(4)).all()
    for up in [*fibonacci_sphere(50), np.array([0.0, 0.0, -1.0])]:
        matrix = rotation_to_up(up)
        assert matrix[:3, :3] @ up == pytest.approx([0, 0, 1], abs=1e-12)
        assert matrix[:3, :3] @ matrix[:3, :3].T == pytest.approx(np.eye(3), abs=1e-14)
        assert np.linalg.det(matrix) == pytest.approx(1.0)


@pytest.mark.parametrize("z", [1.0, -1.0])
@pytest.mark.parametrize("lean", [1e-5, 1.2e-7, 1e-9, 1e-200])
def test_next_to_straight_up_or_down_the_turn_is_exact(z: float, lean: float) -> None:
    up = np.array([0.6 * lean, 0.8 * lean, z])
    matrix = rotation_to_up(up)[:3, :3]
    assert matrix @ (up / np.linalg.norm(up)) == pytest.approx([0.0, 0.0, 1.0], abs=1e-15)
    assert matrix @ matrix.T == pytest.approx(np.eye(3), abs=1e-15)
    assert np.linalg.det(matrix) == pytest.approx(1.0, abs=1e-15)
