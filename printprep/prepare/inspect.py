"""Stage ``inspect``: what is wrong with each part, as findings.

What the stage ``repair`` can mend or at least judge is a warning; what nobody but a person can decide is an error.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

import numpy as np

from printprep.case import Finding, Severity
from printprep.geometry import measure
from printprep.geometry.intersect import partners
from printprep.geometry.measure import Defects
from printprep.geometry.mend import Record
from printprep.geometry.mesh import Mesh, as_point, join
from printprep.geometry.shape import Body, Kind, Survey
from printprep.geometry.sizes import sizes
from printprep.geometry.specks import SPECK_MM3, crowd, drop_specks
from printprep.geometry.survey import ON_MM, survey
from printprep.geometry.topology import MOST_BODIES
from printprep.geometry.weld import weld_vertices
from printprep.prepare.draft import Draft, DraftPart
from printprep.prepare.zonecheck import zone_findings
from printprep.progress import SILENT, Progress

SPECK_MM: Final = 0.4
"""A body thinner than this, or smaller than :data:`SPECK_MM3`, will not print, or will fall off."""

_KINDS: Final[dict[str, tuple[str, Severity, str]]] = {
    "non_finite": ("non-finite", Severity.ERROR, "vertices have coordinates that are not numbers; export it again"),
    "open_edges": ("open-edges", Severity.WARNING, "edges have a face on one side only: the surface has holes"),
    "nonmanifold_edges": ("non-manifold", Severity.WARNING, "edges are shared by more than two faces"),
    "misoriented_edges": (
        "inconsistent-winding",
        Severity.WARNING,
        "edges lie between faces that disagree about the outside",
    ),
    "duplicate_faces": ("duplicate-faces", Severity.WARNING, "faces repeat another face on the same three vertices"),
    "self_intersecting_faces": ("self-intersection", Severity.WARNING, "faces run through other faces of the part"),
    "degenerate_faces": ("degenerate-faces", Severity.INFO, "faces have no area"),
}


def inspect(draft: Draft, progress: Progress = SILENT) -> Draft:
    """Look at every part; parts come out with equal vertices made one, and otherwise as they were."""
    welded = [replace(part, mesh=weld_vertices(part.mesh)) for part in draft.parts]
    parts: list[DraftPart] = []
    findings: list[Finding] = []
    with progress.step("inspect") as step, ThreadPoolExecutor(os.cpu_count()) as pool:
        between = pool.submit(_between_parts, [part.mesh for part in welded])
        wishes = [draft.case.part(part.name).drop_below_mm3 or 0.0 for part in welded]
        for part, found in pool.map(_look, welded, wishes):
            step.advance(len(parts) / len(welded), part.name)
            parts.append(part)
            findings.extend(found)
        findings.extend(between.result())
    done = replace(draft, parts=tuple(parts))
    return done.with_findings(*findings, *zone_findings(done))


def _look(part: DraftPart, drop_below_mm3: float) -> tuple[DraftPart, list[Finding]]:
    """The part with its defects, and what they mean; of bodies that the case lets go nothing is said."""
    mesh = part.mesh
    if drop_below_mm3 > 0 and np.isfinite(mesh.vertices).all():
        mesh = drop_specks(mesh, drop_below_mm3, Record())
    defects = measure.inspect(mesh)
    findings = findings_of(part.name, defects)
    known = defects if mesh is part.mesh else None
    if defects.bodies > MOST_BODIES:
        findings.append(_crowded(part.name, mesh, defects))
    if not defects.triangles or defects.non_finite or defects.bodies > MOST_BODIES:
        return replace(part, defects=known), findings
    found = survey(mesh, speck_mm3=SPECK_MM3, speck_mm=SPECK_MM)
    findings.extend(_bodies(part.name, found))
    return replace(part, defects=known, survey=found), findings


def _crowded(part: str, mesh: Mesh, defects: Defects) -> Finding:
    """That a part is the noise of a threshold, or a soup; its largest body says where the anatomy is."""
    found = sizes(mesh)
    largest = mesh.vertices[mesh.faces[found.first[int(np.argmax(found.most_mm3))]]].mean(axis=0)
    return Finding(
        code="too-many-bodies",
        severity=Severity.ERROR,
        part=part,
        message=f"part {part}: {crowd(mesh)}",
        value=defects.bodies,
        limit=MOST_BODIES,
        where_mm=as_point(largest),
    )


def findings_of(part: str, defects: Defects) -> list[Finding]:
    """The findings that ``defects`` of a part mean."""
    if not defects.triangles:
        message = f"part {part} has no triangles; export it again"
        return [Finding(code="empty-mesh", severity=Severity.ERROR, part=part, message=message, value=0)]
    findings = [
        Finding(
            code=code,
            severity=severity,
            part=part,
            message=f"part {part}: {count} {text}",
            value=count,
            limit=0,
            where_mm=defects.where_mm.get(kind),
        )
        for kind, (code, severity, text) in _KINDS.items()
        if (count := getattr(defects, kind))
    ]
    if defects.inside_out:
        message = (
            f"part {part} is inside out (volume {defects.volume_mm3:.1f} mm3): either its winding is reversed, or its "
            "coordinates were mirrored along one axis and it would print on the wrong side. Check the export; if only "
            "the winding is wrong, accept inside-out with that reason and it is turned"
        )
        findings.append(
            Finding(
                code="inside-out",
                severity=Severity.ERROR,
                part=part,
                message=message,
                value=defects.volume_mm3,
                limit=0,
                where_mm=defects.where_mm.get("inside_out"),
            )
        )
    if defects.bodies > 1:
        message = f"part {part} consists of {defects.bodies} separate surfaces"
        found = Finding(code="many-bodies", severity=Severity.INFO, part=part, message=message, value=defects.bodies)
        findings.append(found)
    return findings


def _bodies(part: str, found: Survey) -> Iterator[Finding]:
    """Bodies too small to print, cavities that are sealed, solids within solids, surfaces on surfaces."""
    if found.specks and found.count > 1:
        message = (
            f"part {part}: {found.specks} bodies of {found.specks_mm3:.3f} mm3 in all are smaller than {SPECK_MM3} mm3 "
            f"or thinner than {SPECK_MM} mm; they stay in the model and may not print"
        )
        yield _said("specks", Severity.WARNING, part, message, found.specks, found.speck_mm)
    sealed = found.of(Kind.CAVITY)
    if sealed:
        message = f"part {part}: {_many(sealed, 'sealed cavity', 'sealed cavities')} stay empty inside it"
        if loose := found.of(Kind.LOOSE):
            message += f", with {_many(loose, 'loose body', 'loose bodies')} in them"
        yield _said("cavities", Severity.INFO, part, message, len(sealed), sealed[0].where_mm)
    nested = found.of(Kind.NESTED)
    if nested:
        message = (
            f"part {part}: {_many(nested, 'solid', 'solids')} wholly inside another, wound like it: what is in there "
            "is counted twice and prints as one. If it should be hollow, turn the inner surface round; if "
            "it is another tissue, export it as a part of its own"
        )
        yield _said("nested-bodies", Severity.WARNING, part, message, len(nested), nested[0].where_mm)
    lying = tuple(body for body in found.bodies if body.on is not None)
    if lying:
        twins = sum(body.twin for body in lying)
        area_mm2 = sum(body.on_mm2 for body in lying)
        also = f", {twins} of them as copies" if twins else ""
        message = (
            f"part {part}: {len(lying)} of its separate surfaces lie on another within {ON_MM:g} mm, over "
            f"{area_mm2:.1f} mm2{also}: walls without thickness, or bodies exported twice. Look at the place; export "
            "each body once"
        )
        worst = max(lying, key=lambda body: body.on_mm2)
        yield _said("coincident-surfaces", Severity.WARNING, part, message, round(area_mm2, 3), worst.where_mm)


def _many(bodies: Sequence[Body], one: str, several: str) -> str:
    """How many bodies of how much volume."""
    total = sum(body.volume_mm3 or 0.0 for body in bodies)
    return (
        f"{len(bodies)} {one if len(bodies) == 1 else several} of {total:.3f} mm3{' in all' if len(bodies) > 1 else ''}"
    )


def _said(
    code: str, severity: Severity, part: str, message: str, value: float, where_mm: tuple[float, float, float] | None
) -> Finding:
    return Finding(code=code, severity=severity, part=part, message=message, value=value, where_mm=where_mm)


def _between_parts(meshes: list[Mesh]) -> list[Finding]:
    """Faces of different parts that run through each other; priorities decide who wins there."""
    usable = [mesh for mesh in meshes if len(mesh) and np.isfinite(mesh.vertices).all()]
    boxes = [mesh.bounds_mm for mesh in usable]
    near = [
        mesh
        for i, mesh in enumerate(usable)
        if any(
            i != j and (boxes[i][0] <= boxes[j][1]).all() and (boxes[j][0] <= boxes[i][1]).all()
            for j in range(len(usable))
        )
    ]
    if not near:
        return []
    whole = join(near)
    owner = np.repeat(np.arange(len(near), dtype=np.int32), [len(mesh) for mesh in near])
    crossing = partners(whole, owner) >= 0
    count = int(crossing.sum())
    if not count:
        return []
    where = as_point(whole.vertices[whole.faces[int(np.argmax(crossing))]].mean(axis=0))
    message = f"{count} faces of different parts run through each other; the part of higher priority wins there"
    return [
        Finding(code="parts-overlap", severity=Severity.INFO, message=message, value=count, where_mm=where),
    ]
