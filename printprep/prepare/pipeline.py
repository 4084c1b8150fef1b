"""The stages of preparation, in order. Each is ``(Draft, Progress) -> Draft`` and lives in the file of its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from printprep.case import Case, settle, stopping
from printprep.errors import PrintprepError
from printprep.plan import Change, Plan, PlannedPart
from printprep.prepare.arrange import arrange
from printprep.prepare.assign import assign
from printprep.prepare.connect import connect
from printprep.prepare.draft import Draft, DraftPart
from printprep.prepare.floating import floating
from printprep.prepare.hollow import hollow
from printprep.prepare.inspect import inspect
from printprep.prepare.label import label
from printprep.prepare.orient import orient
from printprep.prepare.plugs import plugs
from printprep.prepare.repair import repair
from printprep.prepare.shape import shape
from printprep.prepare.split import split
from printprep.prepare.steer import steer
from printprep.prepare.support import support
from printprep.prepare.thin import thin
from printprep.prepare.zones import critical_of, keep_out_of
from printprep.profiles.load import Profiles
from printprep.profiles.models import Printer, Process
from printprep.progress import SILENT, Progress

Stage = Callable[[Draft, Progress], Draft]

STAGES: Final[tuple[Stage, ...]] = (
    inspect,
    repair,
    shape,
    assign,
    thin,
    connect,
    floating,
    orient,
    hollow,
    split,
    label,
    plugs,
    arrange,
    steer,
    support,
)
"""Every stage, in the order in which a part meets them."""


def begin(case: Case, printer: Printer, process: Process, profiles: Profiles, *, supports: bool = True) -> Draft:
    """A draft of ``case`` in which nothing is done yet."""
    parts = tuple(DraftPart(name=part.name, mesh=part.mesh) for part in case.parts)
    return Draft(case=case, printer=printer, process=process, profiles=profiles, parts=parts, supports=supports)


def prepare(draft: Draft, stages: tuple[Stage, ...] = STAGES, progress: Progress = SILENT) -> Draft:
    """Take ``draft`` through ``stages``; an error that the case did not accept ends the way after its stage.

    What a stage raises has the findings of those before it.
    """
    for stage in stages:
        try:
            draft = stage(draft, progress)
        except PrintprepError as exc:
            exc.gathered = draft.findings
            raise
        if stopping(settle(draft.findings, draft.case.accept)):
            break
    return draft


def plan_of(draft: Draft) -> Plan:
    """The plan that a draft has become after all stages."""
    changes: dict[str, tuple[Change, ...]] = {}
    for part in draft.parts:
        changes[part.source] = (*changes.get(part.source, ()), *part.changes)
    return Plan(
        case_id=draft.case.id,
        printer=draft.printer.id,
        process=draft.process.id,
        parts=tuple(_planned(draft, part) for part in sorted(draft.parts, key=lambda part: part.priority)),
        tools=draft.tools,
        plates=draft.plates,
        changes=changes,
        findings=draft.findings,
        supports=draft.supports,
        synthetic=draft.case.synthetic,
        cuts=draft.cuts,
        removals=draft.removals,
        keep_out=keep_out_of(draft),
        critical=critical_of(draft),
        support_zones=draft.support_zones,
        support_tool=draft.support_tool,
        orientations=draft.orientations,
    )


def _planned(draft: Draft, part: DraftPart) -> PlannedPart:
    asked = None if part.added else draft.case.part(part.source)
    if part.material is None or part.tool is None:
        raise ValueError(f"part {part.name} was not assigned: the stage assign comes before a plan")
    return PlannedPart(
        name=part.name,
        mesh=part.mesh,
        tissue=asked.tissue if asked else None,
        material=part.material,
        tool=part.tool,
        colour=part.colour,
        priority=part.priority,
        side=asked.side if asked else None,
        critical=asked.critical if asked else False,
        added=part.added,
        piece=part.piece,
        piece_of=part.piece_of,
    )
