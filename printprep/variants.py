"""A case in many ways, told without slicing: printers, ways up, processes, heights of layers, densities of filling.

    repaired -> each printer: assigned, oriented -> each way up: prepared -> each process: cut -> each filling: told

What two variants have in common is made once: a way up is prepared for the first of the printers that would print it
alike, and a plate is cut once for all of them and all fillings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from printprep.case import settle, stopping
from printprep.cost import price, total
from printprep.errors import PrintprepError
from printprep.geometry.orient import rotation_to_up
from printprep.plan import Estimate, Orientation, Plan
from printprep.prepare.arrange import arrange
from printprep.prepare.draft import Draft
from printprep.prepare.orient import orient
from printprep.prepare.pipeline import STAGES, plan_of, prepare
from printprep.profiles.models import FdmProcess, Printer
from printprep.progress import SILENT, Progress
from printprep.run import Request, RunResult, prepare_parts
from printprep.slicers import check_slicer
from printprep.slicers.ahead import cut_of, estimate_ahead, range_s, with_process
from printprep.slicers.cut import CutPlate
from printprep.slicers.job import check_layers

_TO_ORIENT = STAGES[3 : STAGES.index(orient) + 1]
_BEYOND = STAGES[STAGES.index(orient) + 1 :]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """Which variants are asked for: all that these make together."""

    printers: tuple[str, ...]  # ids of profiles
    processes: tuple[str, ...]
    ways: int = 1  # up, the best and the next best
    layers_mm: tuple[float, ...] = ()  # instead of the process's
    infills_percent: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One variant, or why there is none."""

    printer: str
    process: str
    layer_mm: float
    infill_percent: float | None  # None: it is printed by light
    way: int  # number of the way up, 1 the best; 0: it is the one that the case asks for
    up: tuple[float, float, float] | None = None
    estimate: Estimate | None = None
    range_s: tuple[float, float] | None = None
    problem: str | None = None


def told_case(mended: RunResult, request: Request, progress: Progress = SILENT) -> RunResult:
    """Prepare a case that went through the step ``repair`` as it is asked for, and tell ahead what it takes.

    Raises
    ------
    PrintprepError
        What does not fit, what cannot be told, and an engine that is not there to slice it afterwards.
    """
    result = mended_for(mended, request)
    check_slicer(result.printer)
    result = prepare_parts(result, progress)
    return result if result.stopped else replace(result, estimate=told_ahead(result))


def told_ahead(result: RunResult) -> Estimate:
    """What a case that went through the step ``prepare`` would take, told from its sections and priced; not sliced."""
    assert result.plan is not None
    plan, lab, count = result.plan, result.profiles.lab(), len(result.plan.plates)
    return total(
        price(
            estimate_ahead(plan, plate, result.profiles),
            printer=result.printer,
            profiles=result.profiles,
            lab=lab,
            plates=count,
            plate=plate.index,
        )
        for plate in plan.plates
    )


def mended_for(mended: RunResult, request: Request) -> RunResult:
    """What went through the step ``repair`` for one printer, for another: nothing until then depends on it."""
    assert mended.draft is not None
    printer, process = mended.profiles.printer(request.printer), mended.profiles.process(request.process)
    draft = replace(mended.draft, printer=printer, process=process, supports=request.supports)
    return replace(mended, request=request, printer=printer, process=process, draft=draft)


Kind = tuple[object, ...]


@dataclass(slots=True)
class _Standing:
    """A way up, prepared, and what was cut of it."""

    draft: Draft
    way: Orientation
    cuts: dict[Kind, CutPlate]


def told_variants(mended: RunResult, wishes: Wishes, progress: Progress = SILENT) -> tuple[Told, ...]:
    """All variants of a case that went through the step ``repair``, the quickest first, what cannot be printed last."""
    known: dict[Kind, list[_Standing]] = {}
    found: list[Told] = []
    with progress.step("tell") as step:
        for done, name in enumerate(wishes.printers):
            step.advance(done / len(wishes.printers), name)
            try:
                for standing in _standing(mended, name, wishes.ways, known):
                    found += _of_way(mended, standing, wishes)
            except PrintprepError as exc:
                fdm = mended.profiles.process(wishes.processes[0]).fdm
                found.append(_failed(name, wishes.processes[0], fdm, 0, exc))
    return tuple(sorted(found, key=lambda one: (one.estimate is None, one.estimate and one.estimate.duration_s)))


def _standing(mended: RunResult, name: str, ways: int, known: dict[Kind, list[_Standing]]) -> list[_Standing]:
    """The case as it stands on a printer, each way up."""
    request = replace(mended.request, printer=name)
    draft = mended_for(mended, request).draft
    assert draft is not None
    assigned = prepare(draft, STAGES[3:4])
    kind = _kind(assigned)
    alike = [_moved(one, assigned.printer) for one in known.get(kind, ())]
    if alike and all(alike):
        return [one for one in alike if one is not None]
    oriented = _checked(prepare(draft, _TO_ORIENT))
    listed = [one for one in oriented.orientations if one.chosen]
    listed += [one for one in oriented.orientations if not one.chosen and one.number and one.fits]
    found = [
        _Standing(draft=_checked(prepare(_turned(oriented, way), _BEYOND)), way=way, cuts={}) for way in listed[:ways]
    ]
    known.setdefault(kind, found)
    return found


def _kind(draft: Draft) -> Kind:
    """What decides how a body is prepared, beside the size of the bed."""
    nozzle_mm = None if draft.printer.fdm is None else draft.printer.fdm.nozzle_mm
    light = None if draft.printer.resin is None else draft.printer.id
    parts = tuple((part.name, part.tool, part.material, part.priority) for part in draft.parts)
    return nozzle_mm, light, draft.support_tool, parts


def _moved(one: _Standing, printer: Printer) -> _Standing | None:
    """The same on the bed of another printer; None: it was cut, or does not fit there as it stands."""
    if one.draft.cuts or len(one.draft.plates) > 1:
        return None
    known = len(one.draft.findings)
    try:
        moved = arrange(replace(one.draft, printer=printer, plates=()), SILENT)
    except PrintprepError:
        return None
    if len(moved.plates) > 1 or stopping(settle(moved.findings[known:], moved.case.accept)):
        return None
    return replace(one, draft=moved)


def _turned(draft: Draft, way: Orientation) -> Draft:
    ways = tuple(replace(one, chosen=one is way) for one in draft.orientations)
    return replace(draft, rotation=rotation_to_up(way.pose.up), orientations=ways)


def _checked(draft: Draft) -> Draft:
    stops = stopping(settle(draft.findings, draft.case.accept))
    if stops:
        raise PrintprepError("; ".join(finding.message for finding in stops))
    return draft


def _of_way(mended: RunResult, standing: _Standing, wishes: Wishes) -> Iterator[Told]:
    """Every process and filling of a way up on a printer."""
    plan = plan_of(standing.draft)
    for process in wishes.processes:
        own = mended.profiles.process(process).fdm
        fillings = _fillings(own, wishes) if standing.draft.printer.resin is None else [own]
        for fdm in fillings:
            try:
                yield _told(mended, with_process(plan, process), standing, fdm)
            except PrintprepError as exc:
                yield _failed(plan.printer, process, fdm, standing.way.number, exc)


def _fillings(process: FdmProcess, wishes: Wishes) -> list[FdmProcess]:
    return [
        process.model_copy(update={"layer_height_mm": layer_mm, "infill_percent": infill})
        for layer_mm in wishes.layers_mm or (process.layer_height_mm,)
        for infill in wishes.infills_percent or (process.infill_percent,)
    ]


def _told(mended: RunResult, plan: Plan, standing: _Standing, fdm: FdmProcess) -> Told:
    profiles, printer = mended.profiles, standing.draft.printer
    light = printer.resin is not None
    if printer.fdm is not None:
        check_layers(plan, fdm, printer.fdm)
    priced = []
    for plate in plan.plates:
        cut = None if light else _cut(standing, plan, plate.index, fdm)
        told = estimate_ahead(plan, plate, profiles, process=fdm, cut=cut)
        priced.append(
            price(
                told,
                printer=printer,
                profiles=profiles,
                lab=profiles.lab(),
                plates=len(plan.plates),
                plate=plate.index,
            )
        )
    estimate = total(priced)
    layer_mm = profiles.process(plan.process).resin.layer_height_mm if light else fdm.layer_height_mm
    return Told(
        printer=plan.printer,
        process=plan.process,
        layer_mm=layer_mm,
        infill_percent=None if light else fdm.infill_percent,
        way=standing.way.number,
        up=standing.way.pose.up,
        estimate=estimate,
        range_s=range_s(estimate.duration_s, printer),
    )


def _cut(standing: _Standing, plan: Plan, index: int, fdm: FdmProcess) -> CutPlate:
    """A plate, cut once for all that have the same layers."""
    layers = (fdm.layer_height_mm, fdm.first_layer_height_mm, fdm.top_layers, fdm.bottom_layers)
    key = (index, *layers, fdm.overhang_angle_deg)
    if key not in standing.cuts:
        plate = next(plate for plate in plan.plates if plate.index == index)
        standing.cuts[key] = cut_of(plan, plate, fdm)
    return standing.cuts[key]


def _failed(printer: str, process: str, fdm: FdmProcess, way: int, exc: PrintprepError) -> Told:
    return Told(
        printer=printer,
        process=process,
        layer_mm=fdm.layer_height_mm,
        infill_percent=fdm.infill_percent,
        way=way,
        problem=str(exc),
    )
