"""Whatever is done to a hollow, drilled ball beside what is declared, wherever and however large, is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from manifold3d import Manifold
from scipy.spatial.transform import Rotation

from printprep.case import Part, Source
from printprep.casefile import Hollow
from printprep.geometry.mesh import Mesh, as_point
from printprep.geometry.solid import from_solid, subtract, union
from printprep.plan import Change, PlannedPart
from printprep.prepare.faithful import Faith, compare

WALL_MM, RADIUS_MM = 2.0, 10.0
BALL = from_solid(Manifold.sphere(RADIUS_MM, 48))
CAVITY = Mesh(BALL.vertices * (RADIUS_MM - WALL_MM) / RADIUS_MM, BALL.faces)
DRILLED = subtract(BALL, CAVITY, from_solid(Manifold.cylinder(8.0, 1.5, 1.5, 32).translate((0, 0, -12))))
HOLE_MM3 = DRILLED.volume_mm3 - BALL.volume_mm3 + CAVITY.volume_mm3
CHANGES = (
    Change(
        stage="hollow",
        what="a cavity",
        volume_mm3=-CAVITY.volume_mm3,
        area_mm2=CAVITY.area_mm2,
        box_mm=(as_point(CAVITY.bounds_mm[0]), as_point(CAVITY.bounds_mm[1])),
    ),
    Change(
        stage="drain",
        what="a hole",
        volume_mm3=HOLE_MM3,
        where_mm=(0.0, 0.0, -10.0),
        axis=(0.0, 0.0, -1.0),
        reach_mm=1.5,
        deep_mm=4.0,
    ),
)
PART = Part(
    name="ball",
    mesh=BALL,
    tissue=None,
    source=Source(file="a.stl", sha256="0" * 64),
    hollow=Hollow(wall_mm=WALL_MM, drain_diameter_mm=3.0),
)
PLACES = st.tuples(*[st.floats(-1.0, 1.0)] * 3).filter(lambda way: np.linalg.norm(way) > 0.1)
FEW = settings(max_examples=12, deadline=None, derandomize=True)


def measured(mesh: Mesh, changes: tuple[Change, ...] = CHANGES) -> Faith:
    printed = PlannedPart(name="ball", mesh=mesh, tissue=None, material="pla", tool=0, colour=(1, 1, 1), priority=1)
    return compare(PART, printed, changes)


def away_from_the_hole(way: tuple[float, float, float], by_mm: float) -> np.ndarray:
    """A place of the skin in that direction, if it is so far from the axis of the hole."""
    at = RADIUS_MM * np.array(way) / np.linalg.norm(way)
    assume(np.hypot(at[0], at[1]) > by_mm or at[2] > 0)
    return at


def test_what_is_declared_is_all_there_is() -> None:
    found = measured(DRILLED)
    assert found.deviation.max_mm < 1e-3
    assert (found.unaccounted_mm3, found.missing) == (0.0, ())


@FEW
@given(PLACES, st.floats(0.6, 3.0), st.sampled_from([-1, 1]))
def test_a_vertex_moved_out_or_in(way: tuple[float, float, float], off_mm: float, sign: int) -> None:
    at = away_from_the_hole(way, 3.5)
    vertices = DRILLED.vertices.copy()
    nearest = int(np.argmin(np.linalg.norm(vertices - at, axis=1)))
    vertices[nearest] *= 1 + sign * off_mm / RADIUS_MM
    found = measured(Mesh(vertices, DRILLED.faces))
    assert found.deviation.max_mm > 0.5 or found.unaccounted_mm3
    assert found.unaccounted_mm3 * sign > 0


@FEW
@given(PLACES, st.floats(0.4, 2.5), st.floats(0.0, 1.0))
def test_a_void_in_the_wall_or_through_it(way: tuple[float, float, float], radius_mm: float, depth: float) -> None:
    at = away_from_the_hole(way, 2.0 + radius_mm) * (1 - depth * WALL_MM / RADIUS_MM)
    void = from_solid(Manifold.sphere(radius_mm, 24).translate(as_point(at)))
    found = measured(subtract(DRILLED, void))
    assert found.unaccounted_mm3 < 0


@FEW
@given(PLACES, st.floats(0.8, 2.5))
def test_a_bump_on_the_skin(way: tuple[float, float, float], radius_mm: float) -> None:
    at = away_from_the_hole(way, 2.0 + radius_mm)
    bump = from_solid(Manifold.sphere(radius_mm, 24).translate(as_point(at)))
    found = measured(union(DRILLED, bump))
    assert found.deviation.max_mm > 0.5
    assert found.deviation.outward_mm == found.deviation.max_mm
    assert found.unaccounted_mm3 > 0


@FEW
@given(PLACES, st.floats(25.0, 180.0))
def test_a_hole_that_is_declared_elsewhere(way: tuple[float, float, float], angle_deg: float) -> None:
    across = np.cross(way, [0.0, 0.0, 1.0])
    assume(np.linalg.norm(across) > 0.1)
    turn = Rotation.from_rotvec(np.radians(angle_deg) * across / np.linalg.norm(across))
    cavity, hole = CHANGES
    moved = replace(hole, where_mm=as_point(turn.apply([0.0, 0.0, -10.0])), axis=as_point(turn.apply([0.0, 0.0, -1.0])))
    found = measured(DRILLED, (cavity, moved))
    assert found.missing == (moved,)
    assert found.deviation.max_mm > 0.5
