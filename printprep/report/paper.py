"""What a picture is drawn on and written with: paper, letters, the patient's directions, a scale."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from printprep.case import Case
from printprep.geometry.mesh import Float
from printprep.report.raster import OVERSAMPLE, Camera, Image

PAPER: Final = np.array([1.0, 1.0, 1.0])
WHITE: Final = (1.0, 1.0, 1.0)
INK: Final = (0.25, 0.28, 0.33)
RED: Final = (0.80, 0.10, 0.12)

AXES: Final[dict[str, Float]] = {
    "R": np.array([1.0, 0.0, 0.0]),
    "A": np.array([0.0, 1.0, 0.0]),
    "S": np.array([0.0, 0.0, 1.0]),
    "L": np.array([-1.0, 0.0, 0.0]),
    "P": np.array([0.0, -1.0, 0.0]),
    "I": np.array([0.0, 0.0, -1.0]),
}
"""The patient's directions in the frame RAS: right, anterior, superior, left, posterior, inferior."""


def direction_in(frame: str, letter: str) -> Float:
    """The patient's direction ``letter`` (R, L, A, P, S, I) in the coordinates of ``frame`` (RAS or LPS)."""
    return np.asarray(Case.FRAMES[frame][:3, :3] @ AXES[letter])


def paper(width_px: int, height_px: int) -> Image:
    """A white sheet with a breath of grey towards its lower edge."""
    rows = np.linspace(1.0, 0.955, height_px * OVERSAMPLE)[:, None, None]
    return np.asarray(np.broadcast_to(PAPER * rows, (height_px * OVERSAMPLE, width_px * OVERSAMPLE, 3)).copy())


def write_directions(picture: Image, axes: Float, frame: str) -> None:
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
        write(picture, letter, place, 0.85)


def write_scale(picture: Image, camera: Camera) -> None:
    """A bar of a round length in the lower left corner."""
    steps = [m * 10**e for e in range(-1, 4) for m in (1, 2, 5)]
    length_mm = max((s for s in steps if s * camera.px_per_mm < camera.width_px / 4), default=steps[0])
    x, y = 16, camera.height_px - 16
    end = x + length_mm * camera.px_per_mm
    points = [(x, y - 4), (x, y), (end, y), (end, y - 4)]
    line = np.array([[round(px * OVERSAMPLE), round(py * OVERSAMPLE)] for px, py in points], dtype=np.int32)
    cv2.polylines(picture, [line], False, INK, thickness=OVERSAMPLE)
    write(picture, f"{length_mm:g} mm", ((x + end) / 2, y - 12), 0.42)


def write(
    picture: Image,
    text: str,
    centre_px: tuple[float, float],
    size: float,
    colour: tuple[float, float, float] = INK,
    halo: tuple[float, float, float] = WHITE,
) -> None:
    """Write text around a point, on a halo so that it can be read over anything."""
    scale = size * OVERSAMPLE
    weight = max(1, round(1.6 * scale))
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, weight)
    pad = 8 * OVERSAMPLE
    stencil = np.zeros((height + 3 * pad, width + 2 * pad), np.uint8)  # text can only be written into bytes
    cv2.putText(stencil, text, (pad, height + pad), cv2.FONT_HERSHEY_SIMPLEX, scale, (255,), weight, cv2.LINE_AA)
    around = cv2.dilate(stencil, np.ones((4 * OVERSAMPLE + 1, 4 * OVERSAMPLE + 1), np.uint8))
    left = max(0, round(centre_px[0] * OVERSAMPLE - width / 2) - pad)
    top = max(0, round(centre_px[1] * OVERSAMPLE - height / 2) - pad)
    under = picture[top : top + stencil.shape[0], left : left + stencil.shape[1]]
    for mask, ink in ((cv2.blur(around, (2 * OVERSAMPLE + 1, 2 * OVERSAMPLE + 1)), halo), (stencil, colour)):
        share = mask[: under.shape[0], : under.shape[1], None] / 255.0
        under[:] = under * (1 - share) + np.array(ink) * share
