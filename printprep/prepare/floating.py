"""Stage ``floating``: bodies that hold on to nothing, and would come off the print as loose pieces."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np

from printprep.case import Finding, Severity
from printprep.geometry.contact import MOST_BODIES, Cluster, clusters, solid_bodies
from printprep.geometry.mesh import Mesh
from printprep.geometry.specks import SPECK_MM3
from printprep.geometry.topology import edges
from printprep.prepare.draft import Draft, DraftPart
from printprep.progress import SILENT, Progress

MOST_NAMED: Final = 5
"""Loose bodies of one part that get a finding each, the largest; the last one counts the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """One of the separate bodies of a part."""

    part: str
    number: int  # 0 is the largest of its part
    mesh: Mesh


def floating(draft: Draft, progress: Progress = SILENT) -> Draft:
    """Find which bodies hold together, over all parts, and name those that hold on to none of the largest cluster.

    Adds ``floating-part`` for a cluster with the main body of a part in it, and ``floating-body`` for loose bodies of
    parts whose main body is elsewhere. Bodies that are too small to print are named by ``specks``. Parts that are not
    closed have no inside and are left out; ``not-a-solid`` was accepted for them.
    """
    with progress.step("floating"), ThreadPoolExecutor(os.cpu_count()) as pool:
        bodies = [body for found in pool.map(_bodies, draft.parts) for body in found]
        found = clusters([body.mesh for body in bodies], draft.case.limits.contact_mm2)
    return draft.with_findings(*findings_of(bodies, found, draft.case.limits.contact_mm2))


def _bodies(part: DraftPart) -> list[Body]:
    if not len(part.mesh) or not np.isfinite(part.mesh.vertices).all():
        return []
    found = edges(part.mesh)
    if (found.open | found.nonmanifold | found.misoriented).any():
        return []
    solids = solid_bodies(part.mesh, SPECK_MM3)
    return [Body(part=part.name, number=number, mesh=solid) for number, solid in enumerate(solids)]


def findings_of(bodies: Sequence[Body], found: Sequence[Cluster], enough_mm2: float) -> list[Finding]:
    """The findings that clusters of ``bodies`` mean; the first cluster is the one to hold on to.

    Bodies that touch by less than ``enough_mm2`` do not hold together.
    """
    findings = []
    told: Counter[str] = Counter()
    loose: dict[str, list[Cluster]] = {}
    for cluster in found[1:]:
        main = [bodies[i] for i in cluster.bodies if bodies[i].number == 0]
        if main:
            findings.append(_part(bodies, cluster, main, enough_mm2))
        else:
            loose.setdefault(bodies[cluster.bodies[0]].part, []).append(cluster)
    for part, mine in loose.items():
        for cluster in mine[:MOST_NAMED]:
            told[part] += 1
            rest = mine[MOST_NAMED:] if told[part] == MOST_NAMED else []
            findings.append(_body(bodies, cluster, rest, enough_mm2))
    return findings


def _part(bodies: Sequence[Body], cluster: Cluster, main: list[Body], enough_mm2: float) -> Finding:
    names = sorted({bodies[i].part for i in cluster.bodies})
    who = f"part {names[0]}" if len(names) == 1 else f"parts {', '.join(names)} hold together but, as one piece,"
    verb = "holds" if len(names) == 1 else "hold"
    return _finding("floating-part", main[0].part, f"{who} {verb} on to no other part", bodies, cluster, enough_mm2)


def _body(bodies: Sequence[Body], cluster: Cluster, rest: Sequence[Cluster], enough_mm2: float) -> Finding:
    first = bodies[cluster.bodies[0]]
    size = " x ".join(f"{v:.1f}" for v in first.mesh.size_mm)
    also = sorted({bodies[i].part for i in cluster.bodies} - {first.part})
    held = f", with bodies of {', '.join(also)}," if also else ""
    what = f"a body of part {first.part}, {size} mm, {cluster.volume_mm3:.1f} mm3{held} holds on to nothing"
    if rest:
        volume = sum(other.volume_mm3 for other in rest)
        what += f" (and so do {len(rest)} smaller ones of {volume:.1f} mm3 in all)"
        if sum(body.part == first.part for body in bodies) == MOST_BODIES:
            what += f"; only the {MOST_BODIES} largest bodies were looked at"
    return _finding("floating-body", first.part, what, bodies, cluster, enough_mm2)


def _finding(code: str, part: str, what: str, bodies: Sequence[Body], cluster: Cluster, enough_mm2: float) -> Finding:
    nearest = "part any"
    if cluster.nearest is not None:
        other = bodies[cluster.nearest].part
        nearest = f"another body of part {other}" if other == part else f"part {other}"
    if cluster.contact_mm2 > 0 or cluster.gap_mm < 1e-3:
        how = f"it touches {nearest} by only {cluster.contact_mm2:.2f} mm2, less than {enough_mm2:g} mm2"
    else:
        how = f"the nearest is {nearest}, {cluster.gap_mm:.2f} mm away"
    return Finding(
        code=code,
        severity=Severity.WARNING,
        part=part,
        message=f"{what}: {how}; it will be a loose piece. Connect it in the segmentation, or accept {code}",
        value=round(cluster.gap_mm, 3),
        limit=0.0,
        where_mm=cluster.where_mm,
    )
