"""The picture of a deviation: colours that mean the same everywhere, readable without seeing colours."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from printprep.casefile import Limits
from printprep.geometry.mesh import Float, Mesh
from printprep.report.heat import SIDES, Layer, Marker, colours, heat, side
from printprep.report.raster import Camera

LIMITS = Limits(deviation_p95_mm=0.2, deviation_max_mm=0.5)
SHEET = Mesh(
    np.array([[0, 0, 0], [10, 0, 0], [10, 0, 10], [0, 0, 10]], dtype=np.float64),
    np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32),
)


def lightness(rgb: Float) -> Float:
    """CIELAB lightness of colours (k, 3)."""
    return np.asarray(cv2.cvtColor(rgb[None].astype(np.float32), cv2.COLOR_RGB2LAB)[0, :, 0], dtype=np.float64)


def drawn(values: Float, **asked: object) -> npt.NDArray[np.int64]:
    png = heat([Layer(SHEET, values)], LIMITS, (0, 1, 0), (200, 220), **asked)  # type: ignore[arg-type]
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image[:, :, ::-1], dtype=np.int64)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_lightness_falls_evenly_so_that_the_order_survives_grey(sign: float) -> None:
    first = lightness(colours(sign * np.linspace(0.0, 0.2, 21), LIMITS))
    second = lightness(colours(sign * np.linspace(0.2, 0.5, 31), LIMITS))
    for steps in (np.diff(first), np.diff(second)):
        assert (steps < 0).all()
        assert steps.min() == pytest.approx(steps.max(), abs=1.0)
    assert first[-1] - second[-1] == pytest.approx(first[0] - first[-1], abs=1.5)  # half of the range each
    assert lightness(colours(np.array([sign * 0.51]), LIMITS))[0] < second[-1]


def test_too_little_is_blue_and_too_much_is_orange_also_without_red_and_green() -> None:
    less, more = colours(np.array([-0.4, 0.4]), LIMITS)
    assert less[2] > less[0] + 0.2
    assert more[0] > more[2] + 0.2  # blue against yellow is what every common colour blindness keeps
    assert np.array_equal(*colours(np.array([-0.4, 0.4]), LIMITS, signed=False))


def test_values_by_vertex_by_face_and_by_place_give_the_same_picture() -> None:
    flat = [
        drawn(np.full(4, 0.3)),
        drawn(np.full(2, 0.3)),
    ]
    asked = heat([Layer(SHEET, lambda points: np.full(len(points), 0.3))], LIMITS, (0, 1, 0), (200, 220))
    image = cv2.imdecode(np.frombuffer(asked, np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(flat[0], flat[1])
    assert image is not None
    assert np.array_equal(flat[0], image[:, :, ::-1])


def test_over_the_limit_is_striped_and_set_aside_is_dotted_without_any_colour() -> None:
    middle = np.s_[60:100, 70:130]
    within, over, aside = (drawn(np.full(4, value))[middle].mean(axis=2) for value in (0.49, 0.51, np.nan))
    assert within.std() < 4
    assert over.std() > 40
    assert aside.std() > 15


def test_what_is_nearer_is_seen() -> None:
    behind = Mesh(SHEET.vertices + np.array([0.0, 5.0, 0.0]), SHEET.faces)
    layers = [Layer(SHEET, np.full(4, -0.5)), Layer(behind, np.full(4, 0.5))]
    pngs = [heat(order, LIMITS, (0, 1, 0), (200, 220)) for order in (layers, layers[::-1])]
    assert pngs[0] == pngs[1] == heat(layers, LIMITS, (0, 1, 0), (200, 220))
    image = cv2.imdecode(np.frombuffer(pngs[0], np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    blue, _, red = image[80, 100]
    assert blue > red


def test_a_marker_stands_where_its_place_is_seen_and_nowhere_without_one() -> None:
    plain = drawn(np.zeros(4))
    seen = drawn(np.zeros(4), markers=[Marker("7", (8.0, 0.0, 8.0))])
    rows, columns = np.nonzero((plain != seen).any(axis=2))
    assert len(rows) > 100
    assert rows.mean() < 80
    assert columns.mean() > 100
    outside = drawn(np.zeros(4), markers=[Marker("7", (80.0, 0.0, 8.0))])
    assert np.array_equal(plain, outside)


def test_a_close_up_shows_its_surroundings_only() -> None:
    values = np.array([-0.4, 0.4, 0.4, -0.4])
    near = drawn(values, around_mm=((9.0, 0.0, 5.0), 0.9))[20:120, 40:160].reshape(-1, 3)
    assert (near[:, 0] > near[:, 2]).all()


@pytest.mark.parametrize("frame", ["RAS", "LPS"])
@pytest.mark.parametrize("name", list(SIDES))
def test_no_side_is_a_mirror_image(name: str, frame: str) -> None:
    axes = Camera.along(*side(frame, name))
    assert np.linalg.det(axes) == pytest.approx(1)


def test_nothing_to_draw_is_an_empty_sheet() -> None:
    nothing = Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int32))
    assert heat([Layer(nothing, np.zeros(0))], LIMITS, (0, 1, 0))
