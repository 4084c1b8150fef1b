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

from printprep.case import Case
from printprep.geometry.mesh import Float
from printprep.plan import TAB, Plan, Plate
from printprep.profiles.models import Printer
from printprep.report.raster import OVERSAMPLE, Camera, Image, Solid, draw, png, shadow

PAPER: Final = np.array([1.0, 1.0, 1.0])
INK: Final = (0.25, 0.28, 0.33)
RED: Final = (0.80, 0.10, 0.12)
GLASS: Final = 0.38  # opacity of a clear part

AXES: Final[dict[str, Float]] = {
    "R": np.array([1.0, 0.0, 0.0]),
    "A": np.array([0.0, 1.0, 0.0]),
    "S": np.array([0.0, 0.0, 1.0]),
    "L": np.array([-1.0, 0.0, 0.0]),
    "P": np.array([0.0, -1.0, 0.0]),
    "I": np.array([0.0, 0.0, -1.0]),
}
"""The patient's directions in the frame RAS: right, anterior, superior, left, posterior, inferior."""

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


def direction_in(frame: str, letter: str) -> Float:
    """The patient's direction ``letter`` (R, L, A, P, S, I) in the coordinates of ``frame`` (RAS or LPS)."""
    return np.asarray(Case.FRAMES[frame][:3, :3] @ AXES[letter])


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
    picture = draw(solids, camera, _paper(width_px, height_px))
    if frame is not None:
        _write_directions(picture, axes, frame)
        _write_scale(picture, camera)
    if mirrored:
        _write(picture, "MIRRORED", (width_px / 2, 52), 0.8, RED)
    return png(picture)


def three_views(
    plan: Plan,
    *,
    frame: str = "RAS",
    mirrored: bool = False,
    clear: Collection[str] = (),
    size_px: tuple[int, int] = (560, 560),
) -> tuple[Picture, ...]:
    """The parts from three sides, in place and in the colours of their tissues; a tab beside them is not drawn.

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
    solids = [Solid(p.mesh, p.colour, GLASS if p.name in clear else 1.0) for p in plan.parts if p.name != TAB]
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
    floor = _paper(*size_px)
    _draw_bed(floor, camera, printer)
    dark = shadow(solids, camera, blur_px=5)
    picture = draw(solids, camera, floor * (1 - 0.42 * dark[..., None]))
    size = f"front of the bed, {bed.width_mm:g} x {bed.depth_mm:g} x {bed.height_mm:g} mm"
    _write(picture, size, (size_px[0] / 2, size_px[1] - 14), 0.45)
    return Picture(f"plate {plate.index} on {printer.name}", png(picture), *size_px)


def _paper(width_px: int, height_px: int) -> Image:
    """A white sheet with a breath of grey towards its lower edge."""
    rows = np.linspace(1.0, 0.955, height_px * OVERSAMPLE)[:, None, None]
    return np.asarray(np.broadcast_to(PAPER * rows, (height_px * OVERSAMPLE, width_px * OVERSAMPLE, 3)).copy())


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


def _write_directions(picture: Image, axes: Float, frame: str) -> None:
    """The patient's directions at the four edges: the letter whose direction is nearest to the edge's."""
    height, width = (n / OVERSAMPLE for n in picture.shape[:2])
    places = {
        (1, 0): (width - 18, height / 2),
        (-1, 0): (18, height / 2),
        (0, 1): (width / 2, 20),
        (0, -1): (width / 2, height - 20),
    }
    for (x, y), place in places.items():
        towards = x * axes[0] + y * axes[1]
        letter = max(AXES, key=lambda name: float(direction_in(frame, name) @ towards))
        _write(picture, letter, place, 0.85)


def _write_scale(picture: Image, camera: Camera) -> None:
    """A bar of a round length in the lower left corner."""
    steps = [m * 10**e for e in range(-1, 4) for m in (1, 2, 5)]
    length_mm = max((s for s in steps if s * camera.px_per_mm < camera.width_px / 4), default=steps[0])
    x, y = 16, camera.height_px - 16
    end = x + length_mm * camera.px_per_mm
    points = [(x, y - 4), (x, y), (end, y), (end, y - 4)]
    line = np.array([[round(px * OVERSAMPLE), round(py * OVERSAMPLE)] for px, py in points], dtype=np.int32)
    cv2.polylines(picture, [line], False, INK, thickness=OVERSAMPLE)
    _write(picture, f"{length_mm:g} mm", ((x + end) / 2, y - 12), 0.42)


def _write(
    picture: Image,
    text: str,
    centre_px: tuple[float, float],
    size: float,
    colour: tuple[float, float, float] = INK,
) -> None:
    """Write text around a point, on a white halo so that it can be read over anything."""
    scale = size * OVERSAMPLE
    weight = max(1, round(1.6 * scale))
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, weight)
    pad = 8 * OVERSAMPLE
    stencil = np.zeros((height + 3 * pad, width + 2 * pad), np.uint8)  # text can only be written into bytes
    cv2.putText(stencil, text, (pad, height + pad), cv2.FONT_HERSHEY_SIMPLEX, scale, (255,), weight, cv2.LINE_AA)
    halo = cv2.dilate(stencil, np.ones((4 * OVERSAMPLE + 1, 4 * OVERSAMPLE + 1), np.uint8))
    left = max(0, round(centre_px[0] * OVERSAMPLE - width / 2) - pad)
    top = max(0, round(centre_px[1] * OVERSAMPLE - height / 2) - pad)
    under = picture[top : top + stencil.shape[0], left : left + stencil.shape[1]]
    for mask, ink in ((cv2.blur(halo, (2 * OVERSAMPLE + 1, 2 * OVERSAMPLE + 1)), (1.0, 1.0, 1.0)), (stencil, colour)):
        share = mask[: under.shape[0], : under.shape[1], None] / 255.0
        under[:] = under * (1 - share) + np.array(ink) * share
