"""Pictures of the parts in the patient's directions and of the arranged bed, as PNG files.

A wrong side is the worst mistake there is, so every picture of anatomy says where right, left, front, back, head and
feet are, and a mirror image says so in red.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from printprep.plan import TAB, Plan, Plate, are_supports
from printprep.profiles.models import Printer
from printprep.report.paper import RED, direction_in, paper, write, write_directions, write_scale
from printprep.report.raster import OVERSAMPLE, Camera, Image, Solid, draw, png, shadow

GLASS: Final = 0.38  # opacity of a clear part

VIEWS: Final[dict[str, tuple[str, str]]] = {
    "from the front": ("P", "S"),
    "from the patient's left": ("R", "S"),
    "from below, as in an axial CT": ("S", "A"),
}
"""The three sides: where the camera looks, and what is up in the picture."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG file and what it shows."""

    title: str
    png: bytes
    width_px: int
    height_px: int


def render(
    solids: Sequence[Solid],
    direction: npt.ArrayLike,
    size_px: tuple[int, int],
    *,
    up: npt.ArrayLike = (0.0, 0.0, 1.0),
    frame: str | None = None,
    mirrored: bool = False,
) -> bytes:
    """Draw solids seen along a direction.

    Parameters
    ----------
    solids
        What to draw.
    direction
        Where the camera looks, (3,), any length.
    size_px
        Width and height.
    up
        What is up in the picture, (3,).
    frame
        RAS or LPS: write the patient's directions at the edges; None: the coordinates are not a patient's.
    mirrored
        Write that it is a mirror image.

    Returns
    -------
    bytes
        A PNG file; empty of all but the background when there is nothing to draw.
    """
    width_px, height_px = size_px
    axes = Camera.along(direction, up)
    points = np.concatenate([np.zeros((0, 3)), *(s.mesh.vertices for s in solids)])
    camera = Camera.around(points if len(points) else np.zeros((1, 3)), axes, width_px, height_px)
    picture = draw(solids, camera, paper(width_px, height_px))
    if frame is not None:
        write_directions(picture, axes, frame)
        write_scale(picture, camera)
    if mirrored:
        write(picture, "MIRRORED", (width_px / 2, 52), 0.8, RED)
    return png(picture)


def three_views(
    plan: Plan,
    *,
    frame: str = "RAS",
    mirrored: bool = False,
    clear: Collection[str] = (),
    size_px: tuple[int, int] = (560, 560),
) -> tuple[Picture, ...]:
    """The parts from three sides, in place and in the colours of their tissues; no tab, no supports.

    Parameters
    ----------
    plan
        What will be printed.
    frame
        Of the case: RAS or LPS.
    mirrored
        Whether the case asked for the mirror image.
    clear
        Names of parts that are drawn as glass.
    size_px
        Width and height of each.
    """
    shown = [p for p in plan.parts if p.name != TAB and not are_supports(p.name)]
    solids = [Solid(p.mesh, p.colour, GLASS if p.name in clear else 1.0) for p in shown]
    return tuple(
        Picture(
            title,
            render(
                solids,
                direction_in(frame, into),
                size_px,
                up=direction_in(frame, up),
                frame=frame,
                mirrored=mirrored,
            ),
            *size_px,
        )
        for title, (into, up) in VIEWS.items()
    )


def bed_view(plan: Plan, plate: Plate, printer: Printer, *, size_px: tuple[int, int] = (900, 620)) -> Picture:
    """A plate as it will stand on the bed, from the front, the right and above, with grid and keep-outs."""
    bed = printer.bed
    axes = Camera.along((-0.24, 0.76, -0.60), (0.0, 0.0, 1.0))
    solids = [Solid(p.mesh.transformed(plate.motion(p)), p.colour) for p in plan.parts if p.name in plate.parts]
    corners = np.array([[x, y, 0.0] for x in (0, bed.width_mm) for y in (0, bed.depth_mm)])
    points = np.concatenate([corners, *(s.mesh.vertices for s in solids)])
    camera = Camera.around(points, axes, *size_px, margin=0.06)
    floor = paper(*size_px)
    _draw_bed(floor, camera, printer)
    dark = shadow(solids, camera, blur_px=5)
    picture = draw(solids, camera, floor * (1 - 0.42 * dark[..., None]))
    size = f"front of the bed, {bed.width_mm:g} x {bed.depth_mm:g} x {bed.height_mm:g} mm"
    write(picture, size, (size_px[0] / 2, size_px[1] - 14), 0.45)
    return Picture(f"plate {plate.index} on {printer.name}", png(picture), *size_px)


def _draw_bed(picture: Image, camera: Camera, printer: Printer) -> None:
    bed = printer.bed
    _fill(picture, camera, (0, 0, bed.width_mm, bed.depth_mm), (0.90, 0.915, 0.93))
    for x0, y0, x1, y1 in bed.keep_outs_mm:
        _fill(picture, camera, (x0, y0, x1, y1), (0.95, 0.78, 0.74))
    for step_mm, colour in ((10, (0.84, 0.86, 0.88)), (50, (0.72, 0.75, 0.78))):
        for x in np.arange(step_mm, bed.width_mm, step_mm):
            _line(picture, camera, (x, 0), (x, bed.depth_mm), colour)
        for y in np.arange(step_mm, bed.depth_mm, step_mm):
            _line(picture, camera, (0, y), (bed.width_mm, y), colour)
    corners = [(0, 0), (bed.width_mm, 0), (bed.width_mm, bed.depth_mm), (0, bed.depth_mm)]
    for a, b in zip(corners, [*corners[1:], corners[0]], strict=True):
        _line(picture, camera, a, b, (0.42, 0.46, 0.50))


def _on_bed(camera: Camera, points: Sequence[tuple[float, float]]) -> npt.NDArray[np.int32]:
    """Fine pixels of points of the bed, in 1/16, as OpenCV wants them."""
    flat = np.array([[x, y, 0.0] for x, y in points], dtype=np.float64)
    return np.asarray(np.round(camera.finer(OVERSAMPLE).project(flat)[:, :2] * 16), dtype=np.int32)


def _fill(
    picture: Image, camera: Camera, box: tuple[float, float, float, float], colour: tuple[float, float, float]
) -> None:
    x0, y0, x1, y1 = box
    cv2.fillConvexPoly(picture, _on_bed(camera, [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]), colour, shift=4)


def _line(
    picture: Image,
    camera: Camera,
    a: tuple[float, float],
    b: tuple[float, float],
    colour: tuple[float, float, float],
) -> None:
    start, end = _on_bed(camera, [a, b]).tolist()
    cv2.line(picture, start, end, colour, thickness=OVERSAMPLE, shift=4)
