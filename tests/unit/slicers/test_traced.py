from __future__ import annotations

import numpy as np
import pytest

from printprep.slicers.traced import joins_mm, ridges

CELL_MM = 0.1


def test_a_band_has_a_line_along_it_and_a_disc_has_none() -> None:
    area = np.zeros((200, 400), bool)
    area[20:24, 50:350] = True  # 30 x 0.4 mm
    y, x = np.mgrid[:200, :400]
    area[np.hypot(x - 200, y - 120) < 30] = True
    kept, line_mm = ridges(area, CELL_MM)
    assert line_mm == pytest.approx(30.0 - 0.4, rel=0.02)
    assert kept[22, 200]
    assert not kept[120, 200]


def test_a_ring_has_a_line_all_round() -> None:
    y, x = np.mgrid[:300, :300]
    away = np.hypot(x - 150, y - 150)
    _, line_mm = ridges((away > 96) & (away < 100), CELL_MM)
    assert line_mm == pytest.approx(2 * np.pi * 9.8, rel=0.08)


def test_nothing_has_no_line() -> None:
    assert ridges(np.zeros((5, 5), bool), CELL_MM)[1] == 0.0
    assert joins_mm(np.zeros((5, 5), bool), CELL_MM, 1.0) == 0.0


def test_half_the_edge_of_a_large_area_joins_lines_and_none_of_one_between_two_lines() -> None:
    area = np.zeros((420, 420), bool)
    area[10:410, 10:410] = True  # 40 x 40 mm
    assert joins_mm(area, CELL_MM, 0.5) == pytest.approx(80.0, rel=0.03)
    small = np.zeros((30, 30), bool)
    small[10:20, 10:20] = True
    assert joins_mm(small, CELL_MM, 5.0) == 0.0
    assert joins_mm(small, CELL_MM, 5.0, closed=True) == pytest.approx(3.6, rel=0.05)  # the whole loop
