"""Join with struts what would come loose: a tumour to the bone around it, a branch to its trunk, pieces of one part."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from printprep.case import Finding, Severity
from printprep.casefile import ConnectWish
from printprep.geometry import bvh
from printprep.geometry.connect import SUNK_MM, Strut, diameter_mm, find_struts, gap_mm
from printprep.geometry.measure import inspect
from printprep.geometry.mesh import Mesh, as_point
from printprep.geometry.shells import by_body, pick
from printprep.plan import Change
from printprep.prepare.added import add_part, strut_name
from printprep.prepare.draft import Draft, DraftPart
from printprep.prepare.zones import keep_out_parts, zones_of
from printprep.profiles.models import MaterialClass
from printprep.progress import SILENT, Progress

STRENGTH_MPA: Final[dict[MaterialClass, float]] = {"rigid": 25.0, "clear": 25.0, "flexible": 4.0, "soluble": 10.0}
"""Across the layers, by class of material: assumed, about half of what data sheets say along them."""

LOOSE_BODIES: Final = 20
"""More than this is a threshold's dust, not something to hang on struts."""

BODY_MM3: Final = 1.0
"""Smaller bodies are specks, which a finding of inspect names."""

ROUND: Final = (
    1.05  # a file rounds, and the polygon of a strut has the circle's area: its corners reach a little farther
)
_SIZINGS: Final = 4  # a thicker strut may have to stand where it is longer


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Pair:
    """A loose body and what is to hold it."""

    held: Mesh
    holder: Mesh
    beside: tuple[bvh.Tree, ...]  # other loose bodies of the same part


def connect(draft: Draft, progress: Progress = SILENT) -> Draft:
    """Add a part for each strut that the case's ``[[connect]]`` tables ask for; runs after assign.

    Struts are no anatomy: all parts keep their meshes and win where a strut ends in them. Adds the findings
    ``connected``, ``connect-needless``, ``connect-fewer`` and ``connect-impossible``.
    """
    if not draft.case.connect:
        return draft
    with progress.step("connect") as step:
        for k, wish in enumerate(draft.case.connect):
            step.advance(k / len(draft.case.connect), f"{wish.from_part} to {wish.to}")
            draft = _connect(draft, wish)
    return draft


def _connect(draft: Draft, wish: ConnectWish) -> Draft:
    parts = {part.name: part for part in draft.parts if not part.added}
    reason = _why_not(draft, wish, parts)
    if reason:
        return draft.with_findings(_impossible(wish, reason))
    own = parts[wish.from_part]
    pairs = list(_pairs(own, parts[wish.to]))
    if not pairs:
        reason = f"{own.name} has one body only; name the part that holds it in to"
        return draft.with_findings(_impossible(wish, reason))
    if len(pairs) > LOOSE_BODIES:
        reason = f"{own.name} has {len(pairs)} loose bodies, more than {LOOSE_BODIES}; clean the segmentation"
        return draft.with_findings(_impossible(wish, reason))
    for pair in pairs:
        draft = _join(draft, wish, own, pair)
    return draft


def _why_not(draft: Draft, wish: ConnectWish, parts: dict[str, DraftPart]) -> str:
    """Why no strut may even be looked for; empty when it may."""
    for name in dict.fromkeys((wish.from_part, wish.to)):
        if name not in parts:
            return f"there is no part {name}; the parts: {', '.join(parts)}"
        if draft.case.part(name).critical:
            return f"{name} is critical, which keeps it free of marks; join it to nothing, or take critical away"
        if name in keep_out_parts(draft):
            return f"{name} is a keep-out zone as a whole; join it to nothing, or take the zone away"
        if not inspect(parts[name].mesh, self_intersections=False).closed:
            return f"{name} is not closed, so it is not known what is inside; let the repair close it"
    return ""


def _pairs(own: DraftPart, other: DraftPart) -> Iterator[_Pair]:
    """Each loose body with what holds it: the other part, or the largest body of the same part."""
    found = [pick(own.mesh, faces) for faces in by_body(own.mesh)]
    bodies = sorted((body for body in found if body.volume_mm3 >= BODY_MM3), key=lambda body: -body.volume_mm3)
    trees = [bvh.build(body) for body in bodies]
    first = 1 if own.name == other.name else 0
    for k, body in enumerate(bodies[first:], start=first):
        beside = tuple(tree for i, tree in enumerate(trees) if i != k and i >= first)
        holder = bodies[0] if first else other.mesh
        yield _Pair(held=body, holder=holder, beside=beside)


def _join(draft: Draft, wish: ConnectWish, own: DraftPart, pair: _Pair) -> Draft:
    """The draft with the struts of one loose body."""
    gap = gap_mm(pair.held, pair.holder)
    if gap == 0.0:
        message = f"{wish.from_part} reaches into {wish.to} already: no strut is needed there"
        finding = Finding(code="connect-needless", severity=Severity.INFO, part=wish.from_part, message=message)
        return draft.with_findings(finding)
    struts = _sized(draft, wish, own, pair, gap)
    if not struts:
        reason = (
            f"no straight way of {gap:.1f} mm or a little more is free for a strut: it would meet a zone, "
            "another part or one of the two sideways, or is thicker than they are; ask for a smaller diameter_mm, "
            "move the zone, or name another part"
        )
        where = as_point(pair.held.bounds_mm.mean(axis=0))
        return draft.with_findings(replace(_impossible(wish, reason), where_mm=where))
    if len(struts) < wish.count:
        message = f"room for only {len(struts)} of {wish.count} struts from {wish.from_part} to {wish.to}"
        finding = Finding(code="connect-fewer", severity=Severity.WARNING, part=wish.from_part, message=message)
        draft = draft.with_findings(replace(finding, value=len(struts), limit=wish.count))
    for strut in struts:
        draft = _added(draft, wish, strut)
    return draft


def _sized(draft: Draft, wish: ConnectWish, own: DraftPart, pair: _Pair, gap: float) -> tuple[Strut, ...]:
    """Struts of the diameter asked for, or thick enough for what they hold at the length that they turn out to have."""
    zones = zones_of(draft, wish.from_part, wish.to)
    zones = replace(zones, solids=(*zones.solids, *pair.beside))
    if wish.diameter_mm is not None:
        return find_struts(pair.held, pair.holder, wish.count, wish.diameter_mm, zones)
    assert own.material is not None, "assign comes before connect"
    mass_g = pair.held.volume_mm3 / 1000.0 * draft.profiles.material(own.material).density_g_cm3
    strength = STRENGTH_MPA[draft.profiles.material(_material(draft, wish)).material_class]
    diameter = diameter_mm(mass_g, gap, wish.count, strength)
    for _ in range(_SIZINGS):
        struts = find_struts(pair.held, pair.holder, wish.count, diameter, zones)
        longest = max((strut.length_mm for strut in struts), default=0.0)
        needed = diameter_mm(mass_g, longest, max(len(struts), 1), strength)
        if needed <= diameter:
            return struts
        diameter = 1.05 * needed
    return ()


def _material(draft: Draft, wish: ConnectWish) -> str:
    """Id of the material of a strut: the one asked for, else that of the part that holds."""
    if wish.material is not None:
        return wish.material
    material = next(part.material for part in draft.parts if part.name == wish.to)
    assert material is not None, "assign comes before connect"
    return material


def _added(draft: Draft, wish: ConnectWish, strut: Strut) -> Draft:
    """The draft with one strut more."""
    name = strut_name(1 + sum(part.added for part in draft.parts))
    mesh = strut.mesh()
    what = (
        f"a strut of {strut.diameter_mm:.1f} mm, {strut.length_mm:.1f} mm long, from {wish.from_part} to {wish.to}, "
        f"its ends {SUNK_MM:g} mm deep in them"
    )
    change = Change(
        stage="connect",
        what=what,
        volume_mm3=mesh.volume_mm3,
        area_mm2=mesh.area_mm2,
        where_mm=strut.middle_mm,
        # no point of an end is farther from where its axis enters the surface
        deep_mm=ROUND * math.hypot(SUNK_MM, strut.diameter_mm / 2.0),
    )
    finding = Finding(
        code="connected",
        severity=Severity.INFO,
        part=name,
        message=f"{name} is {what}; no anatomy, cut it where it is not wanted",
        value=round(strut.diameter_mm, 3),
        where_mm=strut.middle_mm,
    )
    added = add_part(draft, name, mesh, like=wish.to, change=change, material=wish.material)
    return added.with_findings(finding)


def _impossible(wish: ConnectWish, reason: str) -> Finding:
    message = f"no strut joins {wish.from_part} to {wish.to}: {reason}"
    return Finding(code="connect-impossible", severity=Severity.ERROR, part=wish.from_part, message=message)
