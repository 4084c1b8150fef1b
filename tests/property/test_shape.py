"""What holds for any shape: turning changes no measure, nothing leaves the bed, walls are as thick as asked."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from printprep.geometry import bvh
from printprep.geometry.drain import drill, find_holes
from printprep.geometry.facing import facing, surface_of
from printprep.geometry.hollow import hollow
from printprep.geometry.measure import inspect
from printprep.geometry.mesh import Float, Mesh
from printprep.geometry.nest import Area, Room, beside, footprint, free_spot, largest_scale, place
from printprep.geometry.orient import PLAIN, rank, rotation_to_up
from printprep.geometry.zones import Zones

sizes = st.floats(3.0, 60.0)
unit_vectors = (
    st.tuples(*[st.floats(-1.0, 1.0)] * 3)
    .filter(lambda v: np.linalg.norm(v) > 0.1)
    .map(lambda v: np.array(v) / np.linalg.norm(v))
)
outlines = (
    st.lists(st.tuples(st.floats(-80.0, 80.0), st.floats(-80.0, 80.0)), min_size=4, max_size=12, unique=True)
    .map(np.array)
    .filter(lambda points: np.ptp(points, axis=0).min() > 1.0)
    .map(footprint)
)


def lump(seed: int, radius_mm: float = 12.0) -> Mesh:
    """A closed blob of three smooth waves."""
    made = trimesh.creation.icosphere(subdivisions=3, radius=1.0)
    waves = np.random.default_rng(seed).normal(size=(3, 3))
    reach = 1.0 + 0.12 * np.sin(2.0 * made.vertices @ waves.T).sum(axis=1)
    return Mesh(made.vertices * reach[:, None] * radius_mm, made.faces)


def overlaps(outline: Float, rectangle: tuple[float, float, float, float]) -> bool:
    """Whether a dense sample of the outline's inside meets the rectangle: another way than separating axes."""
    x0, y0, x1, y1 = rectangle
    share = np.linspace(0.0, 1.0, 20)
    middle = outline.mean(axis=0)
    ring = np.concatenate([a + share[:, None] * (b - a) for a, b in zip(outline, np.roll(outline, -1, 0), strict=True)])
    points = np.concatenate([middle + s * (ring - middle) for s in share])
    return bool(((points > [x0, y0]) & (points < [x1, y1])).all(axis=1).any())


@given(size=st.tuples(sizes, sizes, sizes), up=unit_vectors)
@settings(max_examples=50, deadline=None)
def test_turning_up_changes_no_measure(size: tuple[float, float, float], up: Float) -> None:
    made = trimesh.creation.box(size)
    mesh = Mesh(made.vertices, made.faces)
    turned = mesh.transformed(rotation_to_up(up))
    assert turned.volume_mm3 == pytest.approx(mesh.volume_mm3, rel=1e-9)
    assert turned.area_mm2 == pytest.approx(mesh.area_mm2, rel=1e-9)
    before = facing(surface_of(mesh), up[None], 45.0)
    after = facing(surface_of(turned), np.array([[0.0, 0.0, 1.0]]), 45.0)
    assert before.height_mm == pytest.approx(after.height_mm, rel=1e-9)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_no_direction_tried_beats_the_best(seed: int) -> None:
    ranking = rank(lump(seed), sphere_directions=500)
    best = ranking.poses[0]
    assert all(best.score + PLAIN * best.plain <= pose.score + PLAIN * pose.plain + 1e-6 for pose in ranking.poses)
    assert best.score <= ranking.original.score
    assert [np.linalg.norm(pose.up) for pose in ranking.poses] == pytest.approx([1.0] * len(ranking.poses))


@given(outline=outlines, margin_mm=st.floats(0.0, 5.0), keep_out=st.tuples(st.floats(0, 150), st.floats(0, 150)))
@settings(max_examples=100, deadline=None)
def test_nothing_leaves_the_bed_or_touches_a_keep_out(
    outline: Float, margin_mm: float, keep_out: tuple[float, float]
) -> None:
    zone = (keep_out[0], keep_out[1], keep_out[0] + 20.0, keep_out[1] + 20.0)
    bed = Area(width_mm=180.0, depth_mm=170.0, height_mm=100.0, keep_outs_mm=(zone,))
    spot = place(outline, Room(bed=bed, margin_mm=margin_mm))
    if spot is None:
        assert largest_scale(outline, 1.0, Room(bed=bed, margin_mm=margin_mm)) <= 1.0 + 2e-3
        return
    stood = beside(outline, spot)
    assert stood.min() >= margin_mm - 1e-6
    assert (stood.max(axis=0) <= np.array([180.0, 170.0]) - margin_mm + 1e-6).all()
    assert not overlaps(stood, zone)


@given(outline=outlines, size_mm=st.tuples(st.floats(10.0, 80.0), st.floats(5.0, 80.0)))
@settings(max_examples=60, deadline=None)
def test_a_reserved_place_overlaps_nothing(outline: Float, size_mm: tuple[float, float]) -> None:
    bed = Area(width_mm=250.0, depth_mm=210.0, height_mm=100.0)
    spot = place(outline, Room(bed=bed, reserve_mm=size_mm))
    if spot is None:
        return
    stood = beside(outline, spot)
    found = free_spot(bed, stood, size_mm)
    assert found is not None
    x, y = found
    assert x >= 0
    assert y >= 0
    assert x + size_mm[0] <= 250
    assert y + size_mm[1] <= 210
    assert not overlaps(stood, (x, y, x + size_mm[0], y + size_mm[1]))


@given(seed=st.integers(0, 10_000), wall_mm=st.floats(2.0, 4.0))
@settings(max_examples=6, deadline=None)
def test_a_hollow_lump_has_the_wall_that_was_asked_and_drains(seed: int, wall_mm: float) -> None:
    mesh = lump(seed)
    done = hollow(mesh, wall_mm)
    outer = bvh.build(mesh)
    for k, cavity in enumerate(done.cavities):
        distance, _, _ = bvh.nearest(outer, cavity.mesh.vertices)
        assert distance.min() >= wall_mm - 0.05
        assert distance.mean() == pytest.approx(wall_mm, abs=0.05)
        assert (bvh.winding(outer, cavity.mesh.vertices) == 1).all()
        assert find_holes(done, k, np.array([0.0, 0.0, 1.0]), 1, 2.0, Zones())
    if len(done.cavities) == 1:
        opened = drill(done, find_holes(done, 0, np.array([0.0, 0.0, 1.0]), 1, 2.0, Zones()))
        found = inspect(opened.mesh, self_intersections=False)
        assert found.closed
        assert found.bodies == 1
