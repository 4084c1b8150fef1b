from __future__ import annotations

import numpy as np
import pytest

from printprep.geometry.mesh import Mesh
from printprep.geometry.strata import Stack, choose_layers, cut_stack, depth_mm
from printprep.slicers.skins import Skins

LINE_MM = 0.45
WALLS_MM = 0.7


def wedge(run_mm: float, height_mm: float = 6.0, foot_mm: float = 30.0) -> Mesh:
    """A ridge whose two long sides lean in by ``run_mm`` in all."""
    x, low, high = 40.0, foot_mm, foot_mm - 2 * run_mm
    foot = [(0, -low / 2, 0), (x, -low / 2, 0), (x, low / 2, 0), (0, low / 2, 0)]
    top = [(0, -high / 2, height_mm), (x, -high / 2, height_mm), (x, high / 2, height_mm), (0, high / 2, height_mm)]
    quads = [(0, 3, 2, 1), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)]
    faces = [t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))]
    return Mesh(np.array(foot + top, np.float64), np.array(faces, np.int32))


def stack_of(mesh: Mesh) -> Stack:
    return cut_stack([mesh], choose_layers(6.0, 0.2, 0.2, 1000), top_layers=4, bottom_layers=3)


def skins_of(stack: Stack) -> Skins:
    return Skins(stack=stack, walls_mm=WALLS_MM, line_mm=LINE_MM, top_layers=4, bottom_layers=3)


def width_mm(mask: np.ndarray, stack: Stack) -> float:
    """Across the ridge, half-way along it, on both sides together."""
    return float(np.count_nonzero(mask[:, mask.shape[1] // 2])) * stack.cell_mm


def test_a_block_is_closed_by_as_many_layers_as_the_process_says() -> None:
    stack = stack_of(wedge(0.0))
    skins = skins_of(stack)
    solid = []
    for number in range(30):
        inside = depth_mm(stack.body(number), stack.cell_mm) > WALLS_MM
        found = skins.solid(number, inside)
        if ((found.top | found.bottom | found.between) == inside).all():
            solid.append(number)
    assert solid == [0, 1, 2, 26, 27, 28, 29]


def test_below_a_slope_the_steps_grow_by_three_lines() -> None:
    stack = stack_of(wedge(12.0))  # 0.4 mm a layer: less than the walls hide, so no layer is bare inside them
    number = 10
    inside = depth_mm(stack.body(number), stack.cell_mm) > WALLS_MM
    found = skins_of(stack).solid(number, inside)
    assert not found.top.any()
    thrown = 2 * (4 * 0.4 - WALLS_MM)
    assert width_mm(found.between, stack) == pytest.approx(thrown + 2 * 3 * LINE_MM, abs=3 * stack.cell_mm)


def test_a_steep_side_needs_no_skin() -> None:
    stack = stack_of(wedge(3.0))  # 0.1 mm a layer: four of them stay inside the walls
    inside = depth_mm(stack.body(15), stack.cell_mm) > WALLS_MM
    found = skins_of(stack).solid(15, inside)
    assert width_mm(found.between, stack) == 0.0


def test_a_shallow_step_reaches_three_mm_into_the_filling() -> None:
    stack = stack_of(wedge(60.0, foot_mm=130.0))  # 2 mm a layer
    inside = depth_mm(stack.body(10), stack.cell_mm) > WALLS_MM
    found = skins_of(stack).solid(10, inside)
    assert width_mm(found.top, stack) == pytest.approx(2 * (2.0 - WALLS_MM + 3.0), abs=4 * stack.cell_mm)
