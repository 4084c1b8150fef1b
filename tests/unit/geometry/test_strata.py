from __future__ import annotations

import numpy as np
import pytest

from printprep.geometry.mesh import Mesh, join
from printprep.geometry.strata import (
    area_deeper_mm2,
    chains,
    choose_layers,
    cut_stack,
    depth_mm,
    grown,
    propped,
    runs,
    small_areas,
    standing_at,
)


def box(size: tuple[float, float, float], at: tuple[float, float, float]) -> Mesh:
    corner = np.array([[x, y, z] for z in (0, 1) for y in (0, 1) for x in (0, 1)], float) * size + at
    quads = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    return Mesh(corner, np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))], np.int32))


@pytest.mark.parametrize(("top_mm", "total"), [(0.3, 1), (20.0, 100), (10.05, 50)])
@pytest.mark.parametrize("most", [1, 5, 1000])
def test_a_few_layers_stand_for_all_and_the_first_for_itself(top_mm: float, total: int, most: int) -> None:
    layers = choose_layers(top_mm, 0.2, 0.2, most)
    assert layers.count.sum() == total
    assert layers.count[0] == 1 or total == 1
    assert (np.diff(layers.at) > 0).all()
    assert len(layers) <= max(most, 2)


def test_a_block_is_bare_at_its_top_and_its_foot_only() -> None:
    layers = choose_layers(10.0, 0.2, 0.2, 1000)
    stack = cut_stack([box((20.0, 20.0, 10.0), (0.0, 0.0, 0.0))], layers, top_layers=3, bottom_layers=2)
    assert np.count_nonzero(stack.owner[5]) * stack.cell_mm**2 == pytest.approx(400.0, rel=0.02)
    assert [number for number in range(50) if stack.top(number).any()] == [49]
    assert [number for number in range(50) if stack.bottom(number).any()] == [0]


def test_the_later_part_wins() -> None:
    parts = [box((20.0, 20.0, 5.0), (0.0, 0.0, 0.0)), box((10.0, 10.0, 5.0), (5.0, 5.0, 0.0))]
    stack = cut_stack(parts, choose_layers(5.0, 0.2, 0.2, 4), top_layers=1, bottom_layers=1)
    area = [np.count_nonzero(stack.owner[1] == part) * stack.cell_mm**2 for part in (1, 2)]
    assert area == pytest.approx([300.0, 100.0], rel=0.03)


def test_depths_say_how_long_an_inner_wall_is() -> None:
    mask = np.zeros((300, 300), bool)
    mask[50:250, 50:250] = True  # 20 x 20 mm
    depth = depth_mm(mask, 0.1)
    band = area_deeper_mm2(depth, 0.4, 0.1) - area_deeper_mm2(depth, 0.8, 0.1)
    assert band / 0.4 == pytest.approx(4 * (20.0 - 1.2), rel=0.01)


def test_growing_runs_and_small_areas() -> None:
    mask = np.zeros((40, 40), bool)
    mask[10:20, 5:15] = mask[30, 30] = True
    assert runs(mask, 1).tolist() == [10] * 10 + [1]
    assert small_areas(mask, 2.0, 1.0).sum() == 1
    assert grown(mask, 3.0, 1.0)[10, 2:18].all()
    assert not grown(mask, 3.0, 1.0)[10, 0]


def test_a_table_is_held_from_the_bed_and_nothing_beyond_it() -> None:
    table = join([box((4.0, 4.0, 10.0), (8.0, 8.0, 0.0)), box((20.0, 20.0, 2.0), (0.0, 0.0, 10.0))])
    layers = choose_layers(12.0, 0.2, 0.2, 1000)
    stack = cut_stack([table], layers, top_layers=3, bottom_layers=3)
    found = propped([table], stack, 45.0, 0.2)
    wishes = {"snap_mm": 0.1, "gap_mm": 0.2, "next_to_mm": 0.6}
    low, close = standing_at(stack, found, 10, **wishes)
    assert np.count_nonzero(low) * stack.cell_mm**2 == pytest.approx(400.0 - 16.0, rel=0.1)
    assert not close.any()
    assert standing_at(stack, found, 48, **wishes)[1].any()  # right below the board
    assert not standing_at(stack, found, 55, **wishes)[0].any()


def test_paths_part_where_pieces_of_a_row_part() -> None:
    ring = np.ones((20, 20), bool)
    ring[5:15, 5:15] = False
    assert chains(ring, 1) == 2  # one goes down a side and round the foot, one down the other side
    assert chains(ring[:10], 1) == 2
    assert chains(ring[:5], 1) == 1
    assert chains(np.zeros((4, 4), bool), 1) == 0
