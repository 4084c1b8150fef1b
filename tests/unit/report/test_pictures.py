from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from printprep.geometry.mesh import Mesh
from printprep.plan import Plan
from printprep.profiles.load import load_profiles
from printprep.report.paper import direction_in
from printprep.report.pictures import VIEWS, bed_view, render, three_views
from printprep.report.raster import Camera, Solid

RED, BLUE = (220, 30, 30), (30, 60, 220)


def pixels(png: bytes) -> npt.NDArray[np.int64]:
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image[:, :, ::-1], dtype=np.int64)


def of_colour(image: npt.NDArray[np.int64], colour: tuple[int, int, int]) -> npt.NDArray[np.bool_]:
    """Where a picture is more of a primary colour than of the others."""
    strong = int(np.argmax(colour))
    others = [k for k in range(3) if k != strong]
    return np.asarray((image[..., strong] > 80) & (image[..., strong] > image[..., others].max(axis=-1) + 60))


def middle(mask: npt.NDArray[np.bool_]) -> tuple[float, float]:
    y, x = np.nonzero(mask)
    assert len(x) > 50
    return float(x.mean()), float(y.mean())


@pytest.mark.parametrize("frame", ["RAS", "LPS"])
def test_the_patients_right_is_on_the_left_of_the_picture(plan: Plan, frame: str) -> None:
    """The red box is on the right in RAS; the same numbers in LPS put it on the left."""
    front, left, below = (pixels(p.png) for p in three_views(plan, frame=frame, size_px=(200, 200)))
    red_x, blue_x = middle(of_colour(front, RED))[0], middle(of_colour(front, BLUE))[0]
    assert (red_x < blue_x) == (frame == "RAS")
    assert middle(of_colour(front, BLUE))[1] < middle(of_colour(front, RED))[1]  # the tall one reaches higher
    red_x, blue_x = middle(of_colour(below, RED))[0], middle(of_colour(below, BLUE))[0]
    assert (red_x < blue_x) == (frame == "RAS")
    assert of_colour(left, BLUE).any()


def test_from_the_left_the_left_part_hides_what_is_behind_it(plan: Plan) -> None:
    left = pixels(three_views(plan, size_px=(200, 200))[1].png)
    assert not of_colour(left, RED).any()


def test_directions_in_both_frames() -> None:
    assert direction_in("RAS", "R").tolist() == [1, 0, 0]
    assert direction_in("LPS", "R").tolist() == [-1, 0, 0]
    assert direction_in("LPS", "S").tolist() == [0, 0, 1]


@pytest.mark.parametrize("view", list(VIEWS))
@pytest.mark.parametrize("frame", ["RAS", "LPS"])
def test_no_view_is_a_mirror_image(view: str, frame: str) -> None:
    into, up = VIEWS[view]
    axes = Camera.along(direction_in(frame, into), direction_in(frame, up))
    assert np.linalg.det(axes) == pytest.approx(1)
    assert axes[1] == pytest.approx(direction_in(frame, up))


def test_a_mirror_image_says_so_in_red(plan: Plan) -> None:
    plain, mirrored = (pixels(three_views(plan, mirrored=m, size_px=(240, 240))[0].png) for m in (False, True))
    label = np.s_[38:66, 60:180]
    assert of_colour(mirrored[label], RED).sum() > of_colour(plain[label], RED).sum() + 100


def test_glass_shows_what_is_inside(plan: Plan) -> None:
    inside, outside = plan.parts[0].mesh, plan.parts[1].mesh
    around = Mesh(np.array([20.0, 0, 0]) + (outside.vertices - [0, 0, 5]) * 1.2 - [1, 1, 1], outside.faces)
    solid, glass = (
        pixels(render([Solid(inside, RED), Solid(around, BLUE, opacity)], (0, 1, 0), (120, 120)))
        for opacity in (1.0, 0.3)
    )
    assert not of_colour(solid, RED).any()
    assert glass[..., 0].max() > 100


def test_a_picture_has_the_size_that_was_asked_for_and_is_the_same_every_time(plan: Plan) -> None:
    solids = [Solid(p.mesh, p.colour) for p in plan.parts]
    first, second = (render(solids, (1, 1, -1), (90, 60)) for _ in range(2))
    assert first == second
    assert pixels(first).shape == (60, 90, 3)


def test_nothing_to_draw_is_a_white_sheet() -> None:
    empty = Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int32))
    for solids in ([], [Solid(empty, RED)]):
        assert pixels(render(solids, (0, 1, 0), (40, 40))).min() > 230


def test_an_area_in_the_picture_is_the_area_of_the_thing() -> None:
    """A 10 x 20 mm plate seen square on covers as many pixels as the camera's scale says."""
    corners = np.array([[0, 0, 0], [10, 0, 0], [10, 0, 20], [0, 0, 20]], dtype=np.float64)
    plate = Mesh(corners, np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32))
    image = pixels(render([Solid(plate, RED)], (0, 1, 0), (100, 100)))
    scale = Camera.around(corners, Camera.along((0, 1, 0), (0, 0, 1)), 100, 100).px_per_mm
    assert of_colour(image, RED).sum() == pytest.approx(200 * scale**2, rel=0.04)


def test_the_bed_shows_the_parts_where_they_stand(plan: Plan) -> None:
    printer = load_profiles().printer("prusa-xl")
    picture = bed_view(plan, plan.plates[0], printer, size_px=(600, 400))
    image = pixels(picture.png)
    assert image.shape == (400, 600, 3)
    assert middle(of_colour(image, BLUE))[0] < middle(of_colour(image, RED))[0]  # x grows to the right
    assert "Prusa XL" in picture.title
