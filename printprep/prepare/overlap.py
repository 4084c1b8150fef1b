"""Where printed parts overlap: who wins, and how much volume the others lose."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from printprep.case import Finding, Severity
from printprep.errors import MeshError
from printprep.geometry.shells import apart
from printprep.geometry.solid import Manifold, to_solid
from printprep.plan import Plan, PlannedPart

NOTHING_MM3 = 0.01
"""Less than this is rounding at a common wall."""


def lost_mm3(plan: Plan) -> tuple[dict[str, dict[str, float]], list[Finding]]:
    """By part the volume that each part of higher priority takes from it, exact, and what is wrong with the order.

    Both by their names in the case: what the pieces of a part lose adds up. Only parts of one piece, which is on one
    plate, overlap in print. The highest priority takes first, so that volume that three parts share is counted once.
    Parts that are no solids are left out; the certificate says of them that they are not closed.
    """
    solids = _Solids()
    lost: dict[str, dict[str, float]] = {part.source: {} for part in plan.parts}
    findings = _order(plan)
    usable = [part for part in plan.parts if len(part.mesh) and np.isfinite(part.mesh.vertices).all()]
    for i, part in enumerate(usable):
        rivals = [other for other in usable[i + 1 :] if _meet(plan, part, other)]
        rest = solids.of(part) if rivals else None
        ranked = sorted(rivals, key=lambda rival: -rival.priority)
        for other in ranked:
            solid = solids.of(other)
            if rest is None or solid is None:
                continue
            volume_mm3 = float((rest ^ solid).volume())
            if volume_mm3 <= NOTHING_MM3:
                continue
            lost[part.source][other.source] = lost[part.source].get(other.source, 0.0) + volume_mm3
            if other is not ranked[-1]:
                rest = rest - solid
            if other.priority == part.priority:
                findings.append(_equal(part, other, volume_mm3))
    return lost, findings


class _Solids:
    """Solids of the parts, each built once."""

    def __init__(self) -> None:
        self._known: dict[str, Manifold | None] = {}

    def of(self, part: PlannedPart) -> Manifold | None:
        if part.name not in self._known:
            try:
                self._known[part.name] = to_solid(part.mesh)
            except MeshError:
                self._known[part.name] = None
        return self._known[part.name]


def _meet(plan: Plan, a: PlannedPart, b: PlannedPart) -> bool:
    """Whether two parts are on one plate, in one piece, and they may share volume."""
    if a.piece != b.piece or not any(a.name in plate.parts and b.name in plate.parts for plate in plan.plates):
        return False
    return not apart(a.mesh, b.mesh)


def _order(plan: Plan) -> list[Finding]:
    """Parts that come after a part of higher priority: a slicer would let the wrong one win."""
    return [
        Finding(
            code="priority-not-honoured",
            severity=Severity.ERROR,
            part=later.name,
            message=f"part {later.name} (priority {later.priority}) is listed after part {earlier.name} (priority "
            f"{earlier.priority}): the slicer lets the later one win where they overlap; prepare the case again",
            value=later.priority,
            limit=earlier.priority,
        )
        for earlier, later in zip(plan.parts, plan.parts[1:], strict=False)
        if later.priority < earlier.priority
    ]


def _equal(part: PlannedPart, other: PlannedPart, volume_mm3: float) -> Finding:
    return Finding(
        code="priority-not-honoured",
        severity=Severity.ERROR,
        part=part.name,
        message=f"parts {part.name} and {other.name} overlap by {volume_mm3:.2f} mm3 and have the same priority "
        f"{part.priority}: nothing says which one wins",
        value=part.priority,
        limit=other.priority,
    )


def losses(plan: Plan, lost: Mapping[str, Mapping[str, float]], limit_percent: float) -> list[Finding]:
    """Findings for volume that a part loses: information; over the limit a warning, for a critical part an error.

    When several parts together take more than the limit, the one that takes most carries the warning.
    """
    findings = []
    for name, takers in lost.items():
        pieces = plan.pieces(name)
        if all(piece.added for piece in pieces):
            continue  # no anatomy: it ends in what it holds
        critical = any(piece.critical for piece in pieces)
        whole_mm3 = max(sum(piece.mesh.volume_mm3 for piece in pieces), 1e-9)
        total_mm3 = sum(takers.values())
        percent = 100.0 * total_mm3 / whole_mm3
        for taker, volume_mm3 in takers.items():
            share = 100.0 * volume_mm3 / whole_mm3
            heavy = percent > limit_percent and volume_mm3 == max(takers.values())
            over = heavy or share > limit_percent
            severity = (Severity.ERROR if critical else Severity.WARNING) if over else Severity.INFO
            message = (
                f"part {name} loses {volume_mm3:.2f} mm3 ({share:.2f} %) to part {taker}, which has the higher priority"
            )
            if severity is Severity.ERROR:
                message += f"; but {name} is critical: part them in the segmentation, or accept it with a reason"
            findings.append(
                Finding(
                    code="volume-lost-to-part",
                    severity=severity,
                    part=name,
                    message=message,
                    value=volume_mm3,
                    limit=limit_percent / 100.0 * whole_mm3,
                )
            )
    return findings
