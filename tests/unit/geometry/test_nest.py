from __future__ import annotations

import numpy as np
import pytest

from printprep.geometry.mesh import Float
from printprep.geometry.nest import Area, Room, beside, fits, footprint, free_spot, largest_scale, place, turn_z

BED = Area(width_mm=200.0, depth_mm=100.0, height_mm=150.0)


def rectangle(width_mm: float, depth_mm: float) -> Float:
    return np.array([[0.0, 0.0], [width_mm, 0.0], [width_mm, depth_mm], [0.0, depth_mm]])


def test_the_footprint_is_the_convex_outline_counter_clockwise() -> None:
    points = np.array([[0, 0, 5], [4, 0, 1], [4, 4, 2], [0, 4, 3], [2, 2, 9]], dtype=float)
    outline = footprint(points)
    assert len(outline) == 4
    x, y = outline.T
    assert (x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 2 == pytest.approx(16.0)


def test_a_body_that_fits_is_not_turned_and_stands_in_the_middle() -> None:
    spot = place(rectangle(50, 30), Room(bed=BED))
    assert spot is not None
    assert (spot.angle_deg, spot.centred) == (0, True)
    assert beside(rectangle(50, 30), spot).mean(axis=0) == pytest.approx([100.0, 50.0])


def test_a_body_across_the_bed_is_turned() -> None:
    spot = place(rectangle(80, 150), Room(bed=BED, margin_mm=5.0))
    assert spot is not None
    assert spot.angle_deg == 90


def test_a_diagonal_is_found() -> None:
    square = Area(width_mm=100.0, depth_mm=100.0, height_mm=10.0)
    spot = place(rectangle(130, 5), Room(bed=square))
    assert spot is not None
    stood = beside(rectangle(130, 5), spot)
    assert stood.min() >= 0
    assert stood.max() <= 100
    assert place(rectangle(142, 5), Room(bed=square)) is None


def test_a_keep_out_in_the_middle_moves_the_body_aside() -> None:
    bed = Area(width_mm=200.0, depth_mm=100.0, height_mm=150.0, keep_outs_mm=((95.0, 45.0, 105.0, 55.0),))
    spot = place(rectangle(40, 40), Room(bed=bed, margin_mm=2.0))
    assert spot is not None
    assert not spot.centred
    low, high = beside(rectangle(40, 40), spot).min(axis=0), beside(rectangle(40, 40), spot).max(axis=0)
    assert (low >= 107 - 1e-9).any() or (high <= np.array([93, 43]) + 1e-9).any()


def test_the_largest_scale_is_exact_on_a_bare_bed() -> None:
    room = Room(bed=BED, margin_mm=10.0)
    assert largest_scale(rectangle(90, 40), 10.0, room) == pytest.approx(2.0, abs=1e-6)
    assert largest_scale(rectangle(10, 10), 300.0, room) == pytest.approx(0.5, abs=1e-6)
    scale = largest_scale(rectangle(500, 500), 10.0, room)
    assert place(rectangle(500, 500) * scale, room) is not None
    assert place(rectangle(500, 500) * scale * 1.001, room) is None


def test_the_largest_scale_minds_keep_outs_and_the_reserve() -> None:
    bed = Area(width_mm=200.0, depth_mm=100.0, height_mm=150.0, keep_outs_mm=((150.0, 0.0, 200.0, 100.0),))
    assert largest_scale(rectangle(100, 50), 10.0, Room(bed=bed)) == pytest.approx(1.5, rel=2e-3)
    room = Room(bed=BED, reserve_mm=(60.0, 60.0))
    scale = largest_scale(rectangle(100, 100), 10.0, room)
    assert 0.9 < scale <= 1.0  # 100 + gap 5 + 60 + edge 2 just fits
    assert place(rectangle(100, 100) * scale, room) is not None


def test_too_high_does_not_fit() -> None:
    assert fits(rectangle(10, 10), 150.0, Room(bed=BED))
    assert not fits(rectangle(10, 10), 150.1, Room(bed=BED))


def test_a_free_square_is_clear_of_the_body_the_keep_outs_and_the_edge() -> None:
    bed = Area(width_mm=200.0, depth_mm=100.0, height_mm=150.0, keep_outs_mm=((140.0, 0.0, 200.0, 20.0),))
    body = np.array([[60.0, 20.0], [110.0, 30.0], [120.0, 80.0], [60.0, 80.0]])
    found = free_spot(bed, body, (60.0, 60.0))
    assert found is not None
    x, y = found
    assert x >= 2
    assert y >= 20
    assert x + 60 <= 198
    assert y + 60 <= 98
    assert x >= 120 + 5 - 1e-9  # no 60 mm to the left of the body


def test_no_free_square_is_none() -> None:
    assert free_spot(BED, rectangle(190, 90) + 5, (60.0, 60.0)) is None
    assert free_spot(BED, rectangle(10, 10), (99.0, 99.0)) is None


def test_a_long_low_reserve_needs_a_strip_not_a_square() -> None:
    body = rectangle(180, 75)  # of a bed of 200 x 100
    assert place(body, Room(bed=BED, reserve_mm=(60.0, 60.0))) is None
    spot = place(body, Room(bed=BED, reserve_mm=(60.0, 9.0)))
    assert spot is not None
    found = free_spot(BED, beside(body, spot), (60.0, 9.0))
    assert found is not None
    assert place(body, Room(bed=BED, reserve_mm=(60.0, 9.0), gap_mm=20.0)) is None


def test_quarter_turns_are_exact() -> None:
    assert (turn_z(90)[:2, :2] == [[0, -1], [1, 0]]).all()
    assert (turn_z(0) == np.eye(4)).all()
