"""Repair mends what it can measure, refuses the rest, and leaves clean meshes alone bit for bit."""

from pathlib import Path

import numpy as np
import pytest
from manifold3d import Manifold

import printprep
from printprep.formats import stl
from printprep.geometry.holes import patch, rims
from printprep.geometry.measure import inspect
from printprep.geometry.mesh import Mesh, join
from printprep.geometry.repair import Repaired, repair
from printprep.geometry.solid import from_solid, to_solid
from printprep.geometry.weld import weld_vertices
from printprep.geometry.winding import twins

DEMO = Path(printprep.__file__).parent / "demo" / "dissection"
SMALL = Path(__file__).parents[2] / "data" / "small"
BALL = from_solid(Manifold.sphere(10.0, 48))
CUBE = from_solid(Manifold.cube((10, 10, 10)))


def moved(mesh: Mesh, *offset: float) -> Mesh:
    return Mesh(mesh.vertices + np.array(offset), mesh.faces)


def turned(mesh: Mesh) -> Mesh:
    return Mesh(mesh.vertices, mesh.faces[:, ::-1])


def mended(result: Repaired) -> Mesh:
    """The mesh of a repair that was not refused, which must be a solid."""
    assert result.refusal is None
    to_solid(result.mesh)
    return result.mesh


def refusal_of(mesh: Mesh) -> str:
    result = repair(mesh)
    assert result.refusal is not None
    assert result.mesh is mesh
    return result.refusal.reason


@pytest.mark.parametrize("path", sorted(DEMO.glob("*.stl")), ids=lambda path: path.stem)
def test_clean_parts_pass_as_the_same_object(path: Path) -> None:
    mesh = stl.read(path)[0].mesh
    result = repair(mesh)
    assert result.mesh is mesh
    assert result == Repaired(mesh=mesh)


def test_a_loose_soup_is_welded() -> None:
    soup = Mesh(BALL.triangles.reshape(-1, 3), np.arange(3 * len(BALL), dtype=np.int32).reshape(-1, 3))
    result = repair(soup)
    assert mended(result).volume_mm3 == pytest.approx(BALL.volume_mm3, rel=1e-12)
    assert [step.what.split()[0] for step in result.steps] == ["made"]


def test_cracks_within_tolerance_close() -> None:
    shaken = BALL.triangles.reshape(-1, 3) + np.random.default_rng(0).uniform(-1e-4, 1e-4, (3 * len(BALL), 3))
    result = repair(Mesh(shaken, np.arange(3 * len(BALL), dtype=np.int32).reshape(-1, 3)))
    assert mended(result).volume_mm3 == pytest.approx(BALL.volume_mm3, rel=1e-4)
    assert any("cracks" in step.what for step in result.steps)


def test_a_hole_is_closed_with_the_area_that_it_says() -> None:
    kept = ~(BALL.triangles.mean(axis=1)[:, 2] > 9.0)
    result = repair(Mesh(BALL.vertices, BALL.faces[kept]))
    mesh = mended(result)
    step = next(step for step in result.steps if "hole" in step.what)
    assert BALL.volume_mm3 * 0.95 < mesh.volume_mm3 < BALL.volume_mm3
    assert step.where_mm is not None
    assert step.where_mm[2] == pytest.approx(9.0, abs=0.6)


def test_faces_turned_at_random_are_turned_back() -> None:
    faces = BALL.faces.copy()
    wrong = np.random.default_rng(1).random(len(faces)) < 0.3
    faces[wrong] = faces[wrong][:, ::-1]
    mesh = mended(repair(Mesh(BALL.vertices, faces)))
    assert mesh.volume_mm3 == pytest.approx(BALL.volume_mm3)


def test_repeated_faces_and_faces_without_area_go() -> None:
    extra = np.array([BALL.faces[3], [0, 0, 1], BALL.faces[8][[2, 0, 1]]], np.int32)
    result = repair(Mesh(BALL.vertices, np.concatenate([BALL.faces, extra])))
    assert mended(result).volume_mm3 == pytest.approx(BALL.volume_mm3)
    assert len(result.mesh) == len(BALL)
    assert result.deviation is not None
    assert result.deviation.max_mm < 1e-9


def test_a_wall_between_two_bodies_that_touch_is_taken_out() -> None:
    left, right = CUBE, Mesh(CUBE.vertices * [-1, 1, 1] + [20, 0, 0], CUBE.faces[:, ::-1])
    result = repair(weld_vertices(join([left, right])))
    mesh = mended(result)
    assert mesh.volume_mm3 == pytest.approx(2000.0)
    assert inspect(mesh).bodies == 1
    assert any("face each other" in step.what for step in result.steps)


def test_a_doubled_face_that_closes_the_surface_is_kept_once() -> None:
    doubled = np.concatenate([BALL.faces, BALL.faces[:1, ::-1]])
    assert mended(repair(Mesh(BALL.vertices, doubled))).volume_mm3 == pytest.approx(BALL.volume_mm3)


def test_bodies_that_touch_along_an_edge_are_parted_and_stay_two() -> None:
    mesh = mended(repair(join([CUBE, moved(CUBE, 10, 10, 0)])))
    found = inspect(mesh)
    assert found.clean
    assert found.bodies == 2
    assert found.volume_mm3 == pytest.approx(2000.0)


def test_bodies_that_run_through_each_other_are_united_and_not_counted_twice() -> None:
    result = repair(join([CUBE, moved(CUBE, 5, 0.1, 0.2)]))
    overlap = 5 * 9.9 * 9.8
    assert mended(result).volume_mm3 == pytest.approx(2000.0 - overlap)
    step = next(step for step in result.steps if "united" in step.what)
    assert step.volume_mm3 == pytest.approx(-overlap)


def test_a_cavity_stays_empty_also_when_its_body_is_united_with_another() -> None:
    cavity = turned(Mesh(CUBE.vertices * 0.2 + 1.0, CUBE.faces))
    hollow = join([CUBE, cavity])
    assert repair(hollow).mesh is hollow
    result = repair(join([hollow, moved(CUBE, 6, 0.1, 0.2)]))
    assert mended(result).volume_mm3 == pytest.approx(2000.0 - 4 * 9.9 * 9.8 - 8.0)


def test_a_cavity_whose_winding_proves_nothing_is_kept_by_its_depth() -> None:
    outer = BALL.faces.copy()
    outer[:5] = outer[:5][:, ::-1]  # the file is wound both ways
    mesh = join([Mesh(BALL.vertices, outer), Mesh(BALL.vertices * 0.5, BALL.faces)])
    assert mended(repair(mesh)).volume_mm3 == pytest.approx(BALL.volume_mm3 * (1 - 0.125))


def test_a_body_inside_a_body_adds_nothing_and_is_listed() -> None:
    result = repair(join([BALL, Mesh(BALL.vertices * 0.5, BALL.faces)]))
    assert mended(result).volume_mm3 == pytest.approx(BALL.volume_mm3)
    assert "inside another body" in result.steps[0].what


def test_inside_out_is_never_turned_silently() -> None:
    result = repair(turned(BALL))
    assert result.refusal is not None
    assert result.refusal.inside_out
    assert result.mesh.volume_mm3 < 0
    accepted = repair(turned(BALL), accept_inside_out=True)
    assert mended(accepted).volume_mm3 == pytest.approx(BALL.volume_mm3)
    assert "accepts" in accepted.steps[0].what


def test_an_open_sheet_is_refused_with_its_figures() -> None:
    half = Mesh(BALL.vertices, BALL.faces[BALL.triangles.mean(axis=1)[:, 2] > 0])
    assert "open sheet" in refusal_of(half)


def test_a_moebius_strip_has_one_side_only() -> None:
    n = 24
    t = np.linspace(0, 2 * np.pi, n, endpoint=False)
    middle = np.stack([10 * np.cos(t), 10 * np.sin(t), 0 * t], axis=1)
    out = np.stack([np.cos(t) * np.cos(t / 2), np.sin(t) * np.cos(t / 2), np.sin(t / 2)], axis=1)
    vertices = np.concatenate([middle - out, middle + out])
    i = np.arange(n)
    j = (i + 1) % n
    low, high = np.where(j == 0, n, j), np.where(j == 0, 0, j + n)  # the seam joins the two sides crosswise
    faces = np.concatenate([np.stack([i, low, i + n], axis=1), np.stack([low, high, i + n], axis=1)])
    assert "one side" in refusal_of(Mesh(vertices, faces.astype(np.int32)))


def test_a_surface_that_encloses_volume_twice_by_itself_is_refused() -> None:
    # a ball whose upper part is pushed down through its lower part: one surface, partly inside out
    vertices = BALL.vertices.copy()
    top = vertices[:, 2] > 5
    vertices[top, 2] -= 17.0
    assert "runs through itself" in refusal_of(Mesh(vertices, BALL.faces))


def test_nothing_and_numbers_that_are_none_are_refused() -> None:
    assert "no triangles" in refusal_of(Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int32)))
    vertices = BALL.vertices.copy()
    vertices[0] = np.inf
    assert "not finite" in refusal_of(Mesh(vertices, BALL.faces))


@pytest.mark.parametrize("name", ["jaw_metres", "skull_metres"])
def test_real_bones_with_defects_become_solids_near_their_source(name: str) -> None:
    mesh = stl.read(SMALL / f"{name}.stl")[0].mesh
    result = repair(Mesh(mesh.vertices * 1000.0, mesh.faces))
    assert mended(result).volume_mm3 > 0
    assert result.deviation is not None
    assert result.deviation.max_mm < 0.1


def test_a_rim_runs_against_the_faces_and_is_closed_with_the_least_area() -> None:
    box = Mesh(CUBE.vertices, CUBE.faces[~(CUBE.triangles[:, :, 2] == 10).all(axis=1)])
    (rim,) = rims(box, twins(box))
    middle, faces, area_mm2 = patch(box, rim)
    assert (len(middle), len(faces)) == (0, 2)
    assert area_mm2 == pytest.approx(100.0)
    assert Mesh(box.vertices, np.concatenate([box.faces, faces])).volume_mm3 == pytest.approx(1000.0)


def test_triangles_whose_corners_do_not_meet_are_refused_at_once() -> None:
    soup = np.random.default_rng(5).uniform(-50, 50, (25_000, 1, 3)) + np.eye(3)
    mesh = Mesh(soup.reshape(-1, 3), np.arange(75_000, dtype=np.int32).reshape(-1, 3))
    assert "25000 pieces" in refusal_of(mesh)


def test_hundreds_of_specks_are_nothing_to_worry_about() -> None:
    places = np.stack(np.meshgrid(*[np.arange(8) * 3.0] * 3), axis=-1).reshape(-1, 3) + 20.0
    specks = join([BALL, *(Mesh(CUBE.vertices * 0.1 + place, CUBE.faces) for place in places)])
    assert repair(specks).mesh is specks
