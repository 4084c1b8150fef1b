"""Struts are closed, as thick as their load asks, and stand only where there is room."""

from __future__ import annotations

import numpy as np
import pytest
from manifold3d import Manifold

from printprep.geometry.bvh import build
from printprep.geometry.connect import LEAST_MM, SAFETY, SUNK_MM, Strut, diameter_mm, find_struts, gap_mm
from printprep.geometry.measure import inspect
from printprep.geometry.mesh import Mesh
from printprep.geometry.solid import from_solid, intersect, union
from printprep.geometry.zones import Zones


def ball(radius: float, *at: float) -> Mesh:
    return from_solid(Manifold.sphere(radius, 64).translate(at))


def block(size: tuple[float, float, float], *at: float) -> Mesh:
    return from_solid(Manifold.cube(size, True).translate(at))


LOWER, UPPER = block((40, 40, 10), 0, 0, -5), block((30, 30, 10), 0, 0, 13)  # 8 mm apart


def test_a_strut_is_a_closed_bar_of_its_diameter_with_sunk_ends() -> None:
    made = Strut(start_mm=(1, 2, 3), end_mm=(1, 2, 13), diameter_mm=3.0).mesh()
    assert inspect(made).closed
    assert made.volume_mm3 == pytest.approx(np.pi * 1.5**2 * (10 + 2 * SUNK_MM), rel=1e-6)
    assert made.bounds_mm[:, 2] == pytest.approx([3 - SUNK_MM, 13 + SUNK_MM])


def test_the_diameter_carries_the_bending_stress_that_the_formula_says() -> None:
    diameter = diameter_mm(200.0, 30.0, 2, 25.0)
    force_n = SAFETY * 0.2 * 9.81 / 2
    assert 32 * force_n * 30.0 / (np.pi * diameter**3) == pytest.approx(25.0)
    assert diameter_mm(1.0, 5.0, 2, 25.0) == LEAST_MM
    assert diameter_mm(200.0, 60.0, 2, 25.0) > diameter > diameter_mm(200.0, 30.0, 4, 25.0)


def test_struts_join_two_bodies_into_one_and_stand_apart() -> None:
    struts = find_struts(UPPER, LOWER, 3, 2.0, Zones())
    assert len(struts) == 3
    for strut in struts:
        assert strut.length_mm == pytest.approx(8.0)
        assert strut.mesh().volume_mm3 == pytest.approx(np.pi * 9.0, rel=1e-6)
    middles = np.array([strut.middle_mm for strut in struts])
    gaps = np.linalg.norm(middles[:, None] - middles, axis=2)[np.triu_indices(3, 1)]
    assert gaps.min() > 15.0  # of a plate of 30 mm: spread, not in a heap
    assert inspect(union(UPPER, LOWER, *(strut.mesh() for strut in struts))).bodies == 1


def test_the_same_bodies_give_the_same_struts() -> None:
    assert find_struts(UPPER, LOWER, 3, 2.0, Zones()) == find_struts(UPPER, LOWER, 3, 2.0, Zones())


def test_a_strut_goes_round_what_stands_between() -> None:
    wall = block((18, 40, 4), 3, 0, 4)
    zones = Zones(solids=(build(wall),), spheres=np.array([[-13.0, -13.0, 4.0, 5.0]]))
    struts = find_struts(UPPER, LOWER, 2, 2.0, zones)
    assert struts
    for strut in struts:
        assert intersect(strut.mesh(), wall).volume_mm3 == 0.0
        assert np.linalg.norm(np.subtract(strut.middle_mm, (-13.0, -13.0, 4.0))) > 5.0 + 1.0


def test_no_strut_where_there_is_no_way() -> None:
    between = block((60, 60, 4), 0, 0, 4)
    assert find_struts(UPPER, LOWER, 2, 2.0, Zones(solids=(build(between),))) == ()
    everything = Zones(boxes=np.array([[-99.0, -99, -99, 99, 99, 99]]))
    assert find_struts(UPPER, LOWER, 2, 2.0, everything) == ()
    leaf = block((30, 30, 0.3), 0, 0, 8)  # thinner than an end is deep
    assert find_struts(leaf, LOWER, 2, 2.0, Zones()) == ()


def test_a_ball_in_a_shell_is_held_from_within() -> None:
    shell = from_solid(Manifold.sphere(20.0, 64) - Manifold.sphere(15.0, 64))
    core = ball(6.0, 0, 0, 0)
    struts = find_struts(core, shell, 2, 2.0, Zones())
    assert len(struts) == 2
    assert all(8.9 <= strut.length_mm <= 9.2 for strut in struts)
    assert inspect(union(core, shell, *(strut.mesh() for strut in struts)), self_intersections=False).bodies == 2
    # two surfaces of one solid: the outside, and the free space around the core


def test_the_gap_is_nothing_for_what_touches() -> None:
    assert gap_mm(UPPER, LOWER) == pytest.approx(8.0)
    assert gap_mm(ball(5, 0, 0, 0), ball(5, 0, 0, 6)) == 0.0
    assert gap_mm(ball(2, 0, 0, 0), ball(9, 0, 0, 0)) == 0.0
