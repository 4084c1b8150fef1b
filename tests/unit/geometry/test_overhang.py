"""What supports are made of, by hand: columns, overhangs, beginnings in the air, sight, braces, the pad."""

from __future__ import annotations

import numpy as np
import pytest
from manifold3d import Manifold

from printprep.geometry import bvh
from printprep.geometry.braces import LINK_MM, SLENDER, WIDEST, Pillar, braces
from printprep.geometry.columns import columns
from printprep.geometry.islands import starts
from printprep.geometry.mesh import Float, Mesh, join
from printprep.geometry.overhang import overhangs
from printprep.geometry.scaffold import Pad, pad_solid
from printprep.geometry.sight import openness
from printprep.geometry.solid import from_solid


def block(size: tuple[float, float, float], *at: float) -> Mesh:
    return from_solid(Manifold.cube(size, True).translate(at))


def test_columns_see_a_cavity_and_unite_what_overlaps_or_touches() -> None:
    hollow = from_solid(Manifold.cube((10, 10, 10), True) - Manifold.cube((6, 6, 6), True))
    grid = columns(hollow, 0.5)
    middle = np.flatnonzero((np.abs(grid.at_mm(grid.column)) < 2.5).all(axis=1))
    found = np.stack([grid.bottom_mm[middle], grid.top_mm[middle]], axis=1)
    assert np.unique(np.round(found, 6), axis=0).tolist() == [[-5, -3], [3, 5]]
    both = columns(join([block((10, 10, 4), 0, 0, 0), block((4, 4, 4), 0, 0, 3), block((4, 4, 4), 0, 0, 7)]), 0.5)
    assert len(both) == np.count_nonzero(np.diff(both.start)), "one interval each"
    assert both.top_mm.max() == pytest.approx(9.0)
    assert both.lowest_mm.min() == pytest.approx(-2.0)


@pytest.mark.parametrize(("lean_deg", "carries"), [(30.0, True), (55.0, True), (65.0, False), (80.0, False)])
def test_a_slope_carries_itself_up_to_the_angle(lean_deg: float, *, carries: bool) -> None:
    lean = np.radians(lean_deg)
    plate = block((60, 20, 4), 0, 0, 0)
    turn = np.array([[np.sin(lean), 0, -np.cos(lean)], [0, 1, 0], [np.cos(lean), 0, np.sin(lean)]])
    mesh = Mesh(plate.vertices @ turn.T, plate.faces)
    found = overhangs(mesh, columns(mesh, 0.25), 60.0)
    share = len(found) * found.cell_mm2 / (60 * 20 * np.sin(lean))
    assert share == pytest.approx(0.0 if carries else 1.0, abs=0.12)
    if not carries:
        assert found.normals[:, 2].mean() == pytest.approx(-np.sin(lean), abs=0.05)


def test_ledges_carry_themselves_and_regions_are_told_apart() -> None:
    mesh = from_solid(
        Manifold.cube((10, 10, 20), True)
        + Manifold.cube((11.2, 11.2, 4), True).translate((0, 0, 8))  # stands out by 0.6 mm
        + Manifold.cube((30, 4, 3), True).translate((0, 0, 0))
    )
    found = overhangs(mesh, columns(mesh, 0.2), 45.0, floor_mm=-9.9)
    assert found.region.max() + 1 == 2, "an arm on either side"
    assert np.bincount(found.region) * found.cell_mm2 == pytest.approx([9.0 * 4.0] * 2, rel=0.1)
    assert found.points_mm[:, 2] == pytest.approx(-1.5)
    assert found.height_mm == pytest.approx(3.0)


def test_an_island_is_found_with_its_lowest_place_and_a_hole_is_none() -> None:
    stands, hangs = block((6, 6, 20), 0, 0, 10), from_solid(Manifold.sphere(2.0, 48).translate((10, 0, 8.0)))
    pitted = from_solid(
        Manifold.cube((20, 20, 4)).translate((30, 0, 0)) - Manifold.sphere(3.0, 48).translate((40, 10, 4))
    )
    (found,) = starts(join([stands, hangs, pitted]), 0.1, 0.05)
    assert found.at_mm == pytest.approx([10, 0, 6], abs=0.05)
    assert found.island.layer in (60, 61)
    assert len(starts(join([stands, hangs, pitted]), 0.1)) == 1
    inside = block((4, 4, 4), 0, 0, 10)
    assert starts(join([stands, inside]), 0.1, 0.05) == (), "it begins in the other body"


def test_sight_is_the_share_of_free_directions() -> None:
    tube = from_solid(Manifold.cylinder(60, 12, 12, 96) - Manifold.cylinder(60, 10, 10, 96))
    box = from_solid(Manifold.cube((10, 10, 10), True) - Manifold.cube((6, 6, 6), True))
    deep = openness(bvh.build(tube), np.array([[0.0, 0.0, 30.0]]))[0]
    assert deep == pytest.approx(1 - 30 / np.hypot(30, 10), abs=0.03)
    assert openness(bvh.build(box), np.zeros((1, 3)))[0] == 0.0
    assert openness(bvh.build(box), np.array([[0.0, 0.0, 50.0]]))[0] > 0.9


def test_braces_join_tall_neighbours_and_a_lone_pillar_is_widened_where_it_may() -> None:
    def pillar(x: float, high: float) -> Pillar:
        return Pillar(at_mm=(x, 0.0), low_mm=2.0, high_mm=high, diameter_mm=1.0)

    def anywhere(start: Float, end: Float, radius: float) -> bool:
        return bool(start[2] <= end[2] and radius > 0)

    bars, widths = braces([pillar(0, 50), pillar(4, 50), pillar(4 + 2 * LINK_MM, 42)], anywhere)
    assert len(bars) >= 48 / SLENDER - 1
    assert all(np.isclose(bar.end_mm[2] - bar.start_mm[2], 4.0) for bar in bars), "45 degrees"
    assert widths == pytest.approx((1.0, 1.0, 40 / SLENDER))
    assert braces([pillar(0, 400)], anywhere)[1] == (WIDEST,)
    assert braces([pillar(0, 50)], lambda *_: False) == ((), (1.0,))
    assert braces([pillar(0, 8), pillar(4, 8)], anywhere) == ((), (1.0, 1.0)), "short ones stand alone"


def test_a_pad_joins_near_feet_and_is_chamfered_so_that_a_scraper_gets_under() -> None:
    pad = Pad(thick_mm=2.0, edge_mm=2.0, foot_mm=2.0)
    plate = from_solid(pad_solid(np.array([[0.0, 0.0], [8.0, 0.0], [40.0, 0.0]]), pad))
    lower, upper = plate.bounds_mm
    assert (lower[2], upper[2]) == pytest.approx((0.0, 2.0))
    assert upper[0] == pytest.approx(43.0, abs=0.05)
    heights = plate.vertices[:, 2]
    assert np.ptp(plate.vertices[heights < 1e-9, 1]) < np.ptp(plate.vertices[heights > 1.99, 1]) - 2.0
    assert len(from_solid(pad_solid(np.zeros((1, 2)), pad))) > 0
    near, far = (len(pad_solid(np.array([[0.0, 0.0], [x, 0.0]]), pad).decompose()) for x in (10.0, 20.0))
    assert (near, far) == (1, 2)
