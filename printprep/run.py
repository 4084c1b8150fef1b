"""The whole way of a part, a line a step; the command line and the lab both call :func:`run_case`.

    read -> inspect -> repair -> prepare -> certify -> slice -> prove -> guard -> price -> report

Every step takes the :class:`RunResult` so far and answers one with more in it. A finding of severity error that the
case does not accept ends the way after its step; what was made until then stands in the result.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from printprep.case import Case, Finding, settle, stopping
from printprep.cost import price, total
from printprep.errors import PrintprepError
from printprep.files import sha256_of, write_bytes
from printprep.formats.threemf import read_prepared, write_prepared
from printprep.gcode.guard import guard
from printprep.lock import CERTIFICATE, PREPARED, break_lock, write_lock
from printprep.plan import Certificate, Estimate, Plan, Plate, SlicedPlate
from printprep.prepare.certify import certify, together
from printprep.prepare.draft import Draft
from printprep.prepare.faithful import field_of
from printprep.prepare.intake import read_case
from printprep.prepare.pipeline import STAGES, Stage, begin, plan_of, prepare
from printprep.profiles.load import Profiles
from printprep.profiles.models import Printer, Process
from printprep.progress import SILENT, Progress
from printprep.report.document import document
from printprep.report.heat import Layer
from printprep.report.pictures import Picture
from printprep.report.proof import IDENTICAL_MM
from printprep.report.sides import deviation_pictures
from printprep.report.worst import Colours, worst_pictures
from printprep.report.write import write_certificate, write_report
from printprep.safety import anatomy_words, files_not_named_as, guard_limits, takes_mm3
from printprep.slicers import check_slicer, slice_plate
from printprep.slicers.moved import slice_moving
from printprep.slicers.proven import in_case_frame, proving, solids_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for on the command line or by the lab."""

    sources: tuple[Path, ...]  # one case.toml, one folder, or meshes
    printer: str  # id of a printer profile
    process: str  # id of a process profile
    out: Path  # folder for what is made
    units: str | None = None
    scale: float | None = None
    case_id: str | None = None
    synthetic: bool = False
    supports: bool = True
    timeout_s: float = 3600.0  # for one plate in a slicer
    slicer: str | None = None  # id of an engine; None: the case's, or the first that fits the printer


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What a run has made so far."""

    request: Request
    printer: Printer
    process: Process
    profiles: Profiles
    case: Case | None = None
    draft: Draft | None = None
    plan: Plan | None = None
    certificate: Certificate | None = None
    plates: tuple[SlicedPlate, ...] = ()
    estimate: Estimate | None = None  # of all plates
    findings: tuple[Finding, ...] = ()
    worst: dict[int, tuple[Picture, ...]] = field(default_factory=dict)  # of layers to look at, by plate
    timings_s: dict[str, float] = field(default_factory=dict)

    @property
    def stopped(self) -> bool:
        """Whether findings of severity error ended the way."""
        return bool(stopping(self.findings))


Step = Callable[[RunResult, Progress], RunResult]


def run_case(
    request: Request,
    profiles: Profiles,
    until: str = "report",
    progress: Progress = SILENT,
    *,
    past_errors: bool = False,
) -> RunResult:
    """Take a case along the way, up to and including the step ``until`` (a key of :data:`STEPS`).

    With ``past_errors`` a finding of severity error does not end the way: only to name all defects at once, up to the
    step ``repair``.

    Raises
    ------
    PrintprepError
        What cannot be read, does not fit, or what a slicer did wrong, with what was found until then; nothing half made
        is left under a final name.
    """
    result = RunResult(
        request=request,
        printer=profiles.printer(request.printer),
        process=profiles.process(request.process),
        profiles=profiles,
    )
    steps = list(STEPS)
    if steps.index(until) >= steps.index("certify"):
        break_lock(request.out)
    for name, step in STEPS.items():
        started_s = time.perf_counter()
        try:
            result = step(result, progress)
        except PrintprepError as exc:
            exc.gathered = _gathered(result, exc)
            raise
        if name == "read" and steps.index(until) >= steps.index("slice"):
            check_slicer(result.printer, _slicer(result))  # before minutes are spent on the rest
        result = replace(result, timings_s={**result.timings_s, name: round(time.perf_counter() - started_s, 3)})
        if name == until or (result.stopped and not past_errors):
            break
    return result


def read(result: RunResult, progress: Progress) -> RunResult:
    """Read the case: meshes in mm, in one frame, at the scale of the print."""
    wish = result.request
    case = read_case(
        wish.sources,
        result.profiles,
        units=wish.units,
        scale=wish.scale,
        case_id=wish.case_id,
        synthetic=wish.synthetic,
        progress=progress,
    )
    return replace(
        _with_findings(replace(result, case=case), case.findings),
        draft=begin(case, result.printer, result.process, result.profiles, supports=wish.supports),
    )


def inspect(result: RunResult, progress: Progress) -> RunResult:
    """Name the defects of every mesh."""
    return _through(result, STAGES[:1], progress)


def mend(result: RunResult, progress: Progress) -> RunResult:
    """Repair every mesh, measured, or refuse it; and measure the walls of what is a solid then."""
    return _through(_through(result, STAGES[1:2], progress), STAGES[2:3], progress)


def prepare_parts(result: RunResult, progress: Progress) -> RunResult:
    """Assign, connect, orient, hollow, split, label, arrange, support; what comes out is the plan."""
    result = _through(result, STAGES[3:], progress)
    if result.stopped or result.draft is None:
        return result
    return replace(result, plan=plan_of(result.draft))


def certify_plan(result: RunResult, progress: Progress) -> RunResult:
    """Write prepared.3mf, read it back, and measure what was read against what was asked for."""
    case, plan = _case(result), _plan(result)
    prepared = result.request.out / PREPARED
    prepared.parent.mkdir(parents=True, exist_ok=True)
    write_prepared(prepared, plan)
    certificate = certify(case, read_prepared(prepared, plan), sha256_of(prepared), progress)
    result = _with_findings(replace(result, certificate=certificate), certificate.findings)
    write_certificate(result.request.out / CERTIFICATE, case, plan, certificate, result.findings)
    return result


def slice_plates(result: RunResult, progress: Progress) -> RunResult:
    """Slice every plate and compare what was requested with what the engine resolved."""
    wish, before = result.request, _plan(result)

    def slice_it(plan: Plan, plate: Plate) -> SlicedPlate:
        slicer, timeout_s = _slicer(result), wish.timeout_s
        return slice_plate(
            plan, plate, result.profiles, wish.out, slicer=slicer, timeout_s=timeout_s, progress=progress
        )

    plan, plates, moved = slice_moving(before, result.printer.bed, slice_it)
    result = replace(result, plan=plan)
    if plan is not before and result.certificate is not None:  # what it speaks of stands elsewhere now
        known = settle(result.certificate.findings, _case(result).accept)
        result = certify_plan(replace(result, findings=tuple(f for f in result.findings if f not in known)), progress)
    found = (*moved, *(finding for plate in plates for finding in plate.findings))
    return _with_findings(replace(result, plates=plates), found)


def prove_plates(result: RunResult, progress: Progress) -> RunResult:
    """Prove that each file still holds the anatomy, whatever its slicer said; the certificate says so."""
    plan, case = _plan(result), _case(result)
    by_index = {plate.index: plate for plate in plan.plates}
    critical = frozenset(part.name for part in plan.parts if part.critical)
    plates: list[SlicedPlate] = []
    findings: list[Finding] = []
    pictures: dict[int, tuple[Picture, ...]] = {}
    for sliced in result.plates:
        plate = by_index[sliced.index]
        solids = solids_of(plan.parts, plate)
        with (
            progress.step(f"prove plate {plate.index}"),
            proving(sliced.file, solids, result.printer, case.limits, critical) as proved,
        ):
            findings += [in_case_frame(finding, plan, plate) for finding in proved.proof.findings]
            colours = Colours(
                parts=[plan.part(solid.name).colour for solid in solids],
                tools={load.tool: load.colour for load in plan.tools},
            )
            shown = worst_pictures(proved.proof, proved.checked, proved.comparison, colours, plate.index)
        for worst, picture in shown:
            write_bytes(result.request.out / worst.picture, picture.png)
        pictures[plate.index] = tuple(picture for _, picture in shown)
        plates.append(replace(sliced, held=proved.proof.held, worst=tuple(worst for worst, _ in shown)))
    result = _with_findings(replace(result, plates=tuple(plates), worst=pictures), tuple(findings))
    if result.certificate is not None:
        path = result.request.out / CERTIFICATE
        write_certificate(path, case, plan, result.certificate, result.findings, result.plates)
    return result


def guard_plates(result: RunResult, progress: Progress) -> RunResult:
    """Let nothing dangerous or identifying leave the house."""
    gcode = [plate for plate in result.plates if plate.file.suffix == ".gcode"]
    if not gcode:
        return result  # a resin file holds pictures and numbers that we wrote ourselves
    materials = {tool.tool: result.profiles.material(tool.material) for tool in _plan(result).tools}
    parts = _case(result).parts
    names = files_not_named_as([Path(part.source.file).stem for part in parts], [part.name for part in parts])
    words = (*anatomy_words(result.profiles), *(part.name for part in _plan(result).parts))
    by_index = {plate.index: plate for plate in _plan(result).plates}
    findings: list[Finding] = []
    for plate in gcode:
        amount = takes_mm3(_plan(result), by_index[plate.index], result.printer, result.process)
        with progress.step(f"guard plate {plate.index}"):
            findings += guard(plate.file, guard_limits(result.printer, materials, names, words, amount))
    return _with_findings(result, tuple(findings))


def price_plates(result: RunResult, progress: Progress) -> RunResult:  # noqa: ARG001 - every step has this shape
    """Say what each plate and the whole costs, and lock what was made."""
    result = _priced(result)
    write_lock(result.request.out, _case(result), _plan(result), result.plates)
    return result


def report(result: RunResult, progress: Progress) -> RunResult:
    """Write report.json for programs and report.html for people, and lock them too."""
    out = result.request.out
    with progress.step("report"):
        reports = write_report(
            out,
            document_of(result),
            result.case,
            result.plan,
            result.printer,
            result.profiles,
            deviations_of(result),
            result.plates,
            result.worst,
        )
        write_lock(out, _case(result), _plan(result), result.plates, tuple(path.name for path in reports))
    return result


def deviations_of(result: RunResult) -> dict[str, tuple[Picture, ...]]:
    """Pictures of how far each part is from its source, of those that are not identical."""
    case, plan = _case(result), _plan(result)
    worst = {part.name: part.deviation for part in result.certificate.parts} if result.certificate else {}
    pictures: dict[str, tuple[Picture, ...]] = {}
    for part in case.parts:
        pieces, changes = plan.pieces(part.name), plan.changes.get(part.name, ())
        off = field_of(part, together(pieces), changes, plan.cuts, case.label) if pieces else None
        if off is None:
            continue
        deviation = worst.get(part.name)
        far = deviation is not None and deviation.max_mm > IDENTICAL_MM
        pictures[part.name] = deviation_pictures(
            (Layer(off.printed, off.of_printed), Layer(off.source, off.of_source)),
            case.limits,
            changes,
            deviation.where_mm if deviation is not None and far else None,
            frame=case.frame,
            mirrored=case.mirrored,
            signed=off.signed,
        )
    return pictures


STEPS: Final[dict[str, Step]] = {
    "read": read,
    "inspect": inspect,
    "repair": mend,
    "prepare": prepare_parts,
    "certify": certify_plan,
    "slice": slice_plates,
    "prove": prove_plates,
    "guard": guard_plates,
    "price": price_plates,
    "report": report,
}
"""The way, in order."""


def document_of(result: RunResult) -> dict[str, Any]:
    """The JSON document of a result, complete or stopped."""
    return document(
        case=result.case,
        plan=result.plan,
        certificate=result.certificate,
        plates=result.plates,
        estimate=result.estimate,
        findings=result.findings,
        timings_s=result.timings_s,
        shapes={part.source: (part.survey, part.thickness) for part in result.draft.parts} if result.draft else {},
    )


def _priced(result: RunResult) -> RunResult:
    """With what each plate and the whole costs."""
    lab = result.profiles.lab()
    count = len(result.plates)
    plates = tuple(
        replace(
            plate,
            estimate=price(
                plate.estimate,
                printer=result.printer,
                profiles=result.profiles,
                lab=lab,
                plates=count,
                plate=plate.index,
            ),
        )
        for plate in result.plates
    )
    return replace(result, plates=plates, estimate=total([plate.estimate for plate in plates]))


def _through(result: RunResult, stages: tuple[Stage, ...], progress: Progress) -> RunResult:
    """Take the draft through stages and settle what they found."""
    assert result.draft is not None
    known = len(result.draft.findings)
    draft = prepare(result.draft, stages, progress)
    return _with_findings(replace(result, draft=draft), draft.findings[known:])


def _gathered(result: RunResult, error: PrintprepError) -> tuple[Finding, ...]:
    """All findings until ``error``: those of the steps before it, and of the stages before it in its own step."""
    known = len(result.draft.findings) if result.draft is not None else 0
    accept = result.case.accept if result.case is not None else ()
    return (*result.findings, *settle(error.gathered[known:], accept))


def _with_findings(result: RunResult, findings: tuple[Finding, ...]) -> RunResult:
    """The result with more findings, each with the case's reason if it accepts it."""
    return replace(result, findings=(*result.findings, *settle(findings, _case(result).accept)))


def _slicer(result: RunResult) -> str | None:
    """The engine that was asked for: on the command line, or by the case for printers that extrude; None: the first."""
    said = _case(result).slicer if result.printer.technology == "fdm" else None
    return result.request.slicer or said


def _case(result: RunResult) -> Case:
    assert result.case is not None, "the step read comes first"
    return result.case


def _plan(result: RunResult) -> Plan:
    assert result.plan is not None, "the step prepare comes first"
    return result.plan
