"""Room on a bed: where a body may stand, how far it must turn, and how large it may be.

The plate frame has its origin at the bed's front left corner. A body is its convex footprint, (k, 2) mm counter-
clockwise; keep-outs and what else must stand on the bed are axis-aligned rectangles. Convex against rectangle is
decided exactly, by separating axes. All searches go through fixed lists, so they end alike on every run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from printprep.geometry.mesh import Bool, Float

Rectangle = tuple[float, float, float, float]

_ANGLES_DEG: Final = (0, 90, *sorted(set(range(5, 180, 5)) - {90}), *(a for a in range(1, 180) if a % 5))
_STEP_MM: Final = 5.0  # of the search for a place beside keep-outs
GAP_MM: Final = 5.0  # between the body and what else must stand beside it
RESERVE_EDGE_MM: Final = 2.0  # between what stands beside it and the edge of the bed
_SHARES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the way from the middle to an edge


class BedLike(Protocol):
    """What a bed must say; :class:`printprep.profiles.models.Bed` and :class:`Area` do."""

    @property
    def width_mm(self) -> float: ...  # noqa: D102
    @property
    def depth_mm(self) -> float: ...  # noqa: D102
    @property
    def height_mm(self) -> float: ...  # noqa: D102
    @property
    def keep_outs_mm(self) -> tuple[Rectangle, ...]: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A bed by its numbers."""

    width_mm: float  # x
    depth_mm: float  # y
    height_mm: float  # z
    keep_outs_mm: tuple[Rectangle, ...] = ()  # x0, y0, x1, y1


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A bed and what has to stay free on it."""

    bed: BedLike
    margin_mm: float = 0.0  # around the body: brim, supports, the edge of the bed
    reserve_mm: tuple[float, float] | None = None  # width and depth of what must find a place beside the body
    gap_mm: float = GAP_MM  # between the body and that


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A place: turn the body about z by ``angle_deg``, then move it by (x, y)."""

    angle_deg: float
    x_mm: float
    y_mm: float
    centred: bool


def footprint(points: Float) -> Float:
    """Convex outline of (n, 2) or (n, 3) points seen from above, (k, 2) counter-clockwise."""
    flat = np.ascontiguousarray(np.asarray(points)[:, :2])
    try:
        return np.asarray(flat[ConvexHull(flat).vertices])
    except QhullError:  # all on one line
        lower, upper = flat.min(axis=0), flat.max(axis=0)
        return np.array([lower, [upper[0], lower[1]], upper, [lower[0], upper[1]]])


def turn_z(angle_deg: float) -> Float:
    """Rotation about z, (4, 4); exact at quarter turns."""
    quarter = angle_deg / 90.0
    angle = np.radians(angle_deg)
    cos, sin = np.cos(angle), np.sin(angle)
    if quarter == int(quarter):
        cos, sin = float(round(cos)), float(round(sin))
    matrix = np.eye(4)
    matrix[:2, :2] = [[cos, -sin], [sin, cos]]
    return matrix


_TURNS: Final = np.array([turn_z(angle)[:2, :2] for angle in _ANGLES_DEG])


def place(outline: Float, room: Room) -> Spot | None:
    """Least turn, then the place nearest to the middle, at which the body stands clear of everything.

    Parameters
    ----------
    outline
        Convex footprint, (k, 2) mm, anywhere.
    room
        The bed; the height is not looked at here.

    Returns
    -------
    Spot or None
        None: no place at any whole degree.
    """
    free = _free(room)
    for angle_deg in np.asarray(_ANGLES_DEG)[(_spans(outline) <= free).all(axis=1)].tolist():
        turned = outline @ turn_z(angle_deg)[:2, :2].T
        for offset, centred in _offsets(turned, room):
            if _leaves_room(turned + offset, room):
                return Spot(angle_deg=angle_deg, x_mm=float(offset[0]), y_mm=float(offset[1]), centred=centred)
    return None


def free_spot(
    bed: BedLike,
    footprint: Float,
    size_mm: tuple[float, float],
    *,
    gap_mm: float = GAP_MM,
    edge_mm: float = RESERVE_EDGE_MM,
) -> tuple[float, float] | None:
    """Front left corner of a free rectangle beside a body, such as the place of a wipe tower.

    Parameters
    ----------
    bed
        The bed.
    footprint
        Convex outline of the body where it stands, (k, 2) mm in the plate frame.
    size_mm
        Its width and depth, its own brim included.
    gap_mm, edge_mm
        Distance to keep from the body and from the bed's edge.

    Returns
    -------
    (x, y) or None
        The free place nearest to the body, the front left one of equals; None when there is none.
    """
    width_mm, depth_mm = size_mm
    lengths = ((bed.width_mm, width_mm), (bed.depth_mm, depth_mm))
    places = [_line(edge_mm, length - edge_mm - own_mm, 2.5) for length, own_mm in lengths]
    if not all(len(line) for line in places):
        return None
    corners = np.stack(np.meshgrid(*places, indexing="xy"), axis=-1).reshape(-1, 2)
    gaps = _gap(footprint, -corners, (0.0, 0.0, width_mm, depth_mm))
    free = gaps >= gap_mm
    for x0, y0, x1, y1 in bed.keep_outs_mm:
        apart_x = (corners[:, 0] >= x1) | (corners[:, 0] + width_mm <= x0)
        free &= apart_x | (corners[:, 1] >= y1) | (corners[:, 1] + depth_mm <= y0)
    if not free.any():
        return None
    corners, gaps = corners[free], gaps[free]
    x, y = corners[int(np.lexsort((corners[:, 0], corners[:, 1], np.round(gaps, 6)))[0])]
    return float(x), float(y)


def largest_scale(outline: Float, height_mm: float, room: Room) -> float:
    """Largest factor by which the body may be multiplied and still stand on the bed at some turn about z.

    Exact over whole degrees on a bare bed; by bisection to a thousandth where keep-outs or a reserve decide.
    """
    bed = room.bed
    flat = float((np.maximum(0.0, _free(room)) / np.maximum(_spans(outline), 1e-9)).min(axis=1).max())
    upper = min(flat, bed.height_mm / max(height_mm, 1e-9)) * (1.0 - 1e-9)
    if not (bed.keep_outs_mm or room.reserve_mm) or place(outline * upper, room) is not None:
        return upper
    lower = 0.0
    while upper - lower > 1e-3 * upper:
        middle = (lower + upper) / 2.0
        lower, upper = (middle, upper) if place(outline * middle, room) is not None else (lower, middle)
    return lower


def fits(outline: Float, height_mm: float, room: Room) -> bool:
    """Whether a body of that footprint and height has a place at all."""
    return height_mm <= room.bed.height_mm and place(outline, room) is not None


def stands_clear(outline: Float, room: Room) -> bool:
    """Whether an outline where it stands keeps off the edges of the bed and its keep-outs, and leaves the reserve."""
    low, high = outline.min(axis=0) - room.margin_mm, outline.max(axis=0) + room.margin_mm
    if (low < -1e-9).any() or (high > np.array([room.bed.width_mm, room.bed.depth_mm]) + 1e-9).any():
        return False
    here = np.zeros((1, 2))
    clear = all(_gap(outline, here, zone)[0] >= room.margin_mm - 1e-9 for zone in room.bed.keep_outs_mm)
    return clear and _leaves_room(outline, room)


def beside(outline: Float, spot: Spot) -> Float:
    """The outline where ``spot`` puts it, (k, 2) mm in the plate frame."""
    return np.asarray(outline @ turn_z(spot.angle_deg)[:2, :2].T + [spot.x_mm, spot.y_mm])


def without_reserve(room: Room) -> Room:
    """The room with nothing kept free beside the body."""
    return replace(room, reserve_mm=None)


def _leaves_room(outline: Float, room: Room) -> bool:
    """Whether what the room reserves has a place beside a body that stands there, without a search when there is none.

    A rectangle that a line parts from a convex body stays parted when it slides, along x and along y, to the side of
    the line that it is on. So if there is any place, there is one where bed or keep-outs stop it both ways.
    """
    if room.reserve_mm is None:
        return True
    stops = []
    for axis, length in enumerate((room.bed.width_mm, room.bed.depth_mm)):
        low, high = RESERVE_EDGE_MM, length - RESERVE_EDGE_MM - room.reserve_mm[axis]
        beside = [at for zone in room.bed.keep_outs_mm for at in (zone[axis + 2], zone[axis] - room.reserve_mm[axis])]
        stops.append([at for at in (low, high, *beside) if low <= at <= high])
    corners = np.array([(x, y) for x in stops[0] for y in stops[1]]).reshape(-1, 2)
    if not len(corners) or not (_gap(outline, -corners, (0.0, 0.0, *room.reserve_mm)) >= room.gap_mm).any():
        return False
    return free_spot(room.bed, outline, room.reserve_mm, gap_mm=room.gap_mm) is not None


def _free(room: Room) -> Float:
    """Width and depth between the margins, (2,) mm; may be negative."""
    return np.array([room.bed.width_mm, room.bed.depth_mm]) - 2.0 * room.margin_mm


def _spans(outline: Float) -> Float:
    """Width and depth of the outline at each of the angles tried, (a, 2) mm."""
    return np.asarray(np.ptp(_TURNS @ outline.T, axis=2))


def _line(low: float, high: float, step: float) -> Float:
    """Places from ``low`` to ``high`` in steps, both ends among them; empty when high < low."""
    if high < low:
        return np.zeros(0)
    return np.unique(np.append(np.arange(low, high, step), high))


def _offsets(outline: Float, room: Room) -> Iterator[tuple[Float, bool]]:
    """Moves that keep ``outline`` on the bed and off the keep-outs, the nearest to the middle first."""
    bed, margin = room.bed, room.margin_mm
    lower, upper = outline.min(axis=0), outline.max(axis=0)
    low = margin - lower
    high = np.maximum(low, np.array([bed.width_mm, bed.depth_mm]) - margin - upper)  # equal but for rounding
    middle = (low + high) / 2.0
    if room.reserve_mm:  # each try costs a search of its own, so go out on eight rays only
        rays = np.array([[0, -1], [-1, 0], [1, 0], [0, 1], [-1, -1], [1, -1], [-1, 1], [1, 1]])
        offsets = np.concatenate([middle + share * rays * (high - low) / 2.0 for share in _SHARES])
    elif bed.keep_outs_mm:
        lines = [np.append(middle[k], _line(low[k], high[k], _STEP_MM)) for k in range(2)]
        offsets = np.stack(np.meshgrid(*lines, indexing="xy"), axis=-1).reshape(-1, 2)
    else:
        offsets = middle[None]
    away = np.linalg.norm(offsets - middle, axis=1)
    offsets = offsets[np.lexsort((offsets[:, 0], offsets[:, 1], np.round(away, 6)))]
    clear: Bool = np.ones(len(offsets), dtype=np.bool_)
    for keep_out in bed.keep_outs_mm:
        clear &= _gap(outline, offsets, keep_out) >= margin
    for offset in offsets[clear]:
        yield offset, bool(np.abs(offset - middle).max() < 1e-9)


def _gap(outline: Float, offsets: Float, rectangle: Rectangle) -> Float:
    """Distance between the moved convex outline and a rectangle along their best separating axis, (n,) mm.

    0 or less: they touch or overlap. The axes are x, y and the normals of the outline's edges, which are all that two
    convex polygons of which one is axis-aligned need; the true distance is never less.
    """
    x0, y0, x1, y1 = rectangle
    lower, upper = outline.min(axis=0), outline.max(axis=0)
    gaps = np.maximum.reduce(
        [
            x0 - (upper[0] + offsets[:, 0]),
            lower[0] + offsets[:, 0] - x1,
            y0 - (upper[1] + offsets[:, 1]),
            lower[1] + offsets[:, 1] - y1,
        ]
    )
    edges = np.roll(outline, -1, axis=0) - outline
    lengths = np.linalg.norm(edges, axis=1)
    keep = lengths > 1e-9
    normals = np.column_stack([edges[keep, 1], -edges[keep, 0]]) / lengths[keep][:, None]  # outward
    reach = (outline[keep] * normals).sum(axis=1)[None] + offsets @ normals.T
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    nearest = (corners @ normals.T).min(axis=0)
    return np.asarray(np.maximum(gaps, (nearest[None] - reach).max(axis=1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Where one of several bodies stands."""

    bed: int  # 0-based
    spot: Spot


def share_beds(outlines: Sequence[Float], room: Room, spacing_mm: float) -> list[Stand] | None:
    """Stand several bodies on as few beds as a greedy search finds, the largest first.

    A body goes to the first bed with a place for it, there to the place nearest to the front left corner at the least
    turn about z. A bed with one body has it where :func:`place` puts it.

    Parameters
    ----------
    outlines
        Convex footprints, each (k, 2) mm, anywhere; whatever overlaps no footprint cannot touch a body.
    room
        Each bed. What it reserves stays free on every one.
    spacing_mm
        Between two footprints.

    Returns
    -------
    list of Stand or None
        In the order of ``outlines``; None when one has no place even on a bed of its own.
    """
    order = sorted(range(len(outlines)), key=lambda k: (-_area(outlines[k]), k))
    beds: list[dict[int, Spot]] = []
    for k in order:
        for bed in beds:
            standing = [beside(outlines[i], spot) for i, spot in bed.items()]
            if (spot := _place_among(standing, outlines[k], room, spacing_mm)) is not None:
                bed[k] = spot
                break
        else:
            alone = _place_among([], outlines[k], room, spacing_mm) or place(outlines[k], room)
            if alone is None:
                return None
            beds.append({k: alone})
    for bed in beds:
        if len(bed) == 1:
            (k,) = bed
            bed[k] = place(outlines[k], room) or bed[k]
    found = {k: Stand(bed=b, spot=spot) for b, bed in enumerate(beds) for k, spot in bed.items()}
    return [found[k] for k in range(len(outlines))]


def _place_among(standing: Sequence[Float], outline: Float, room: Room, spacing_mm: float) -> Spot | None:
    """The place nearest to the front left corner, clear of what stands there; at the least turn that has one."""
    free = _free(room)
    size = np.array([room.bed.width_mm, room.bed.depth_mm])
    for angle_deg in [a for a in _ANGLES_DEG if a % 15 == 0]:
        turned = outline @ turn_z(angle_deg)[:2, :2].T
        lower, upper = turned.min(axis=0), turned.max(axis=0)
        if (upper - lower > free + 1e-9).any():
            continue
        low, high = room.margin_mm - lower, np.maximum(room.margin_mm - lower, size - room.margin_mm - upper)
        lines = [_line(low[axis], high[axis], _STEP_MM) for axis in range(2)]
        offsets = np.stack(np.meshgrid(*lines, indexing="xy"), axis=-1).reshape(-1, 2)
        clear: Bool = np.ones(len(offsets), dtype=np.bool_)
        for keep_out in room.bed.keep_outs_mm:
            clear &= _gap(turned, offsets, keep_out) >= room.margin_mm
        for other in standing:
            clear &= _gap_between(turned, offsets, other) >= spacing_mm
        offsets = offsets[clear]
        offsets = offsets[np.lexsort((offsets[:, 0], offsets[:, 1], np.round((offsets - low).sum(axis=1), 6)))]
        for offset in offsets:
            everything = np.concatenate([*standing, turned + offset])
            if _leaves_room(footprint(everything), room):
                return Spot(angle_deg=float(angle_deg), x_mm=float(offset[0]), y_mm=float(offset[1]), centred=False)
    return None


def _area(outline: Float) -> float:
    x, y = outline.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2.0)


def _gap_between(outline: Float, offsets: Float, other: Float) -> Float:
    """Distance between the moved convex outline and another one along their best separating axis, (n,) mm."""
    gaps = np.full(len(offsets), -np.inf)
    for ring, sign in ((outline, 1.0), (other, -1.0)):
        edges = np.roll(ring, -1, axis=0) - ring
        lengths = np.linalg.norm(edges, axis=1)
        normals = (np.column_stack([edges[:, 1], -edges[:, 0]]) / np.maximum(lengths, 1e-12)[:, None])[lengths > 1e-9]
        for normal in normals * sign:  # from the moved outline towards the other
            gaps = np.maximum(gaps, (other @ normal).min() - (outline @ normal).max() - offsets @ normal)
    return gaps
