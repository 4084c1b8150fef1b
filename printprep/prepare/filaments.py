"""What a printer can do with a filament: heat, softness, one bed for all, and a free tool for what dissolves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from printprep.case import Finding, Severity
from printprep.plan import ToolLoad
from printprep.prepare.draft import Draft
from printprep.profiles.load import Profiles
from printprep.profiles.models import Material, Printer

BED_SPREAD_C: Final = 20.0
"""Materials on one bed may want temperatures so far apart before it is a finding."""


def tool_count(printer: Printer) -> int:
    """Tools of the printer; a resin printer has one vat."""
    return printer.fdm.tools if printer.fdm else 1


def too_hot(part: str, material: Material, printer: Printer) -> list[Finding]:
    """Errors where a filament needs more heat than the printer's nozzle or bed may have."""
    if material.fdm is None or printer.fdm is None:
        return []
    needs = (
        ("nozzle", max(material.fdm.nozzle_c, material.fdm.nozzle_first_layer_c), printer.fdm.nozzle_max_c),
        ("bed", material.fdm.bed_c, printer.fdm.bed_max_c),
    )
    return [
        Finding(
            code="material-not-printable",
            severity=Severity.ERROR,
            part=part,
            message=f"part {part}: {material.id} needs a {what} of {needed_c:g} deg C, {printer.id} has at most "
            f"{most_c:g} deg C; name another material or printer",
            value=needed_c,
            limit=most_c,
        )
        for what, needed_c, most_c in needs
        if needed_c > most_c
    ]


def jams(part: str, material: Material, printer: Printer) -> list[Finding]:
    """A warning where a soft filament is pushed through a multi-material unit, which buckles it."""
    if printer.fdm is None or not printer.fdm.shared_nozzle or material.material_class != "flexible":
        return []
    hardness = f" (Shore {material.shore})" if material.shore else ""
    return [
        Finding(
            code="material-not-printable",
            severity=Severity.WARNING,
            part=part,
            message=f"part {part}: {material.id}{hardness} is flexible and jams in the multi-material unit of "
            f"{printer.id}; name a rigid material, or a printer with a tool for each",
            value=material.id,
        )
    ]


def bed_temperatures(loads: Sequence[ToolLoad], profiles: Profiles) -> list[Finding]:
    """A warning where materials on one bed want very different temperatures of it."""
    beds = {load.material: fdm.bed_c for load in loads if (fdm := profiles.material(load.material).fdm)}
    if not beds or max(beds.values()) - min(beds.values()) <= BED_SPREAD_C:
        return []
    named = ", ".join(f"{material} {bed_c:g} deg C" for material, bed_c in sorted(beds.items()))
    return [
        Finding(
            code="bed-temperatures-differ",
            severity=Severity.WARNING,
            message=f"one bed serves {named}; it is kept at {max(beds.values()):g} deg C, look for soft feet, warping",
            value=max(beds.values()) - min(beds.values()),
            limit=BED_SPREAD_C,
        )
    ]


def support_load(draft: Draft, loads: Sequence[ToolLoad]) -> tuple[tuple[ToolLoad, ...], list[Finding]]:
    """The load of the tool that lays soluble supports, if the case wishes them and a tool is free; else why not.

    Raises
    ------
    ProfileError
        There is no profile of that material.
    """
    wish, printer = draft.case.supports.material, draft.printer
    if wish is None or not draft.supports:
        return (), []
    material = draft.profiles.material(wish)
    if printer.technology != "fdm" or material.technology != "fdm":
        why = f"{printer.id} is a {printer.technology} printer, {wish} is for {material.technology}"
    elif material.material_class != "soluble":
        why = f"{wish} does not dissolve"
    elif too_hot("", material, printer):
        why = f"{printer.id} does not get as hot as it needs"
    elif len(loads) >= tool_count(printer):
        why = f"the parts take all {tool_count(printer)} tools of {printer.id}"
    else:
        return (ToolLoad(tool=len(loads), material=wish, colour=material.colour),), []
    return (), [
        Finding(
            code="support-material-unused",
            severity=Severity.WARNING,
            message=f"supports are not laid in {wish}, as the case wishes: {why}; they are of the parts' own material",
            value=wish,
        )
    ]
