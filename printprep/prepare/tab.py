"""A tab that bears the label where no part does: a plate on the bed, tied to the body by necks that a hand breaks.

The necks end in a part that is not critical and in no zone, which wins over them where they meet, so that its shape
stays as it is. Where there is no such place, or the body was cut, the tab stands loose and the finding says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from printprep.case import Finding, Label, Severity
from printprep.geometry import bvh
from printprep.geometry.connect import CLEARANCE_MM, SUNK_MM, Strut, find_struts
from printprep.geometry.label import TAB_MM, tab, tab_size_mm
from printprep.geometry.letters import width_mm
from printprep.geometry.measure import inspect
from printprep.geometry.mesh import Mesh, as_point
from printprep.geometry.solid import Manifold, from_solid, union
from printprep.geometry.zones import Zones
from printprep.plan import TAB, Change
from printprep.prepare.added import add_part
from printprep.prepare.arrange import room
from printprep.prepare.draft import Draft, DraftPart
from printprep.prepare.free_places import Place, places
from printprep.prepare.zones import keep_out_parts, trees_of, zones_of

NECK_MM: Final = 2.0
"""Diameter of a neck: five lines of a common nozzle. A round bar of d = 2 mm in a plastic of 60 MPa breaks under
pi d^3 / 32 x 60 = 47 N mm, which is 5 N at 1 cm (Gere and Goodno, Mechanics of Materials, 9th ed., section 5.5)."""

NECKS: Final = 2
LONGEST_MM: Final = 30.0  # of a neck; a longer one hangs through

_HOLDERS: Final = 3  # largest parts that may hold a tab
_TRIED: Final = 4  # best places for it


def on_tab(draft: Draft, asked: Label, why: str) -> Draft:
    """The draft with a tab beside the body on the bed; ``why`` no part bears the label, empty if a tab was wished."""
    size = tab_size_mm(asked.text, asked.height_mm)
    space = room(draft)
    bed = np.sort([space.bed.width_mm - 2 * space.margin_mm, space.bed.depth_mm - 2 * space.margin_mm])
    if max(size) > float(np.hypot(*bed)) or min(size) > bed[0]:
        return draft.with_findings(_too_long(draft, asked, size, float(bed[1])))
    free = places(draft, size)
    holders = _holders(draft)
    trees = trees_of(draft) if holders else {}
    zones = [(part, zones_of(draft, part.name, trees=trees)) for part in holders]
    tied = ((place, *found) for place in free[:_TRIED] if (found := _necks(asked, place, zones)) is not None)
    place, necks, holder = next(tied, (free[0], (), ""))
    mesh = place.moved(tab(asked.text, asked.height_mm, asked.depth_mm))
    for neck in necks:
        mesh = union(mesh, neck.mesh())
    where = as_point(mesh.bounds_mm.mean(axis=0))
    what = f'a tab of {size[0]:.1f} x {size[1]:.1f} x {TAB_MM:g} mm with "{asked.text.upper()}"'
    held = f", tied to {holder} by {len(necks)} necks of {NECK_MM:g} mm" if necks else ""
    change = Change(
        stage="label",
        what=what + held,
        volume_mm3=mesh.volume_mm3,
        area_mm2=mesh.area_mm2,
        where_mm=where,
        deep_mm=SUNK_MM + NECK_MM if necks else 0.0,
    )
    finding = Finding(
        code="label-on-tab",
        severity=Severity.WARNING,
        part=TAB,
        message=f"{what} {_standing(draft, necks, holder)}{f': {why}' if why else ''}",
        value=asked.text.upper(),
        where_mm=where,
    )
    return add_part(draft, TAB, mesh, like=_stiffest(draft), change=change).with_findings(finding)


def _too_long(draft: Draft, asked: Label, size_mm: tuple[float, float], most_mm: float) -> Finding:
    largest = max((part for part in draft.parts if not part.added), key=lambda part: part.mesh.area_mm2)
    return Finding(
        code="label-too-long",
        severity=Severity.ERROR,
        part=asked.part,
        message=f'the label "{asked.text.upper()}" has no flat place on a part, the largest, {largest.name}, is '
        f"{float(np.linalg.norm(largest.mesh.size_mm)):.0f} mm across, and a tab of {size_mm[0]:.0f} x "
        f"{size_mm[1]:.0f} mm for it does not fit the bed; write a shorter text or a smaller height_mm, or say "
        'style = "none"',
        value=round(size_mm[0], 3),
        limit=most_mm,
        where_mm=as_point(largest.mesh.bounds_mm.mean(axis=0)),
    )


def _standing(draft: Draft, necks: tuple[Strut, ...], holder: str) -> str:
    """How the tab stands, in words."""
    if necks:
        longest = max(neck.length_mm for neck in necks)
        bars = f"{len(necks)} neck{'s' if len(necks) > 1 else ''} of {NECK_MM:g} mm, up to {longest:.0f} mm long"
        return f"is tied to {holder} by {bars}; break it off where it is not wanted"
    reason = "the body was cut" if _cut(draft) else "no part that may be touched is near enough"
    return f"stands loose beside the body, because {reason}; tie it to the model before they leave the bed"


def _cut(draft: Draft) -> bool:
    return any(part.piece for part in draft.parts)


def _stiffest(draft: Draft) -> str:
    """Name in the tools of the largest part of a rigid material, else of the largest: a tab should not be floppy."""

    def rank(part: DraftPart) -> tuple[bool, float]:
        rigid = draft.profiles.material(part.material or "").material_class == "rigid"
        return rigid, abs(part.mesh.volume_mm3)

    return max((part for part in draft.parts if not part.added), key=rank).source


def _necks(
    asked: Label, place: Place, holders: Sequence[tuple[DraftPart, Zones]]
) -> tuple[tuple[Strut, ...], str] | None:
    """Bars from the tab to one of the holders, clear of its zones, and its name; None when none is near enough.

    They may not rise through the letters, nor hang below the bed.
    """
    length, width = tab_size_mm(asked.text, asked.height_mm)
    plate = place.moved(_block((length, width, TAB_MM), 0.0))
    text = (width_mm(asked.text, asked.height_mm), asked.height_mm, 3.0 * NECK_MM)
    over = place.moved(_block(text, TAB_MM + CLEARANCE_MM))
    below = place.moved(_block((4.0 * LONGEST_MM + length, 4.0 * LONGEST_MM + length, 1.0), -1.0 - _UNDER_MM))
    for part, zones in holders:
        clear_of = replace(zones, solids=(*zones.solids, bvh.build(over), bvh.build(below)))
        struts = find_struts(plate, part.mesh, NECKS, NECK_MM, clear_of)
        struts = tuple(strut for strut in struts if strut.length_mm <= LONGEST_MM)
        if struts:
            return struts, part.source
    return None


_UNDER_MM: Final = CLEARANCE_MM + NECK_MM / 8.0
"""What a strut keeps from a zone besides its radius, half its test's spacing among it: so far below is the bed's."""


def _holders(draft: Draft) -> list[DraftPart]:
    """Parts that may hold a tab, the largest first; none of a body that was cut."""
    if _cut(draft):
        return []
    kept = keep_out_parts(draft)
    able = [
        part
        for part in draft.parts
        if not part.added and part.source not in kept and not draft.case.part(part.source).critical
    ]
    able.sort(key=lambda part: (-part.mesh.area_mm2, part.name))
    return [part for part in able[:_HOLDERS] if inspect(part.mesh, self_intersections=False).closed]


def _block(size_mm: tuple[float, float, float], floor_mm: float) -> Mesh:
    """A block around the z axis that stands at a height."""
    return from_solid(Manifold.cube(size_mm, True).translate((0.0, 0.0, floor_mm + size_mm[2] / 2.0)))
