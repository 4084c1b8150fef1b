"""What is said of supports: what a person must remove, where they touch what matters, and what has none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from printprep.case import Finding, Severity
from printprep.geometry.mesh import Float, Mesh, as_point
from printprep.geometry.support import ENCLOSED, KEEP_OUT, REACH_MM, Bare, Supports
from printprep.plan import Removal
from printprep.prepare.lift import Bed

SHOWN: Final = 5  # places without support that are named one by one
LOOSE_MM2: Final = REACH_MM**2
"""What begins in the air and is smaller is a flaw of the surface, and no lost piece: makers say of ledges how far they
stand out without support, of islands nothing, so the square of that length is taken."""


def what_of(made: Supports, mesh: Mesh) -> str:
    """The supports of a plate in words."""
    feet = int((made.landed >= 0).sum())
    standing = f", {feet} of them standing on the body itself" if feet else ""
    return (
        f"{len(made.trunks)} supports{standing}, {len(made.bars)} braces, {mesh.volume_mm3 / 1000.0:.2f} ml; "
        f"they touch {made.contact_mm2.sum():.2f} mm2 of the body"
    )


def removals_of(bed: Bed, made: Supports) -> tuple[Removal, ...]:
    """By part what a person must take off; parts that nothing touches are left out."""
    touched = bed.part_of(made.face)
    stood = np.where(made.landed >= 0, bed.part_of(np.maximum(made.landed, 0)), -1)
    tip_mm = np.array([trunk.tip_mm for trunk in made.trunks])
    foot_mm = np.array([trunk.foot_tip_mm for trunk in made.trunks])
    rows = []
    for k, part in enumerate(bed.parts):
        tips, feet = touched == k, stood == k
        own_mm = np.concatenate([tip_mm[tips], foot_mm[feet]])
        if not len(own_mm):
            continue
        row = Removal(
            part=part.name,
            plate=bed.plate.index,
            contacts=int(tips.sum()),
            feet=int(feet.sum()),
            under_mm2=_round_mm2(tip_mm[tips]),
            on_mm2=_round_mm2(foot_mm[feet]),
            critical_mm2=_round_mm2(tip_mm[tips & made.on_critical])
            + _round_mm2(foot_mm[feet & made.stands_on_critical]),
            smallest_mm=float(own_mm.min()),
            largest_mm=float(own_mm.max()),
        )
        rows.append(row)
    return tuple(rows)


def _round_mm2(diameter_mm: Float) -> float:
    """Area of round tips together."""
    return float(np.pi / 4.0 * (diameter_mm**2).sum())


def supported(name: str, bed: Bed, made: Supports, mesh: Mesh, rows: tuple[Removal, ...]) -> Finding:
    """What there is to remove."""
    parts = ", ".join(f"{row.contacts + row.feet} from {row.part}" for row in rows)
    stands = f"on a pad, the body lifted by {bed.lift_mm:g} mm" if bed.lift_mm else "beside the body, which lies flat"
    return Finding(
        code="supported",
        severity=Severity.INFO,
        part=name,
        message=f"plate {bed.plate.index} has {what_of(made, mesh)}; they stand {stands}. To break off: {parts}",
        value=float(len(made.trunks)),
    )


def on_critical(bed: Bed, made: Supports, rows: tuple[Removal, ...]) -> Iterator[Finding]:
    """A warning for each part on whose critical surface supports stand or touch."""
    for row in rows:
        if not row.critical_mm2:
            continue
        k = next(k for k, part in enumerate(bed.parts) if part.name == row.part)
        own = np.flatnonzero(made.on_critical & (bed.part_of(made.face) == k))
        feet = np.flatnonzero(made.stands_on_critical & (bed.part_of(np.maximum(made.landed, 0)) == k))
        first = made.trunks[int(own[0])].contact_mm if len(own) else made.trunks[int(feet[0])].path_mm[-1]
        message = (
            f"{len(own) + len(feet)} supports touch critical surface of {row.part}, {row.critical_mm2:.2f} mm2, "
            "because no other place can carry it as oriented; smooth these marks with care, or orient the body "
            "otherwise"
        )
        yield Finding(
            code="support-on-critical",
            severity=Severity.WARNING,
            part=row.part,
            message=message,
            value=round(row.critical_mm2, 3),
            limit=0.0,
            where_mm=as_point(bed.to_case(first)),
        )


def impossible(bed: Bed, bare: tuple[Bare, ...], *, held: bool) -> Iterator[Finding]:
    """A finding for each of the worst places that have no support: what begins in the air before what only hangs over.

    Together these name all reasons. A place of :data:`LOOSE_MM2` or more that begins in the air is an error: it stays
    in the vat, and without one support on the plate (``held``) so does the whole body.
    """
    ranked = sorted(bare, key=lambda one: (not one.island, -one.area_mm2, one.where_mm))
    for reason in dict.fromkeys(one.reason for one in ranked):
        same = [one for one in ranked if one.reason == reason]
        for rank, one in enumerate(same[:SHOWN]):
            total = sum(other.area_mm2 for other in same)
            more = f" ({len(same)} such places, {total:.1f} mm2 in all)" if rank == 0 and len(same) > 1 else ""
            kind = "begins in the air" if one.island else "hangs over"
            loose = one.island and one.area_mm2 >= LOOSE_MM2
            yield Finding(
                code="support-impossible",
                severity=Severity.ERROR if loose else Severity.WARNING,
                message=(
                    f"a place of {one.area_mm2:.2f} mm2 that {kind} on plate {bed.plate.index} has no support, because "
                    f"{one.reason}{more}; {_then(one, loose=loose, held=held)}"
                ),
                value=round(one.area_mm2, 3),
                limit=LOOSE_MM2 if one.island else 0.0,
                where_mm=as_point(bed.to_case(np.array(one.where_mm))),
            )


def _then(one: Bare, *, loose: bool, held: bool) -> str:
    """What it leads to and what to do, as the end of a sentence."""
    leads = ""
    if loose:
        leads = "what cures there comes off in the vat; " if held else "nothing else holds it, so it stays in the vat; "
    if one.reason == KEEP_OUT:
        return f"{leads}orient the body otherwise, or move the zone"
    if one.reason == ENCLOSED:
        inside = 'it is the ceiling of a cavity: say infill = "ribs" or "lattice" where the part is hollowed'
        return f"{leads}{inside}, or orient the body so that it leans"
    return f"{leads}orient the body otherwise" + ("" if loose else ", or look at it after the print")
