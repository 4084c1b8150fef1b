"""Writes the certificate, and the report of a run: report.json for programs, report.html for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from printprep.case import Case, Finding
from printprep.files import write_text
from printprep.plan import Certificate, Plan, SlicedPlate
from printprep.profiles.load import Profiles
from printprep.profiles.models import Printer
from printprep.report.document import VERSION, Json, case_json, finding_json
from printprep.report.html import write_html
from printprep.report.pictures import Picture, bed_view, three_views
from printprep.report.printed import printed_view
from printprep.report.proof import printed_json, proof
from printprep.report.saved import NAME


def write_certificate(
    path: Path,
    case: Case,
    plan: Plan,
    certificate: Certificate,
    findings: Sequence[Finding],
    plates: Sequence[SlicedPlate] = (),
) -> None:
    """Write certificate.json; its shape is :func:`printprep.report.proof.certificate_schema`.

    It is written when the parts stand, and once more when the files of the ``plates`` are proved.
    """
    said = {
        "version": VERSION,
        "case": case_json(case, plan),
        "certificate": proof(certificate, plan),
        "printed": printed_json(plates),
        "findings": [finding_json(finding) for finding in findings],
    }
    write_text(path, json.dumps(said, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def write_report(
    folder: Path,
    document: Json,
    case: Case | None = None,
    plan: Plan | None = None,
    printer: Printer | None = None,
    profiles: Profiles | None = None,
    deviations: Mapping[str, Sequence[Picture]] | None = None,
    sliced: Sequence[SlicedPlate] = (),
    worst: Mapping[int, Sequence[Picture]] | None = None,
) -> tuple[Path, Path]:
    """Write report.json and report.html into the folder of a build and return their paths.

    Parameters
    ----------
    folder
        Of the build; made when missing.
    document
        As :func:`printprep.report.document.document` makes it.
    case, plan, printer
        What the pictures show; without a plan there are none, without a printer none of the bed.
    profiles
        To know which parts are of a clear material: they are drawn as glass.
    deviations
        Pictures of the deviation of parts, by name.
    sliced
        The plates' files; those of G-code are drawn as they will be printed.
    worst
        Pictures of the layers to look at, by plate.
    """
    as_json, as_html = folder / NAME, folder / "report.html"
    write_text(as_json, json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    if case is None or plan is None or not plan.parts:
        write_html(as_html, document)
        return as_json, as_html
    from printprep.report.view3d import view3d  # brings trimesh, which only a report with pictures needs

    clear = _clear(plan, profiles)
    write_html(
        as_html,
        document,
        three_views(plan, frame=case.frame, mirrored=case.mirrored, clear=clear),
        _plates(plan, printer, sliced) if printer is not None else [],
        view3d(plan, frame=case.frame, mirrored=case.mirrored, clear=clear),
        deviations,
        worst,
    )
    return as_json, as_html


def _plates(plan: Plan, printer: Printer, sliced: Sequence[SlicedPlate]) -> list[Picture]:
    """Each plate on the bed, and what its file of G-code makes of it."""
    files = {plate.index: plate.file for plate in sliced if plate.file.suffix == ".gcode"}
    pictures = []
    for plate in plan.plates:
        pictures.append(bed_view(plan, plate, printer))
        if plate.index in files:
            pictures.append(printed_view(files[plate.index], plan, plate.index, printer))
    return pictures


def _clear(plan: Plan, profiles: Profiles | None) -> frozenset[str]:
    """Names of the parts of a clear material, where there is something else to see through them."""
    if profiles is None:
        return frozenset()
    clear = {p.name for p in plan.parts if profiles.material(p.material).material_class == "clear"}
    return frozenset(clear) if len(clear) < len(plan.parts) else frozenset()
