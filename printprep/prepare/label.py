"""Write the case's id and side on the print, or on a tab beside it when no place is fit for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from scipy.ndimage import maximum_filter

from printprep.case import Case, Finding, Label, Severity
from printprep.errors import MeshError
from printprep.geometry.label import (
    CLEARANCE_MM,
    FLAT_MM,
    MARGIN,
    TAB_MM,
    Place,
    emboss,
    engrave,
    find_place,
    tab,
    tab_size_mm,
)
from printprep.geometry.letters import outlines, width_mm
from printprep.geometry.measure import inspect, sample
from printprep.geometry.mesh import Float, Mesh, as_point
from printprep.geometry.zones import Zones
from printprep.plan import TAB, Change
from printprep.prepare.added import add_part
from printprep.prepare.arrange import room
from printprep.prepare.draft import Draft, DraftPart
from printprep.prepare.zones import keep_out_parts, trees_of, zones_of
from printprep.progress import SILENT, Progress

BESIDE_MM: Final = 5.0
"""Between a tab and the body, so that brims and supports stay apart."""

_OUTLINE: Final = 20_000  # points of a part that say where it stands, besides its vertices
_CELL_MM: Final = 1.0
_CELLS: Final = 1000  # a side at most, of a body of any size


def label(draft: Draft, progress: Progress = SILENT) -> Draft:
    """Engrave or emboss the label on the flattest fit place, else add a tab; runs after hollow and split.

    Of a body that was cut, one piece carries it; cut faces lie on another piece and so are no place for it.

    Without a ``[label]`` table nothing is written: a mark changes anatomy, and that is the case's choice. Adds one
    :class:`printprep.plan.Change` of the stage ``label``, whose volume is exact, and the findings ``labelled``,
    ``label-on-tab``, ``label-small``, ``label-too-long`` and ``label-without-id``.
    """
    asked = draft.case.label
    if asked is None or asked.style == "none":
        return draft
    with progress.step("label"):
        draft = draft.with_findings(*_of_text(draft, asked))
        if asked.style != "tab":
            trees = trees_of(draft)
            for part in _candidates(draft, asked):
                written = _write(draft, part, asked, zones_of(draft, part.name, trees=trees))
                if written is not None:
                    return written
        return _on_tab(draft, asked)


def reach_mm(asked: Label) -> float:
    """How far from its middle a label may change the surface."""
    size = np.array([width_mm(asked.text, asked.height_mm), asked.height_mm]) + 2 * MARGIN * asked.height_mm
    return float(np.linalg.norm(size)) / 2


def most_mm3(asked: Label) -> float:
    """The most volume that its letters can take away or add."""
    return float(outlines(asked.text, asked.height_mm).area()) * (asked.depth_mm + FLAT_MM)


def _candidates(draft: Draft, asked: Label) -> list[DraftPart]:
    """Parts that may be written on, the largest first: it is the least altered by it."""
    parts = [
        part
        for part in draft.parts
        if not part.added
        and not draft.case.part(part.source).critical
        and part.source not in keep_out_parts(draft)
        and asked.part in (None, part.source)
        and inspect(part.mesh, self_intersections=False).closed
    ]
    return sorted(parts, key=lambda part: (-part.mesh.area_mm2, part.name))


def _write(draft: Draft, part: DraftPart, asked: Label, zones: Zones) -> Draft | None:
    """The draft with the label on ``part``; None when it has no place for it."""
    up = np.ascontiguousarray(draft.rotation[2, :3])
    place = find_place(part.mesh, asked.text, asked.height_mm, asked.depth_mm, up, zones)
    if place is None:
        return None
    cut = engrave if asked.style == "engrave" else emboss
    try:
        mesh = cut(part.mesh, place, asked.text, asked.height_mm, asked.depth_mm)
    except MeshError:
        return None  # no solid for the booleans, which the certificate says; a tab stands in
    change = _change(part.mesh, mesh, place, asked)
    marked = replace(part, mesh=mesh, changes=(*part.changes, change))
    parts = tuple(marked if other.name == part.name else other for other in draft.parts)
    how = "engraved" if asked.style == "engrave" else "embossed"
    finding = Finding(
        code="labelled",
        severity=Severity.INFO,
        part=part.name,
        message=f'"{asked.text.upper()}" is {how} {asked.depth_mm:g} mm on {part.name}, {asked.height_mm:g} mm high, '
        f"on a place flat to {place.off_mm:.2f} mm; {change.volume_mm3:+.1f} mm3",
        value=asked.text.upper(),
        where_mm=place.at_mm,
    )
    return replace(draft, parts=parts).with_findings(finding)


def _change(before: Mesh, after: Mesh, place: Place, asked: Label) -> Change:
    verb = "engraved" if asked.style == "engrave" else "embossed"
    outline = outlines(asked.text, asked.height_mm)
    edge_mm = sum(
        float(np.linalg.norm(np.diff(ring, axis=0, append=ring[:1]), axis=1).sum()) for ring in outline.to_polygons()
    )
    return Change(
        stage="label",
        what=f'"{asked.text.upper()}" {verb} {asked.depth_mm:g} mm in letters of {asked.height_mm:g} mm',
        volume_mm3=after.volume_mm3 - before.volume_mm3,
        area_mm2=outline.area() + edge_mm * asked.depth_mm,
        where_mm=place.at_mm,
        axis=place.z,
    )


def _on_tab(draft: Draft, asked: Label) -> Draft:
    """The draft with a tab beside the body on the bed."""
    size = tab_size_mm(asked.text, asked.height_mm)
    space = room(draft)
    bed = np.sort([space.bed.width_mm - 2 * space.margin_mm, space.bed.depth_mm - 2 * space.margin_mm])
    if max(size) > float(np.hypot(*bed)) or min(size) > bed[0]:
        return draft.with_findings(
            Finding(
                code="label-too-long",
                severity=Severity.ERROR,
                message=f'the label "{asked.text.upper()}" has no flat place on a part, and a tab of {size[0]:.0f} x '
                f"{size[1]:.0f} mm for it does not fit the bed; write a shorter text or a smaller height_mm, or say "
                'style = "none"',
                value=round(size[0], 3),
                limit=float(bed[1]),
            )
        )
    mesh = _beside(draft, tab(asked.text, asked.height_mm, asked.depth_mm))
    where = as_point(mesh.bounds_mm.mean(axis=0))
    what = f'a tab of {size[0]:.1f} x {size[1]:.1f} x {TAB_MM:g} mm with "{asked.text.upper()}"'
    change = Change(stage="label", what=what, volume_mm3=mesh.volume_mm3, area_mm2=mesh.area_mm2, where_mm=where)
    wished = asked.style == "tab"
    why = "" if wished else f": no place {_wanted(asked)}"
    finding = Finding(
        code="label-on-tab",
        severity=Severity.WARNING,
        part=TAB,
        message=f"{what} stands loose beside the body{why}; tie it to the model before they leave the bed",
        value=asked.text.upper(),
        where_mm=where,
    )
    return add_part(draft, TAB, mesh, like=_stiffest(draft), change=change).with_findings(finding)


def _stiffest(draft: Draft) -> str:
    """Name in the tools of the largest part of a rigid material, else of the largest: a tab should not be floppy."""

    def rank(part: DraftPart) -> tuple[bool, float]:
        rigid = draft.profiles.material(part.material or "").material_class == "rigid"
        return rigid, abs(part.mesh.volume_mm3)

    return max((part for part in draft.parts if not part.added), key=rank).source


def _wanted(asked: Label) -> str:
    on = f"on {asked.part}" if asked.part else "on a part that is not critical"
    margin = 2 * MARGIN * asked.height_mm
    return (
        f"of {width_mm(asked.text, asked.height_mm) + margin:.0f} x {asked.height_mm + margin:.0f} mm {on} is flat to "
        f"{FLAT_MM:g} mm, thick enough for letters of {asked.depth_mm:g} mm and {CLEARANCE_MM:g} mm clear of others"
    )


def _beside(draft: Draft, made: Mesh) -> Mesh:
    """The tab in the case's frame where it stands on the bed, free to above, and lets the whole grow least."""
    turn = draft.rotation[:3, :3]
    body = np.concatenate([sample(part.mesh, _OUTLINE, 0).points for part in draft.parts]) @ turn.T
    found = [_free_place(body, pose) for pose in (made, made.transformed(_QUARTER))]
    _, at, mesh = min(found, key=lambda one: one[0])
    back = np.eye(4)
    back[:3, :3], back[:3, 3] = turn.T, turn.T @ np.append(at, body[:, 2].min())
    return mesh.transformed(back)


def _free_place(body: Float, tab_mesh: Mesh) -> tuple[tuple[float, float], Float, Mesh]:
    """What a tab costs where it does best (area of the box around all, distance from its middle), and where that is.

    Seen from above on a grid: a cell is free for the middle of the tab when no point of the body, at any height, is
    nearer to the tab than :data:`BESIDE_MM`.
    """
    half = tab_mesh.size_mm[:2] / 2
    low, high = body[:, :2].min(axis=0), body[:, :2].max(axis=0)
    step = max(_CELL_MM, float((high - low).max()) / _CELLS)
    around = half + BESIDE_MM + 2 * step
    cells = np.ceil((high - low + 2 * around) / step).astype(int) + 1
    taken = np.zeros(cells, np.uint8)
    at = ((body[:, :2] - low + around) / step).astype(int)
    taken[at[:, 0], at[:, 1]] = 1
    reach = np.ceil((half + BESIDE_MM) / step).astype(int) + 1
    blocked = maximum_filter(taken, size=tuple(2 * reach + 1), mode="constant")
    free = np.argwhere(blocked == 0) * step + step / 2 + low - around
    lower, upper = np.minimum(low, free - half), np.maximum(high, free + half)
    area = np.round((upper - lower).prod(axis=1), 3)
    far = np.round(np.linalg.norm(free - (low + high) / 2, axis=1), 3)
    best = int(np.lexsort((far, area))[0])
    return (float(area[best]), float(far[best])), free[best], tab_mesh


_QUARTER: Final = np.array([[0.0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


def _of_text(draft: Draft, asked: Label) -> list[Finding]:
    """What a person should know of the text itself."""
    findings = []
    least = draft.profiles.lab().label_height_mm
    if asked.height_mm < least:
        message = f"letters of {asked.height_mm:g} mm are smaller than the {least:g} mm the lab calls readable"
        findings.append(
            Finding(code="label-small", severity=Severity.WARNING, message=message, value=asked.height_mm, limit=least)
        )
    if not _says_case(draft.case, asked):
        message = f'the label says "{asked.text.upper()}", which does not hold the case id {draft.case.id}'
        findings.append(Finding(code="label-without-id", severity=Severity.WARNING, message=message, value=asked.text))
    return findings


def _says_case(case: Case, asked: Label) -> bool:
    return case.id.upper() in asked.text.upper()
