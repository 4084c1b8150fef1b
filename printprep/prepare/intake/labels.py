"""What a label says when a case leaves it to the lab, and whether its words could name a person."""

from __future__ import annotations

import re
from collections.abc import Sequence

from printprep.case import Finding, Label, Severity
from printprep.casefile import CaseHeader, LabelWish
from printprep.opaque import dates_in
from printprep.prepare.intake.naming import Identified
from printprep.profiles.load import Profiles
from printprep.profiles.models import Lab


def label_of(wish: LabelWish, header: CaseHeader, identified: Sequence[Identified], lab: Lab) -> Label:
    """The label with the lab's height and, unless the case says a text, its id with the side all parts agree on.

    Where parts are of both sides, each of them is to bear its own.
    """
    sides = {one.side for one in identified if one.side}
    mark = f" {next(iter(sides))[0].upper()}" if len(sides) == 1 else ""
    mirror = " MIRRORED" if header.mirror else ""  # the side is that of the anatomy, the print shows the other
    return Label(
        text=wish.text or f"{header.id}{mark}{mirror}",
        height_mm=wish.height_mm or lab.label_height_mm,
        depth_mm=wish.depth_mm,
        style=wish.style,
        part=wish.part,
        marks=tuple((one.name, one.side[0].upper()) for one in identified if one.side) if len(sides) > 1 else (),
    )


def text_findings(wish: LabelWish | None, case_id: str, profiles: Profiles) -> tuple[Finding, ...]:
    """Error ``name-may-identify`` where the text of a label holds, besides the case id, what could be a person's."""
    if wish is None or wish.text is None:
        return ()
    rest = re.sub(f"{re.escape(case_id)}|mirrored", " ", wish.text, flags=re.IGNORECASE)
    suspicious = (*profiles.foreign_words(rest), *dates_in(rest))
    if not suspicious:
        return ()
    message = (
        f"the label {wish.text!r} holds {', '.join(suspicious)}, which no tissue profile knows and which could be a "
        "person's: leave text out, which writes the case id, or, if it names nobody, accept this code with a reason"
    )
    return (Finding(code="name-may-identify", severity=Severity.ERROR, message=message, value=", ".join(suspicious)),)
