"""Stage ``repair``: every part becomes a solid by measured steps, or is refused with its reason."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

from printprep.case import Finding, Severity, settle, stopping
from printprep.geometry import repair as geometry
from printprep.geometry.mend import Step
from printprep.geometry.renew import Renewed
from printprep.geometry.repair import Refusal, Repaired
from printprep.geometry.settle import VOLUME_SHARE
from printprep.geometry.specks import SPECK_MM3
from printprep.opaque import dates_in
from printprep.plan import Change
from printprep.prepare.draft import Draft, DraftPart
from printprep.prepare.sheets import explain
from printprep.progress import SILENT, Progress

MUCH_INVENTED: Final = 0.1
"""Share of a surface: where patches are more of it, a person is told to look at them."""
_NUMBER: Final = re.compile(r"\d{3}")
"""What in the name of an object could be the number of a patient; those of segments are shorter."""


def repair(draft: Draft, progress: Progress = SILENT) -> Draft:
    """Repair every part that needs it. Parts that are closed and clean come out as the very same mesh."""
    limit_mm = draft.case.limits.deviation_max_mm

    def work(part: DraftPart) -> Repaired:
        return geometry.repair(
            part.mesh,
            accept_inside_out=_turning_is_accepted(draft, part.name),
            defects=part.defects,
            limit_mm=limit_mm,
            drop_below_mm3=draft.case.part(part.name).drop_below_mm3 or 0.0,
        )

    results: list[Repaired] = []
    with progress.step("repair") as step, ThreadPoolExecutor(os.cpu_count()) as pool:
        for result in pool.map(work, draft.parts):
            results.append(result)
            step.advance(len(results) / len(draft.parts), draft.parts[len(results) - 1].name)
    sheets = _of_sheets(draft, results)
    parts: list[DraftPart] = []
    findings: list[Finding] = []
    for before, result in zip(draft.parts, results, strict=True):
        part, found = _apply(before, result, sheets.get(before.name))
        parts.append(part)
        findings.extend(found)
    known = {(finding.code, finding.part) for finding in draft.findings}
    new = [finding for finding in findings if (finding.code, finding.part) not in known]
    parts = [replace(part, defects=None) for part in parts]  # later stages change meshes
    return replace(draft, parts=tuple(parts)).with_findings(*new)


def _of_sheets(draft: Draft, results: list[Repaired]) -> dict[str, str]:
    """What each part that was refused as an open sheet is a piece of, by its name."""
    pairs = [(part.name, result) for part, result in zip(draft.parts, results, strict=True)]
    sheets = {name: result.mesh for name, result in pairs if result.refusal is not None and result.refusal.sheet}
    solids = {name: result.mesh for name, result in pairs if result.refusal is None}
    return explain(sheets, solids, _objects(draft, sheets)) if sheets and len(pairs) > 1 else {}


def _objects(draft: Draft, names: Iterable[str]) -> dict[str, tuple[str, str | None]]:
    """File and object of parts that are one object; findings travel, so what could name a person is left out."""
    found: dict[str, tuple[str, str | None]] = {}
    for name in names:
        source = draft.case.part(name).source
        if len(source.objects) == 1:
            (said,) = source.objects
            doubtful = draft.profiles.foreign_words(said) or dates_in(said) or _NUMBER.search(said)
            found[name] = source.file, None if doubtful else said
    return found


def _turning_is_accepted(draft: Draft, part: str) -> bool:
    """Whether the case says that an inside-out part is a matter of winding and not of a mirrored file."""
    question = Finding(code="inside-out", severity=Severity.ERROR, part=part, message="")
    return not stopping(settle((question,), draft.case.accept))


def _apply(part: DraftPart, result: Repaired, piece_of: str | None = None) -> tuple[DraftPart, list[Finding]]:
    if result.refusal is not None:
        return part, [_refused(part.name, result.refusal, piece_of)]
    if not result.changed:
        return part, _left(part, result)
    changes = tuple(
        Change(
            stage="repair",
            what=step.what,
            volume_mm3=step.volume_mm3,
            area_mm2=step.area_mm2,
            where_mm=step.where_mm,
            rebuilt_mm=step.rebuilt_mm,
        )
        for step in result.steps
    )
    mended = replace(part, mesh=result.mesh, changes=(*part.changes, *changes))
    return mended, [*_done(part.name, result), *_left(part, result)]


def _refused(part: str, refusal: Refusal, piece_of: str | None) -> Finding:
    code = "inside-out" if refusal.inside_out else "not-a-solid"
    message = f"part {part} cannot be made a solid: {refusal.reason}"
    message += f"; {piece_of}" if piece_of else ""
    return Finding(code=code, severity=Severity.ERROR, part=part, message=message, where_mm=refusal.where_mm)


def _done(part: str, result: Repaired) -> list[Finding]:
    """What was mended, and how much surface was invented for it."""
    far = f", at most {result.deviation.max_mm:.4f} mm from the source" if result.deviation else ""
    message = f"part {part} was repaired in {len(result.steps)} steps{far}: {result.steps[0].what}"
    message += ", and more" if len(result.steps) > 1 else ""
    findings = [
        Finding(code="repaired", severity=Severity.INFO, part=part, message=message, value=len(result.steps)),
    ]
    if result.rebuilt is not None:
        findings.append(_rebuilt(part, result.rebuilt))
    findings.extend(
        Finding(
            code="rebuilt",
            severity=Severity.WARNING,
            part=part,
            message=f"part {part}: {step.what}",
            value=step.rebuilt_mm,
            where_mm=step.where_mm,
        )
        for step in (result.steps[:-1] if result.rebuilt else result.steps)  # the last is that of the whole
        if step.rebuilt_mm > 0
    )
    findings.extend(_gone(part, result.steps))
    findings.extend(_merged(part, result.steps))
    return [*findings, *_patched(part, result)]


def _patched(part: str, result: Repaired) -> list[Finding]:
    """How much surface was invented, as a share of all, and where most of it is."""
    patches = [step for step in result.steps if step.area_mm2 > 0]
    if not patches:
        return []
    largest, total = max(patches, key=lambda step: step.area_mm2), sum(step.area_mm2 for step in patches)
    share = total / max(result.mesh.area_mm2, total)
    message = (
        f"part {part}: {len(patches)} holes were closed with {total:.2f} mm2 of invented surface, as much as "
        f"{share:.1%} of all its surface; the largest patch has {largest.area_mm2:.2f} mm2 and is "
        f"{largest.across_mm:.1f} mm across"
    )
    if share >= MUCH_INVENTED:
        message += (
            f". That is over {MUCH_INVENTED:.0%}: nobody measured what is there. Let whoever knows the anatomy look at "
            "each patch (numbered in the report, listed in the certificate), or segment what is missing"
        )
    found = Finding(code="patched", severity=Severity.WARNING, part=part, message=message, value=total)
    return [replace(found, where_mm=largest.where_mm)]


def _gone(part: str, steps: tuple[Step, ...]) -> list[Finding]:
    """What the case let go."""
    gone = [step for step in steps if step.dropped]
    if not gone:
        return []
    count, volume_mm3 = sum(step.dropped for step in gone), sum(step.volume_mm3 for step in gone)
    message = (
        f"part {part}: {count} bodies and voids were dropped, {volume_mm3:+.3f} mm3 in all, as the case allows; the "
        f"first: {gone[0].what}"
    )
    where = gone[0].where_mm
    found = Finding(code="specks-dropped", severity=Severity.INFO, part=part, message=message, value=count)
    return [replace(found, where_mm=where)]


def _merged(part: str, steps: tuple[Step, ...]) -> list[Finding]:
    """Bodies inside bodies: by their winding solid in solid, but it may have been a cavity that somebody turned."""
    merged = [step for step in steps if step.merged_mm3 >= SPECK_MM3]
    if not merged:
        return []
    largest, total = max(merged, key=lambda step: step.merged_mm3), sum(step.merged_mm3 for step in merged)
    message = (
        f"part {part}: {len(merged)} bodies of {total:.1f} mm3 in all lie inside another body and face out like it, so "
        "that is printed solid; if one of them is a cavity, turn it in the segmentation"
    )
    found = Finding(code="body-in-body", severity=Severity.WARNING, part=part, message=message, value=total)
    return [replace(found, where_mm=largest.where_mm)]


def _rebuilt(part: str, rebuilt: Renewed) -> Finding:
    """That every vertex is new, why, and how far from the source."""
    far = rebuilt.deviation
    measured = f"at most {far.max_mm:.3f} mm and 95 % {far.p95_mm:.3f} mm from the source, " if far else ""
    message = (
        f"the whole surface of part {part} was rebuilt on a grid of {rebuilt.step_mm:.3f} mm, {measured}volume "
        f"{rebuilt.volume_mm3:+.2f} mm3; 99 % of its walls are {rebuilt.wall_mm:.2f} mm or more, and what is thinner "
        f"than the grid may be lost. Before: {rebuilt.why}"
    )
    return Finding(
        code="rebuilt",
        severity=Severity.WARNING,
        part=part,
        message=message,
        value=rebuilt.step_mm,
        where_mm=far.where_mm if far else None,
    )


def _left(part: DraftPart, result: Repaired) -> list[Finding]:
    """What the solid still has; its volume was checked to be enclosed once."""
    found = result.crossing
    if found is None:
        return []
    volume_mm3 = max(result.mesh.volume_mm3, 1e-9)
    x, y, z = found.size_mm
    where = "in one place" if found.places == 1 else f"in {found.places} places, the largest"
    message = (
        f"part {part.name}: {found.faces} faces still run through others after repair, {where} of {x:.1f} x {y:.1f} x "
        f"{z:.1f} mm. {found.twice_mm3:.2f} mm3 ({found.twice_mm3 / volume_mm3:.3%} of the volume) are enclosed twice, "
        f"which is printed once, and {found.inverted_mm3:.2f} mm3 ({found.inverted_mm3 / volume_mm3:.3%}) inside out, "
        f"which a slicer may fill or leave out (limit {VOLUME_SHARE:.1%} each). Look at the layers there, or "
        "segment the folds away where they matter"
    )
    return [
        Finding(
            code="self-intersection-left",
            severity=Severity.WARNING,
            part=part.name,
            message=message,
            value=found.faces,
            where_mm=found.where_mm,
        )
    ]
