"""The certificate: every printed part measured against the mesh that was asked for.

It trusts nothing that the stages say about themselves except what they declare as changed on purpose; how these are
set aside is said in :mod:`printprep.prepare.faithful`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

import numpy as np

from printprep.case import Case, Finding, Part, Severity
from printprep.casefile import Limits
from printprep.geometry.measure import inspect
from printprep.geometry.mesh import Mesh, Point, join
from printprep.plan import (
    AddedCertificate,
    Certificate,
    Check,
    PartCertificate,
    Plan,
    PlannedPart,
    are_supports,
    supports_name,
)
from printprep.prepare.added import may_be_added
from printprep.prepare.faithful import Faith, compare
from printprep.prepare.neighbours import coincident_mm2, deepest, largest_place, pairs_of
from printprep.prepare.overlap import NOTHING_MM3, losses, lost_mm3
from printprep.progress import SILENT, Progress

MOVED_MM: Final = 0.01
"""A part of the same size whose box is elsewhere by more than this was moved against the others."""
IN_ANATOMY_MM: Final = 0.5
"""What is added may reach this far into the anatomy to hold on to it, unless its change declares that it goes deeper,
as struts do, which end in what they hold."""
THIN: Final = ("thin-wall", "will-vanish", "wall-off")
"""Findings about walls, with the thinnest place and what the process needs."""


def certify(case: Case, plan: Plan, prepared_sha256: str, progress: Progress = SILENT) -> Certificate:
    """Measure every part of ``plan`` against ``case``.

    Parameters
    ----------
    case
        What was asked for; its meshes are the sources.
    plan
        What will be printed, parts in the case's frame.
    prepared_sha256
        Of the file that the plan was written to.
    progress
        Told part by part.

    Returns
    -------
    Certificate
        With the findings ``deviation-over-limit``, ``volume-over-limit``, ``volume-unknown``, ``volume-unaccounted``,
        ``change-not-found``, ``part-not-closed``, ``part-missing``, ``part-unknown``, ``parts-moved``,
        ``priority-not-honoured``, ``added-in-anatomy`` and ``volume-lost-to-part``.
    """
    pairs = [(part, together(plan.pieces(part.name))) for part in case.parts if plan.pieces(part.name)]
    findings = [*_roll_call(case, plan), *_plates(plan)]
    certificates: list[PartCertificate] = []
    with progress.step("certify") as step, ThreadPoolExecutor(os.cpu_count()) as pool:
        overlap = pool.submit(lost_mm3, plan)
        shared = pool.submit(coincident_mm2, plan)
        work = pool.map(
            lambda pair: compare(pair[0], pair[1], plan.changes.get(pair[0].name, ()), plan.cuts, case.label), pairs
        )
        found: list[Faith] = []
        for faith in work:
            step.advance(len(found) / (len(pairs) + 1), pairs[len(found)][0].name)
            found.append(faith)
        lost, order = overlap.result()
    for (part, planned), faith in zip(pairs, found, strict=True):
        faults = [*_faults(part, planned, faith, case.limits)]
        findings.extend(faults)
        certificates.append(_certificate(part, planned, plan, faith, lost[part.name], faults, case.limits))
    findings.extend([*order, *losses(plan, lost, case.limits.volume_change_percent)])
    added = tuple(_added(name, plan) for name in dict.fromkeys(part.source for part in plan.parts if part.added))
    findings.extend(_faults_of_added(plan, added))
    return Certificate(
        case_id=case.id,
        parts=tuple(certificates),
        findings=tuple(findings),
        prepared_sha256=prepared_sha256,
        added=added,
        pairs=pairs_of(plan, lost, shared.result()),
    )


def together(pieces: tuple[PlannedPart, ...]) -> PlannedPart:
    """The pieces of a part where they stood in the case, as one; cut faces and pins stay in its surface."""
    if len(pieces) == 1:
        return pieces[0]
    return replace(pieces[0], name=pieces[0].source, mesh=join([piece.mesh for piece in pieces]))


def _added(name: str, plan: Plan) -> AddedCertificate:
    found = [inspect(piece.mesh, self_intersections=False) for piece in plan.pieces(name)]
    deep_mm, deepest_in = deepest(name, plan)
    return AddedCertificate(
        deep_mm=deep_mm,
        deepest_in=deepest_in,
        name=name,
        closed=all(one.closed and not one.inside_out for one in found),
        triangles=sum(one.triangles for one in found),
        volume_mm3=sum(one.volume_mm3 for one in found),
        changes=plan.changes.get(name, ()),
    )


def _faults_of_added(plan: Plan, added: tuple[AddedCertificate, ...]) -> Iterator[Finding]:
    """An added part is a solid, and every part of the anatomy wins over it."""
    anatomy = [part.priority for part in plan.parts if not part.added]
    for one in added:
        if not one.closed:
            message = f"{one.name}, which was added to the anatomy, is no solid; prepare the case again"
            yield Finding(code="part-not-closed", severity=Severity.ERROR, part=one.name, message=message)
        priority = max(piece.priority for piece in plan.pieces(one.name))
        if anatomy and priority >= min(anatomy):
            message = f"{one.name}, which was added to the anatomy, would win over a part of it; prepare the case again"
            yield _over("priority-not-honoured", one.name, message, priority, min(anatomy), None)
        limit_mm = max(IN_ANATOMY_MM, *(change.deep_mm for change in one.changes), 0.0)
        if one.deep_mm > limit_mm:
            message = (
                f"{one.name}, which was added to the anatomy, reaches {one.deep_mm:.2f} mm into part {one.deepest_in}, "
                f"limit {limit_mm:g} mm; prepare the case again"
            )
            yield _over("added-in-anatomy", one.name, message, one.deep_mm, limit_mm, None)
        elif are_supports(one.name):
            yield from _through_anatomy(one.name, plan)


def _through_anatomy(name: str, plan: Plan) -> Iterator[Finding]:
    """Supports take no more of the anatomy in one place than the widest of their tips may."""
    widest_mm = max((row.largest_mm for row in plan.removals if supports_name(row.plate) == name), default=0.0)
    limit_mm3 = max(np.pi / 4.0 * widest_mm**2 * IN_ANATOMY_MM, NOTHING_MM3)
    volume_mm3, part, where_mm = largest_place(name, plan)
    if volume_mm3 > limit_mm3:
        message = (
            f"{name}, which was added to the anatomy, goes through {volume_mm3:.2f} mm3 of part {part} in one place, "
            f"its widest tip may take {limit_mm3:.2f} mm3; prepare the case again"
        )
        yield _over("added-in-anatomy", name, message, round(volume_mm3, 4), round(limit_mm3, 4), where_mm)


def _certificate(
    part: Part,
    planned: PlannedPart,
    plan: Plan,
    faith: Faith,
    lost: dict[str, float],
    faults: list[Finding],
    limits: Limits,
) -> PartCertificate:
    return PartCertificate(
        name=part.name,
        source_sha256=part.source.sha256,
        closed=faith.defects.closed and not faith.defects.inside_out,
        triangles=len(planned.mesh),
        volume_source_mm3=faith.volume_source_mm3,
        volume_mm3=faith.volume_mm3,
        deviation=faith.deviation,
        lost_to_mm3=lost,
        changes=plan.changes.get(part.name, ()),
        within_limits=not any(fault.severity is Severity.ERROR for fault in faults),
        printed_sha256=mesh_sha256(planned.mesh),
        checks=tuple(checks(part, faith, limits, plan.findings)),
        source_triangles=len(part.mesh),
        comparable=faith.comparable,
        wished_mm3=faith.wished_mm3,
        thickness=faith.thickness,
    )


def mesh_sha256(mesh: Mesh) -> str:
    """SHA-256 of a mesh to a ten-thousandth of a millimetre: its coordinates as integers, then its faces."""
    places = np.round(mesh.vertices * 1e4).astype("<i8")
    return hashlib.sha256(places.tobytes() + mesh.faces.astype("<i4").tobytes()).hexdigest()


def checks(part: Part, faith: Faith, limits: Limits, findings: tuple[Finding, ...]) -> Iterator[Check]:
    """The measured values of a part beside their limits; those of walls where a stage found them too thin."""
    found = faith.deviation
    rows = [
        ("deviation-max", found.max_mm, limits.deviation_max_mm, "mm"),
        ("deviation-p95", found.p95_mm, limits.deviation_p95_mm, "mm"),
    ]
    if faith.comparable:
        rows.append(("volume-change", faith.volume_change_percent, limits.volume_change_percent, "%"))
    for what, value, limit, unit in rows:
        yield Check(what=what, value=value, limit=limit, unit=unit, within=abs(value) <= limit)
    for finding in findings:
        walls = finding.part == part.name and finding.code in THIN
        if walls and isinstance(finding.value, float | int) and isinstance(finding.limit, float | int):
            yield Check(
                what=finding.code,
                value=float(finding.value),
                limit=float(finding.limit),
                unit="mm",
                within=False,
                by="process",
            )


def _roll_call(case: Case, plan: Plan) -> Iterator[Finding]:
    """Every part of the case, or each of its pieces, is in the plan and on exactly one plate.

    Nothing else is but the parts that the case lets be added, whole or in pieces themselves.
    """
    asked = [part.name for part in case.parts]
    added = [*dict.fromkeys(part.source for part in plan.parts if part.added and part.source not in asked)]
    for name in asked:
        if not _once(pieces := plan.pieces(name)):
            message = f"part {name} is {len(pieces)} times in the plan; it was asked for once"
            yield Finding(code="part-missing", severity=Severity.ERROR, part=name, message=message)
        if any(piece.added for piece in pieces):
            message = f"part {name} was asked for, and the plan calls it added, no anatomy; prepare the case again"
            yield Finding(code="part-unknown", severity=Severity.ERROR, part=name, message=message)
    for name in [*asked, *added]:
        for piece in dict.fromkeys(piece.name for piece in plan.pieces(name)):
            on = sum(plate.parts.count(piece) for plate in plan.plates)
            if on != 1:
                message = f"part {piece} is on {on} plates; every part is printed once"
                found = Finding(code="part-missing", severity=Severity.ERROR, part=name, message=message)
                yield replace(found, value=on, limit=1)
    wished = {name for name in added if may_be_added(case, name) and _once(plan.pieces(name))}
    unasked = {
        part.name for part in plan.parts if part.source not in asked and not (part.added and part.source in wished)
    }
    placed = {name for plate in plan.plates for name in plate.parts}
    for name in sorted(unasked | placed - {part.name for part in plan.parts}):
        message = f"part {name} is in the plan and nobody asked for it"
        yield Finding(code="part-unknown", severity=Severity.ERROR, part=name, message=message)


def _once(pieces: tuple[PlannedPart, ...]) -> bool:
    """Whether this is one whole part, or pieces with numbers of their own."""
    whole = [piece for piece in pieces if piece.piece_of is None]
    numbers = {piece.piece for piece in pieces}
    return len(pieces) > 0 and len(numbers) == len(pieces) and not (whole and len(pieces) > 1)


def _plates(plan: Plan) -> Iterator[Finding]:
    """The motions of every plate are rigid and do not mirror; being one matrix a piece, its parts share it."""
    yield from _torn(plan)
    for plate in plan.plates:
        for motion in (plate.case_to_plate, *plate.motions.values()):
            rotation = motion[:3, :3]
            stretch = float(np.abs(rotation.T @ rotation - np.eye(3)).max())
            determinant = float(np.linalg.det(rotation))
            if stretch > 1e-6 or determinant < 0 or not np.allclose(motion[3], [0, 0, 0, 1]):
                message = (
                    f"plate {plate.index} does not keep the shape of its parts: determinant {determinant:.6f}, off a "
                    f"rotation by {stretch:.2e}; it must be one rigid motion"
                )
                yield Finding(
                    code="parts-moved", severity=Severity.ERROR, message=message, value=determinant, limit=1.0
                )
                break


def _torn(plan: Plan) -> Iterator[Finding]:
    """Pieces whose parts stand on several plates, where nothing keeps their places against each other."""
    if not plan.cuts:
        return
    for number in sorted({part.piece for part in plan.parts}):
        names = {part.name for part in plan.parts if part.piece == number and not are_supports(part.name)}
        on = [plate.index for plate in plan.plates if names & set(plate.parts)]
        if len(on) > 1:
            message = f"the parts of piece {number} stand on plates {', '.join(map(str, on))}; they must move as one"
            yield Finding(code="parts-moved", severity=Severity.ERROR, message=message, value=len(on), limit=1)


def _faults(part: Part, planned: PlannedPart, faith: Faith, limits: Limits) -> Iterator[Finding]:
    """What is wrong with one part; errors put it outside the limits."""
    found, defects = faith.deviation, faith.defects
    if not defects.closed or defects.inside_out:
        message = (
            f"printed part {part.name} is no solid: {defects.open_edges} open, {defects.nonmanifold_edges} non-manifold"
            f" and {defects.misoriented_edges} misoriented edges, volume {defects.volume_mm3:.1f} mm3"
        )
        where = next(iter(defects.where_mm.values()), None)
        yield Finding(code="part-not-closed", severity=Severity.ERROR, part=part.name, message=message, where_mm=where)
    for name, value, limit in (
        ("max", found.max_mm, limits.deviation_max_mm),
        ("p95", found.p95_mm, limits.deviation_p95_mm),
    ):
        if value > limit:
            which = "at most" if name == "max" else "at 95 % of it"
            message = f"part {part.name} is {value:.3f} mm {which} from its source, limit {limit} mm"
            yield _over("deviation-over-limit", part.name, message + _why(part, planned), value, limit, found.where_mm)
            break
    percent = faith.volume_change_percent
    if abs(percent) > limits.volume_change_percent:
        message = (
            f"the volume of part {part.name} changed by {percent:+.2f} % that nobody asked for ("
            f"{faith.volume_source_mm3:.1f} to {faith.volume_mm3:.1f} mm3), limit {limits.volume_change_percent} %"
        )
        yield _over("volume-over-limit", part.name, message, percent, limits.volume_change_percent, None)
    if faith.unaccounted_mm3:
        message = (
            f"the changes that are declared for part {part.name} make {faith.wished_mm3:+.2f} mm3, its volume changed "
            f"by {faith.volume_mm3 - faith.volume_source_mm3:+.2f} mm3: something was done to it that nobody declared; "
            "prepare the case again"
        )
        yield _over("volume-unaccounted", part.name, message, round(faith.unaccounted_mm3, 4), 0.0, None)
    for change in faith.missing:
        message = f"part {part.name}: {change.what} is declared and is not there; prepare the case again"
        found_not = Finding(code="change-not-found", severity=Severity.ERROR, part=part.name, message=message)
        yield replace(found_not, where_mm=change.where_mm)
    if not faith.comparable:
        message = f"the source of part {part.name} is not closed: it encloses no certain volume to compare with"
        yield Finding(code="volume-unknown", severity=Severity.WARNING, part=part.name, message=message)
    if moved_mm := _moved_mm(part, planned):
        message = f"part {part.name} was moved by {moved_mm:.3f} mm against its source; parts keep their places"
        yield _over("parts-moved", part.name, message, moved_mm, MOVED_MM, None)


def _over(code: str, part: str, message: str, value: float, limit: float, where_mm: Point | None) -> Finding:
    return Finding(
        code=code, severity=Severity.ERROR, part=part, message=message, value=value, limit=limit, where_mm=where_mm
    )


def _moved_mm(part: Part, planned: PlannedPart) -> float:
    """How far the box of a part of unchanged size is from where it was; 0.0 within :data:`MOVED_MM`."""
    if np.abs(part.mesh.size_mm - planned.mesh.size_mm).max() > MOVED_MM:
        return 0.0
    shift = float(np.linalg.norm(part.mesh.bounds_mm.mean(axis=0) - planned.mesh.bounds_mm.mean(axis=0)))
    return shift if shift > MOVED_MM else 0.0


def _why(part: Part, planned: PlannedPart) -> str:
    """A likely reason, for the message."""
    ratio = planned.mesh.size_mm / np.maximum(part.mesh.size_mm, 1e-9)
    if ratio.min() > 0 and ratio.max() / ratio.min() < 1.001 and abs(ratio.mean() - 1) > 0.001:
        return f"; it is {ratio.mean():.4g} times as large as it should be"
    return ""
