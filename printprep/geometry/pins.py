"""Pins across a cut: where the matter on both sides holds them, and making them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from manifold3d import CrossSection, JoinType

from printprep.geometry.cuts import END_MM, ROOT_MM, SEGMENTS, Pin, Plane, frame_of
from printprep.geometry.mesh import Float, as_point
from printprep.geometry.solid import Manifold
from printprep.geometry.zones import Zones

MOST: Final = 2  # pins of one solid across one cut between two pieces: enough that it cannot turn

_NEAR_MM: Final = 0.05  # from the plane, where the sections on both sides are taken
APART: Final = 2.0  # diameters between the middles of two pins
_WHOLE: Final = 0.999  # share of a pin's volume that must lie in matter; the rest is rounding


def find_pins(
    below: Mapping[str, Manifold],
    above: Mapping[str, Manifold],
    name: str,
    plane: Plane,
    *,
    diameter_mm: float,
    length_mm: float,
    clearance_mm: float,
    wall_mm: float,
    zones: Zones,
) -> tuple[Pin, ...]:
    """Places for pins of one solid between the two pieces that meet at a plane: the thickest, and one far from it.

    Parameters
    ----------
    below, above
        The solids of both pieces, by name.
    name
        Of the solid that the pins join; a pin keeps clear of all others.
    wall_mm
        Matter left around a hole and under its end.
    zones
        What no pin may touch.

    Returns
    -------
    tuple of Pin
        None, one or :data:`MOST`.
    """
    frame = frame_of(np.array(plane.normal))
    hole_mm = diameter_mm / 2.0 + clearance_mm
    room = _room(below, above, name, plane, frame, length_mm + END_MM + wall_mm)
    room = _without_balls(room, _balls(zones), plane, frame, length_mm + END_MM)
    room = _shrunk(room, hole_mm + wall_mm)
    found: list[Pin] = []
    for spot in _spots(room, APART * diameter_mm):
        pin = Pin(
            part=name,
            at_mm=as_point(np.array([*spot, plane.offset_mm]) @ frame),
            axis=plane.normal,
            diameter_mm=diameter_mm,
            length_mm=length_mm,
            clearance_mm=clearance_mm,
        )
        if _clear(pin, zones) and _held(pin, below, above, frame):
            found.append(pin)
        if len(found) == MOST:
            break
    return tuple(found)


def meeting_mm2(below: Manifold, above: Manifold, plane: Plane) -> float:
    """Area that two solids have in common where they come together at a plane, each seen a hair off it."""
    frame = frame_of(np.array(plane.normal))
    lower = _turned(below, frame).slice(plane.offset_mm - _NEAR_MM)
    return float((lower ^ _turned(above, frame).slice(plane.offset_mm + _NEAR_MM)).area())


def pin_solid(pin: Pin) -> Manifold:
    """The pin with its root in the piece below."""
    return _cylinder(pin, pin.diameter_mm / 2.0, -ROOT_MM, pin.length_mm, frame_of(np.array(pin.axis)))


def hole_solid(pin: Pin) -> Manifold:
    """The hole for it in the piece above, begun a little below the plane."""
    radius_mm = pin.diameter_mm / 2.0 + pin.clearance_mm
    return _cylinder(pin, radius_mm, -ROOT_MM, pin.length_mm + END_MM, frame_of(np.array(pin.axis)))


def _cylinder(pin: Pin, radius_mm: float, low_mm: float, high_mm: float, frame: Float) -> Manifold:
    upright = Manifold.cylinder(high_mm - low_mm, radius_mm, radius_mm, SEGMENTS).translate((0.0, 0.0, low_mm))
    return upright.transform(np.column_stack([frame.T, np.array(pin.at_mm)]))


def _balls(zones: Zones) -> Float:
    """(k, 4) the balls among zones, and one around each box."""
    middles, halves = (zones.boxes[:, :3] + zones.boxes[:, 3:]) / 2.0, (zones.boxes[:, 3:] - zones.boxes[:, :3]) / 2.0
    return np.concatenate([zones.spheres, np.column_stack([middles, np.linalg.norm(halves, axis=1)])])


def _clear(pin: Pin, zones: Zones) -> bool:
    """Whether a pin and its hole keep off every zone, by points along its axis."""
    if not zones:
        return True
    radius_mm = pin.diameter_mm / 2.0 + pin.clearance_mm
    heights, step = np.linspace(-ROOT_MM, pin.length_mm + END_MM, 32, retstep=True)
    along = np.array(pin.at_mm) + heights[:, None] * np.array(pin.axis)
    return bool(zones.gap_mm(along).min() >= radius_mm + step / 2.0)


def _held(pin: Pin, below: Mapping[str, Manifold], above: Mapping[str, Manifold], frame: Float) -> bool:
    """Whether the hole lies wholly in matter of its own solid, and in no other; so does the root of the pin."""
    hole = _cylinder(pin, pin.diameter_mm / 2.0 + pin.clearance_mm, 0.0, pin.length_mm + END_MM, frame)
    root = _cylinder(pin, pin.diameter_mm / 2.0, -ROOT_MM, 0.0, frame)
    for solids, tool in ((above, hole), (below, root)):
        whole_mm3 = tool.volume()
        if (tool ^ solids[pin.part]).volume() < _WHOLE * whole_mm3:
            return False
        others = [solid for name, solid in solids.items() if name != pin.part]
        if any((tool ^ other).volume() > (1.0 - _WHOLE) * whole_mm3 for other in others):
            return False
    return True


def _room(
    below: Mapping[str, Manifold],
    above: Mapping[str, Manifold],
    name: str,
    plane: Plane,
    frame: Float,
    depth_mm: float,
) -> CrossSection:
    """What of the plane has matter of this solid alone on both sides, as deep as pins go."""
    levels = [(below, -_NEAR_MM), (below, -ROOT_MM)]
    levels += [(above, h) for h in (_NEAR_MM, *np.linspace(0.0, depth_mm, 5)[1:])]
    turned = {id(side): {key: _turned(solid, frame) for key, solid in side.items()} for side in (below, above)}
    room: CrossSection | None = None
    for side, height_mm in levels:
        level = turned[id(side)][name].slice(plane.offset_mm + height_mm)
        room = level if room is None else room ^ level
        if room.is_empty():
            break
        for key, other in turned[id(side)].items():
            if key != name:
                room = room - other.slice(plane.offset_mm + height_mm)
    assert room is not None
    return room


def _turned(solid: Manifold, frame: Float) -> Manifold:
    return solid.transform(np.column_stack([frame, np.zeros(3)]))


def _without_balls(room: CrossSection, spheres: Float, plane: Plane, frame: Float, high_mm: float) -> CrossSection:
    """The room less the shadow of every ball that a pin of that length could reach."""
    for x, y, z, radius in spheres.tolist():
        at = frame @ np.array([x, y, z])
        if -radius - ROOT_MM < at[2] - plane.offset_mm < high_mm + radius:
            room = room - CrossSection.circle(radius, SEGMENTS).translate((float(at[0]), float(at[1])))
    return room


def _shrunk(room: CrossSection, by_mm: float) -> CrossSection:
    return room.offset(-by_mm, JoinType.Round, 2.0, 32)


def _spots(room: CrossSection, apart_mm: float) -> Iterator[Float]:
    """The thickest place of a region, then its corners from the farthest to the nearest, none nearer than ``apart``."""
    if room.is_empty():
        return
    first = _thickest(room)
    yield first
    corners = np.concatenate([np.asarray(ring, dtype=np.float64) for ring in room.to_polygons()])
    away = np.linalg.norm(corners - first, axis=1)
    order = np.lexsort((corners[:, 1], corners[:, 0], -np.round(away, 6)))
    order = order[away[order] >= apart_mm]
    yield from corners[order[:: max(1, len(order) // 12)]]


def _thickest(room: CrossSection) -> Float:
    """A place in what is left of a region when it shrinks until almost nothing is left."""
    low, high = 0.0, float(np.ptp(np.reshape(room.bounds(), (2, 2)), axis=0).min()) / 2.0
    left = room
    while high - low > 0.05:
        middle = (low + high) / 2.0
        smaller = _shrunk(room, middle)
        low, high, left = (low, middle, left) if smaller.is_empty() else (middle, high, smaller)
    rings = [np.asarray(ring, dtype=np.float64) for ring in left.to_polygons()]
    ring = max(rings, key=lambda corners: (len(corners) > 2, round(float(np.ptp(corners, axis=0).sum()), 6)))
    return np.asarray(ring[0])
