"""A picture of how far a surface is from another, in colours that mean the same on every page.

Blue lies inside the surface that was asked for (material is missing there), orange outside of it (there is too much);
grey-white is where it should be. The blue and the orange differ for every kind of colour vision, and each gets darker
at an even rate of lightness (CIELAB), so that the order survives a black-and-white printer: half of the range up to the
limit that holds for 95 % of a surface, half from there to the limit that holds for all of it. Beyond that limit the
surface is striped, and what was changed on purpose is dotted: neither needs a colour to be told apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from printprep.casefile import Limits
from printprep.geometry.bvh import build, nearest
from printprep.geometry.mesh import Bool, Float, Mesh, Point
from printprep.report.paper import INK, PAPER, RED, WHITE, direction_in, paper, write, write_directions, write_scale
from printprep.report.raster import FAR, OVERSAMPLE, Camera, Image, crease, png, shade, vertex_normals, visible

Values = Float | Callable[[Float], Float]
"""Signed mm by vertex (n,), by face (m,), or a function of points (k, 3); NaN: changed on purpose, set aside."""

SIDES: Final[dict[str, tuple[str, str]]] = {
    "the front": ("P", "S"),
    "behind": ("A", "S"),
    "the patient's left": ("R", "S"),
    "the patient's right": ("L", "S"),
    "above": ("I", "A"),
    "below": ("S", "A"),
}
"""From where: the patient's direction that the camera looks along, and the one that is up in the picture."""

# lightness falls evenly from 93 to 30: CIELAB with D65
_ZERO: Final = (93.0, 0.0, 2.0)
_ENDS: Final = {-1: (30.0, 8.0, -48.0), 1: (38.0, 42.0, 48.0)}
_BEYOND: Final = {-1: (0.05, 0.10, 0.30), 1: (0.33, 0.10, 0.02)}
_SET_ASIDE: Final = (0.72, 0.74, 0.76)
_STRIPE_PX, _DOT_PX = 7, 6
_LEGEND_PX: Final = 58  # height of the strip below a picture
_STEPS: Final = 256
SHARP: Final = 0.8
"""Cosine between a face and the mean of those around its corner, below which there is an edge."""


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A surface and how far it is from another."""

    mesh: Mesh
    values_mm: Values


@dataclass(frozen=True, slots=True)
class Marker:
    """A numbered place of a picture, the same number as in the table beside it."""

    text: str
    at_mm: Point


def heat(
    layers: Sequence[Layer],
    limits: Limits,
    direction: npt.ArrayLike,
    size_px: tuple[int, int] = (440, 420),
    *,
    up: npt.ArrayLike = (0.0, 0.0, 1.0),
    frame: str | None = None,
    mirrored: bool = False,
    markers: Sequence[Marker] = (),
    around_mm: tuple[Point, float] | None = None,
    signed: bool = True,
    key: bool = True,
    judged: bool = True,
) -> bytes:
    """Draw surfaces in the colours of their deviation, with a legend in mm.

    Parameters
    ----------
    layers
        What to draw; of several the nearest to the camera is seen. The values of a layer are interpolated between its
        vertices, or asked for at every pixel when they are a function.
    limits
        What holds for 95 % and for all of a surface: they scale the colours and are marked in the legend.
    direction, up
        Where the camera looks, and what is up in the picture, (3,).
    size_px
        Width and height, the legend included.
    frame
        RAS or LPS: write the patient's directions at the edges; None: the coordinates are not a patient's.
    mirrored
        Write that it is a mirror image.
    markers
        Drawn where they are seen, and as an outline where the surface hides them.
    around_mm
        A place and a radius: show only what is around it; None: all.
    signed
        Whether the sign of the values means inside and outside; else only their size is shown.
    key
        Whether the legend stands below.
    judged
        Whether the limits are somebody's; else they only scale the colours, and the legend speaks of none.

    Returns
    -------
    bytes
        A PNG file.
    """
    width_px, height_px = size_px
    below_px = _LEGEND_PX if key else 0
    camera = _camera(layers, Camera.along(direction, up), width_px, height_px - below_px, around_mm)
    picture = paper(camera.width_px, camera.height_px)
    depth = _draw(layers, camera, limits, picture, signed=signed)
    if frame is not None:
        write_directions(picture, camera.axes, frame)
    taken: list[Float] = []
    for marker in markers:
        _mark(picture, camera, depth, marker, taken)
    write_scale(picture, camera)
    if mirrored:
        write(picture, "MIRRORED", (width_px / 2, 52), 0.8, RED)
    return png(np.concatenate([picture, legend(limits, width_px, signed=signed, judged=judged)]) if key else picture)


def side(frame: str, name: str) -> tuple[Float, Float]:
    """Where the camera looks and what is up, seen from a side of :data:`SIDES`."""
    into, up = SIDES[name]
    return direction_in(frame, into), direction_in(frame, up)


def colours(values_mm: Float, limits: Limits, *, signed: bool = True) -> Float:
    """RGB (k, 3) from 0 to 1 of deviations (k,) in mm; without stripes and dots."""
    values = values_mm if signed else np.abs(values_mm)
    size = np.abs(np.nan_to_num(values))
    p95_mm, max_mm = limits.deviation_p95_mm, max(limits.deviation_max_mm, limits.deviation_p95_mm * 1.0001)
    share = np.interp(size, [0.0, p95_mm, max_mm], [0.0, 0.5, 1.0])
    found = np.empty((len(values), 3))
    for sign, end in _ENDS.items():
        chosen = (values < 0) == (sign < 0)
        found[chosen] = _table(end)[(share[chosen] * (_STEPS - 1) + 0.5).astype(int)]
        found[chosen & (size > limits.deviation_max_mm)] = _BEYOND[sign]
    found[np.isnan(values)] = _SET_ASIDE
    return found


def legend(limits: Limits, width_px: int, *, signed: bool = True, judged: bool = True) -> Image:
    """The strip below a picture: colours, limits in mm, what stripes and dots mean; without limits colours alone."""
    strip = np.broadcast_to(PAPER * 0.955, (_LEGEND_PX * OVERSAMPLE, width_px * OVERSAMPLE, 3)).copy()
    p95_mm, max_mm = limits.deviation_p95_mm, limits.deviation_max_mm
    inner = [0.0, p95_mm, max_mm]
    stops = [*(-x for x in reversed(inner[1:])), *inner] if signed else inner
    left, right = 0.09 * width_px, 0.63 * width_px
    top, bottom = 20, 32
    places = np.linspace(left, right, len(stops))
    beyond_px = 0.045 * width_px if judged else 0.0
    from_px, to_px = left - (beyond_px if signed else 0), right + beyond_px
    x = np.arange(round(from_px * OVERSAMPLE), round(to_px * OVERSAMPLE))
    outer = 3 * max_mm
    values = np.interp(
        (x + 0.5) / OVERSAMPLE,
        [left - 1e-6, *places, right + 1e-6] if signed else [*places, right + 1e-6],
        [-outer, *stops, outer] if signed else [*stops, outer],
    )
    rows = slice(top * OVERSAMPLE, bottom * OVERSAMPLE)
    bar = np.broadcast_to(colours(values, limits, signed=signed), (rows.stop - rows.start, len(x), 3)).copy()
    beyond = np.broadcast_to(np.abs(values) > max_mm, bar.shape[:2])
    bar[beyond & _stripes(bar.shape[:2])] = 1.0
    strip[rows, x[0] : x[-1] + 1] = bar
    for place, value in zip(places, stops, strict=True):
        at = round(place * OVERSAMPLE)
        strip[(top - 2) * OVERSAMPLE : (bottom + 3) * OVERSAMPLE, at : at + OVERSAMPLE] = INK
        write(strip, f"{value:+g}" if value and signed else f"{value:g}", (place, bottom + 13), 0.38)
    if signed:
        write(strip, "too little", (left + 0.11 * width_px, 9), 0.38)
        write(strip, "too much", (right - 0.11 * width_px, 9), 0.38)
    write(strip, "mm", (to_px + (0.025 if judged else 0.04) * width_px, (top + bottom) / 2), 0.38)
    if not judged:
        return strip
    _key(strip, "over the limit", (0.75 * width_px, 9), stripes=True)
    _key(strip, "on purpose", (0.75 * width_px, 29), stripes=False)
    return strip


def _key(strip: Image, text: str, at_px: tuple[float, float], *, stripes: bool) -> None:
    """A swatch and what it means."""
    x, y = (round(place * OVERSAMPLE) for place in at_px)
    swatch = strip[y : y + 12 * OVERSAMPLE, x : x + 16 * OVERSAMPLE]
    swatch[:] = _BEYOND[1] if stripes else _SET_ASIDE
    shape = swatch.shape[0], swatch.shape[1]
    swatch[_stripes(shape) if stripes else _dots(shape)] = 1.0 if stripes else 0.25
    write(strip, text, (at_px[0] + 23 + 3.0 * len(text), at_px[1] + 6), 0.38)


def _table(end: tuple[float, float, float]) -> Float:
    """RGB (256, 3) from no deviation to the limit, even in CIELAB."""
    share = np.linspace(0.0, 1.0, _STEPS)[:, None]
    lab = (np.array(_ZERO) * (1 - share) + np.array(end) * share).astype(np.float32)
    return np.asarray(np.clip(cv2.cvtColor(lab[None], cv2.COLOR_LAB2RGB)[0], 0, 1), dtype=np.float64)


def _camera(
    layers: Sequence[Layer], axes: Float, width_px: int, height_px: int, around_mm: tuple[Point, float] | None
) -> Camera:
    if around_mm is not None:
        at, radius_mm = np.array(around_mm[0]), around_mm[1]
        return Camera(axes, at, min(width_px, height_px) / (2 * radius_mm), width_px, height_px)
    points = np.concatenate([np.zeros((0, 3)), *(layer.mesh.vertices for layer in layers)])
    return Camera.around(points if len(points) else np.zeros((1, 3)), axes, width_px, height_px, margin=0.12)


def _draw(layers: Sequence[Layer], camera: Camera, limits: Limits, picture: Image, *, signed: bool) -> Float:
    """Draw the layers into the picture; the depth of what is seen comes back."""
    depth = np.full(picture.shape[:2], -FAR)
    normal = np.zeros(picture.shape)
    values = np.zeros(picture.shape[:2])
    for layer in layers:
        if not len(layer.mesh):
            continue
        found, place = visible(layer.mesh, camera, layer.mesh.vertices)
        _, turned = visible(*_shaded(layer.mesh, camera))
        ahead = found > depth + 1e-9
        depth[ahead], normal[ahead] = found[ahead], turned[ahead]
        values[ahead] = _values_at(layer, place[ahead])
    seen = depth > -FAR
    flat = values[seen]
    rgb = colours(flat, limits, signed=signed)
    rgb[(np.abs(np.nan_to_num(flat)) > limits.deviation_max_mm) & _stripes(depth.shape)[seen]] = 1.0
    rgb[np.isnan(flat) & _dots(depth.shape)[seen]] = 0.25
    light = shade(normal[seen], np.ones((len(flat), 3))) * crease(depth, seen.astype(np.int32), seen, camera)[:, None]
    picture[seen] = rgb * (0.45 + 0.55 * np.minimum(light, 1.0))  # half of the shading, so that colours stay readable
    return depth


def _shaded(mesh: Mesh, camera: Camera) -> tuple[Mesh, Camera, Float]:
    """The mesh with a corner of its own for each face, and their normals as the camera sees them.

    Smooth, but for sharp edges: the rim of a hole would else shine into the faces around it.
    """
    corners = mesh.triangles
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-300)
    normals = vertex_normals(mesh)[mesh.faces]
    sharp = (normals * flat[:, None]).sum(axis=2) < SHARP
    normals[sharp] = np.broadcast_to(flat[:, None], normals.shape)[sharp]
    loose = Mesh(corners.reshape(-1, 3), np.arange(3 * len(mesh), dtype=np.int32).reshape(-1, 3))
    return loose, camera, normals.reshape(-1, 3) @ camera.axes.T


def _values_at(layer: Layer, points: Float) -> Float:
    if callable(layer.values_mm):
        return layer.values_mm(points)
    _, face, weights = nearest(build(layer.mesh), points)
    if len(layer.values_mm) == len(layer.mesh):
        return np.asarray(layer.values_mm[face])
    return np.asarray((layer.values_mm[layer.mesh.faces[face]] * weights).sum(axis=1))


def _stripes(shape: tuple[int, ...]) -> Bool:
    """Diagonal stripes over a picture of that shape."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    return np.asarray((x + y) // (_STRIPE_PX * OVERSAMPLE // 2) % 2 == 0)


def _dots(shape: tuple[int, ...]) -> Bool:
    """Dots over a picture of that shape."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    pitch = _DOT_PX * OVERSAMPLE
    row = y // pitch
    return np.asarray(((x + row % 2 * (pitch // 2)) % pitch < OVERSAMPLE * 2) & (y % pitch < OVERSAMPLE * 2))


def _mark(picture: Image, camera: Camera, depth: Float, marker: Marker, taken: list[Float]) -> None:
    """A number in a disc beside its place, with a line to it; an open disc when the surface hides the place.

    ``taken`` has the discs that are there already, x, y and radius; this one is added.
    """
    fine = camera.finer(OVERSAMPLE)
    x, y, height_mm = fine.project(np.array([marker.at_mm]))[0]
    if not (0 <= x < fine.width_px and 0 <= y < fine.height_px):
        return
    hidden = depth[int(y), int(x)] > height_mm + 1.0
    radius = (5 + 3 * len(marker.text)) * OVERSAMPLE
    centre = _free(np.array([x, y]), radius, np.array([fine.width_px, fine.height_px]), taken)
    taken.append(np.append(centre, radius))
    at = tuple(round(v) for v in centre)
    place = round(x), round(y)
    cv2.line(picture, at, place, INK, OVERSAMPLE, cv2.LINE_8)
    cv2.circle(picture, place, 2 * OVERSAMPLE, INK, -1 if not hidden else OVERSAMPLE)
    cv2.circle(picture, at, radius, WHITE if hidden else INK, -1)
    cv2.circle(picture, at, radius, INK, OVERSAMPLE)
    ink, disc = (INK, WHITE) if hidden else (WHITE, INK)
    write(picture, marker.text, (at[0] / OVERSAMPLE, at[1] / OVERSAMPLE), 0.42, ink, disc)


def _free(place: Float, radius: int, size: Float, taken: list[Float]) -> Float:
    """Where a disc for a place covers no other: as near as can be, rather outward than inward."""
    outward = np.arctan2(0.6 if place[1] >= size[1] / 2 else -0.6, 1.0 if place[0] >= size[0] / 2 else -1.0)
    best, worst_px = place, np.inf
    for reach in (1.0, 1.8, 2.6, 3.6, 5.0):
        for turn in (0, 30, -30, 60, -60, 90, -90, 130, -130, 180):
            angle = outward + np.radians(turn)
            way = np.array([np.cos(angle), np.sin(angle)])
            centre = np.clip(place + way * reach * (radius + 9 * OVERSAMPLE), radius + 2, size - radius - 2)
            over_px = max((radius + other[2] - np.linalg.norm(centre - other[:2]) for other in taken), default=-1.0)
            if over_px <= 0:
                return np.asarray(centre)
            if over_px < worst_px:
                best, worst_px = centre, over_px
    return np.asarray(best)
