"""What each zone of a case holds, in findings, so that nobody believes in a zone that is empty."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from printprep.case import Finding, Severity
from printprep.casefile import Zone, ZoneKind
from printprep.geometry import bvh
from printprep.geometry.mesh import Float, Point, as_point
from printprep.geometry.zoned import zoned
from printprep.prepare.draft import Draft, DraftPart
from printprep.prepare.zones import of_places

_PURPOSE: dict[ZoneKind, str] = {
    "keep_out": "is kept free of holes, supports, cuts, marks and struts",
    "critical": "is critical, and free of holes, marks and struts",
}


def zone_findings(draft: Draft) -> tuple[Finding, ...]:
    """The findings ``zone``, with its area and its parts, and ``zone-misses`` for one that touches no part."""
    parts = tuple(part for part in draft.parts if len(part.mesh) and np.isfinite(part.mesh.vertices).all())
    return (*_of_kind(draft, parts, "keep_out"), *_of_kind(draft, parts, "critical"))


def _of_kind(draft: Draft, parts: tuple[DraftPart, ...], kind: ZoneKind) -> Iterator[Finding]:
    zones = draft.case.keep_out if kind == "keep_out" else draft.case.critical
    for index, zone in enumerate(zones):
        key = f"{kind}[{index}]"
        if zone.part is not None:
            area = sum(part.mesh.area_mm2 for part in parts if part.name == zone.part)
            message = f"{key}, the whole of {zone.part}, {area:.1f} mm2 of surface, {_PURPOSE[kind]}"
            yield _info(message, area, zone.part, None)
        elif zone.paint is not None:
            mesh = next(one.mesh for one in draft.case.painted if (one.kind, one.index) == (kind, index))
            message = (
                f"{key}, painted {zone.paint.colour} within {zone.paint.tolerance} of 255 a channel: "
                f"{len(mesh)} triangles, {mesh.area_mm2:.1f} mm2 of {zone.paint.part}, {_PURPOSE[kind]}"
            )
            yield _info(message, mesh.area_mm2, zone.paint.part, as_point(mesh.triangles[0].mean(axis=0)))
        else:
            yield _of_place(key, zone, parts, kind)


def _of_place(key: str, zone: Zone, parts: tuple[DraftPart, ...], kind: ZoneKind) -> Finding:
    """What a ball or a box holds."""
    what, middle = _named(zone)
    place, where = of_places([zone]), as_point(middle)
    areas = {part.name: area for part in parts if (area := zoned(part.mesh, place).area_mm2) > 0.0}
    if areas:
        listed = ", ".join(f"{area:.1f} mm2 of {name}" for name, area in areas.items())
        message = f"{key}, {what}, holds about {listed}; it {_PURPOSE[kind]}"
        return _info(message, sum(areas.values()), next(iter(areas)) if len(areas) == 1 else None, where)
    around = [part.name for part in parts if bvh.winding(bvh.build(part.mesh), middle[None])[0] != 0]
    if around:
        message = f"{key}, {what}, lies inside {', '.join(around)} and holds no surface; it {_PURPOSE[kind]}"
        return _info(message, 0.0, around[0] if len(around) == 1 else None, where)
    gaps = {part.name: float(bvh.nearest(bvh.build(part.mesh), middle[None])[0][0]) for part in parts}
    name = min(gaps, key=lambda name: gaps[name]) if gaps else None
    near = f"; the nearest, {name}, is {gaps[name]:.1f} mm from its middle" if name is not None else ""
    return Finding(
        code="zone-misses",
        severity=Severity.WARNING,
        message=f"{key}, {what}, touches no part{near}: it protects nothing; check its place, which is in mm in the "
        "case's frame before scale and mirror, or take it out",
        value=round(gaps[name], 3) if name is not None else None,
        where_mm=where,
    )


def _named(zone: Zone) -> tuple[str, Float]:
    """A ball or a box in words, as printed, and its middle."""
    if zone.sphere is not None:
        middle = np.array(zone.sphere.centre_mm)
        return f"a ball of {zone.sphere.radius_mm:g} mm around {_spot(zone.sphere.centre_mm)}", middle
    assert zone.box is not None, "a zone is one of four"
    middle = (np.array(zone.box.lower_mm) + zone.box.upper_mm) / 2.0
    return f"a box from {_spot(zone.box.lower_mm)} to {_spot(zone.box.upper_mm)}", middle


def _spot(point_mm: Point) -> str:
    return "({:.1f}, {:.1f}, {:.1f}) mm".format(*point_mm)


def _info(message: str, area_mm2: float, part: str | None, where: Point | None) -> Finding:
    return Finding(
        code="zone", severity=Severity.INFO, part=part, message=message, value=round(area_mm2, 3), where_mm=where
    )
