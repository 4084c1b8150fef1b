"""Laws of geometry that hold for whatever mesh comes."""

from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from manifold3d import Manifold
from scipy.spatial.transform import Rotation

from printprep.geometry.intersect import self_intersecting
from printprep.geometry.measure import deviation, inspect
from printprep.geometry.mesh import Float, Mesh
from printprep.geometry.repair import repair
from printprep.geometry.solid import from_solid
from printprep.geometry.weld import weld, weld_close, weld_vertices

CALM = settings(max_examples=25, deadline=None)
BEAN = from_solid(Manifold.sphere(10.0, 24).scale((1, 2, 0.7)) + Manifold.sphere(6.0, 20).translate((0, 15, 4)))
seeds = st.integers(0, 2**32 - 1)
coordinates = st.floats(-1e6, 1e6, width=32)


@CALM
@given(arrays(np.float32, st.tuples(st.integers(0, 30), st.just(3), st.just(3)), elements=coordinates))
def test_welding_changes_no_corner_and_repeats_no_vertex(soup: Float) -> None:
    mesh = weld(soup)
    assert np.array_equal(mesh.triangles, soup)
    assert len(np.unique(mesh.vertices, axis=0)) == len(mesh.vertices)
    assert weld_vertices(mesh) is mesh


@CALM
@given(arrays(np.float64, (12, 3, 3), elements=st.integers(-2, 2).map(float)), st.floats(0.5, 2.5))
def test_welding_by_a_tolerance_moves_nothing_farther_and_leaves_nothing_closer(soup: Float, tolerance: float) -> None:
    before = weld(soup)
    after = weld_close(before, tolerance)
    moved = np.linalg.norm(after.triangles - before.triangles, axis=2)
    assert moved.max() <= tolerance * (1 + 1e-12)
    apart = np.linalg.norm(after.vertices[:, None] - after.vertices[None], axis=2)[
        ~np.eye(len(after.vertices), dtype=bool)
    ]
    assert not len(apart) or apart.min() >= tolerance * (1 - 1e-12)


@CALM
@given(seeds)
def test_volume_area_and_defects_do_not_depend_on_the_pose(seed: int) -> None:
    random = np.random.default_rng(seed)
    pose = np.eye(4)
    pose[:3, :3] = Rotation.random(rng=random).as_matrix()
    pose[:3, 3] = random.uniform(-500, 500, 3)
    posed = BEAN.transformed(pose)
    assert posed.volume_mm3 == pytest.approx(BEAN.volume_mm3, rel=1e-9)
    assert posed.area_mm2 == pytest.approx(BEAN.area_mm2, rel=1e-9)
    assert inspect(posed).clean
    assert repair(posed).mesh is posed


@CALM
@given(seeds, st.floats(0.01, 2.0))
def test_deviation_is_that_of_the_motion_at_most_and_the_same_from_either_side(seed: int, step_mm: float) -> None:
    direction = np.random.default_rng(seed).normal(size=3)
    other = Mesh(BEAN.vertices + step_mm * direction / np.linalg.norm(direction), BEAN.faces)
    there, back = deviation(BEAN, other, samples=400), deviation(other, BEAN, samples=400)
    assert 0 < there.max_mm <= step_mm * (1 + 1e-9)
    assert there.mean_mm <= there.max_mm
    assert there.p95_mm <= there.max_mm
    assert back.max_mm == pytest.approx(there.max_mm, rel=0.1)


def _exact(points: Float) -> list[list[Fraction]]:
    return [[Fraction(float(x)) for x in point] for point in points]


def _determinant(a: list[Fraction], b: list[Fraction], c: list[Fraction], d: list[Fraction]) -> Fraction:
    u, v, w = ([x - y for x, y in zip(p, d, strict=True)] for p in (a, b, c))
    minors = (v[1] * w[2] - v[2] * w[1], v[2] * w[0] - v[0] * w[2], v[0] * w[1] - v[1] * w[0])
    return sum((x * y for x, y in zip(u, minors, strict=True)), Fraction(0))


def _cross_exactly(t: Float, u: Float) -> bool:
    """Whether an edge of one runs through the other, in rational arithmetic, for corners in general position."""
    for one, two in ((_exact(t), _exact(u)), (_exact(u), _exact(t))):
        for k in range(3):
            p, q = one[k], one[(k + 1) % 3]
            through = [_determinant(p, q, two[i], two[(i + 1) % 3]) > 0 for i in range(3)]
            if _determinant(*two, p) * _determinant(*two, q) < 0 and len(set(through)) == 1:  # type: ignore[call-arg]
                return True
    return False


@settings(max_examples=60, deadline=None)
@given(seeds, st.floats(1e-3, 1e6))
def test_two_triangles_in_general_position_intersect_when_rational_numbers_say_so(seed: int, offset: float) -> None:
    corners = np.random.default_rng(seed).normal(size=(2, 3, 3)) + offset
    mesh = Mesh(corners.reshape(-1, 3), np.arange(6, dtype=np.int32).reshape(2, 3))
    assert self_intersecting(mesh).all() == _cross_exactly(corners[0], corners[1])


@CALM
@given(seeds)
def test_triangles_of_one_flat_fan_never_intersect_however_they_are_turned(seed: int) -> None:
    random = np.random.default_rng(seed)
    angles = np.sort(random.uniform(0, 2 * np.pi, 7))
    if np.diff(angles, append=angles[0] + 2 * np.pi).max() > 3:
        return
    ring = np.stack([np.cos(angles), np.sin(angles), np.zeros(7)], axis=1) * random.uniform(0.5, 2, (7, 1))
    points = np.concatenate([np.zeros((1, 3)), ring]) @ Rotation.random(rng=random).as_matrix() + random.normal(size=3)
    faces = np.array([[0, 1 + k, 1 + (k + 1) % 7] for k in range(7)], np.int32)
    assert not self_intersecting(Mesh(points, faces)).any()


@CALM
@given(seeds, st.sampled_from(list(permutations(range(3)))))
def test_what_repair_returns_is_a_solid_or_the_mesh_as_it_came(seed: int, axes: tuple[int, int, int]) -> None:
    random = np.random.default_rng(seed)
    faces = BEAN.faces[random.random(len(BEAN)) > random.choice([0.0, 0.005, 0.05])]
    turn = random.random(len(faces)) < random.choice([0.0, 0.2])
    faces = np.where(turn[:, None], faces[:, ::-1], faces)
    extra = faces[random.integers(0, len(faces), 5)][:, list(axes)]
    mesh = Mesh(BEAN.vertices, np.concatenate([faces, extra]).astype(np.int32))
    result = repair(mesh)
    if result.refusal is not None:
        assert result.mesh is mesh
        assert result.refusal.reason
        return
    found = inspect(result.mesh)
    assert found.closed
    assert found.volume_mm3 > 0
    assert abs(found.volume_mm3 / BEAN.volume_mm3 - 1) < 0.1
    again = repair(result.mesh)
    assert again.refusal is None
