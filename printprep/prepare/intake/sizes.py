"""Units and plausible sizes: STL has no unit, and a factor of 25.4 or 1000 is the classic mix-up.

Nothing is guessed: a unit is what the file or the case says. The anatomy's size only proposes one, or contradicts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from printprep.case import Finding, Severity
from printprep.casefile import Unit
from printprep.errors import CaseError
from printprep.geometry.mesh import Mesh
from printprep.prepare.intake.naming import Identified
from printprep.profiles.load import Profiles
from printprep.units import MM_PER_UNIT

UNITS: Final[tuple[Unit, ...]] = ("mm", "cm", "m", "in", "um")
"""What a case may say, in the order in which they are proposed."""

SLACK: Final = 2.0
"""How far outside the profile's range a longest edge may be, as a factor either way.

Half: the field of view of a scan crops what it holds. Twice: an aneurysm, a tumour, organomegaly. A range that is wide
already gets less, down to none, so that lowest and highest stay within a factor 25.4 and the mix-up of inch and mm
shows whatever the true size is, where the range itself allows.
"""

BODY_MM: Final = (1.0, 2200.0)
"""Between these is everything that is anatomy at all: an auditory ossicle, a tall person."""

SMALLEST_MM: Final = 1.0
"""Longest edge, at the scale of the print, below which there is nothing to hold in a hand or to print."""

FINEST_MM: Final = 0.05
"""A pixel of a resin printer: what is thinner than this in two directions is on no layer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How large a part is in its file's numbers, and how large its anatomy is."""

    part: str
    longest: float  # edge of the bounding box, in the file's numbers
    anatomy: str | None  # name of the tissue
    range_mm: tuple[float, float] | None  # of the tissue's longest edge, newborn to adult

    @property
    def limits_mm(self) -> tuple[float, float]:
        """What is still plausible, with :data:`SLACK`; any anatomy if the tissue is not known."""
        if self.range_mm is None:
            return BODY_MM
        lower, upper = self.range_mm
        slack = min(SLACK, max(1.0, math.sqrt(MM_PER_UNIT["in"] * lower / upper)))
        return lower / slack, upper * slack

    def fits(self, unit: str) -> bool:
        """Whether the size is plausible if the file's numbers are in ``unit``."""
        lower, upper = self.limits_mm
        return lower <= self.longest * MM_PER_UNIT[unit] <= upper

    def fits_well(self, unit: str) -> bool:
        """Whether the size is within the healthy range, without slack."""
        lower, upper = self.range_mm or BODY_MM
        return lower <= self.longest * MM_PER_UNIT[unit] <= upper

    def proposals(self) -> tuple[str, ...]:
        """The units that make the size plausible, those that need no slack first; none if the tissue is not known."""
        if self.range_mm is None:
            return ()
        return tuple(u for u in UNITS if self.fits_well(u)) or tuple(u for u in UNITS if self.fits(u))

    def expected(self) -> str:
        """The range in words."""
        if self.range_mm is None:
            return f"anatomy is {BODY_MM[0]:g} to {BODY_MM[1]:g} mm long"
        return f"{self.anatomy} is {self.range_mm[0]:g} to {self.range_mm[1]:g} mm long, newborn to adult"


def settle_units(
    identified: Sequence[Identified], meshes: Sequence[Mesh], declared: str | None, profiles: Profiles
) -> tuple[tuple[str, ...], tuple[Finding, ...]]:
    """Unit of each mesh: its file's own, else the case's; and what does not fit the anatomy.

    Parameters
    ----------
    meshes
        Of the parts, placed, in their files' numbers.
    declared
        What the case says of files that have no unit.

    Raises
    ------
    CaseError
        A file has no unit and the case says none.
    """
    extents = [extent_of(one, mesh, profiles) for one, mesh in zip(identified, meshes, strict=True)]
    own = [one.asked.unit for one in identified]
    unsaid = [extent for extent, unit in zip(extents, own, strict=True) if unit is None]
    if unsaid and declared is None:
        raise CaseError(ask_for_units(unsaid))
    units = tuple(unit or declared or "mm" for unit in own)
    misfits = [size_finding(extent, unit) for extent, unit in zip(extents, units, strict=True)]
    return units, (*_not_used(own, declared), *(finding for finding in misfits if finding is not None))


def extent_of(one: Identified, mesh: Mesh, profiles: Profiles) -> Extent:
    """How large a part is in its file's numbers, and how large its anatomy is."""
    tissue = profiles.tissue(one.tissue) if one.tissue else None
    return Extent(
        part=one.name,
        longest=float(mesh.size_mm.max()),
        anatomy=tissue.name.lower() if tissue else None,
        range_mm=tissue.size_mm if tissue else None,
    )


def _not_used(own: Sequence[str | None], declared: str | None) -> list[Finding]:
    """Warning ``units-differ`` if every file says its own unit and the case says another."""
    others = sorted({unit for unit in own if unit is not None and unit != declared})
    if declared is None or None in own or not others:
        return []
    return [
        Finding(
            code="units-differ",
            severity=Severity.WARNING,
            message=f"the files say themselves that their unit is {', '.join(others)}, which holds; the {declared} of "
            "the case is for files that have none",
            value=", ".join(others),
            limit=declared,
        )
    ]


def ask_for_units(extents: Sequence[Extent]) -> str:
    """The message for files that say no unit in a case that says none: sizes, plausible ranges and what would fit."""
    shown = extents[:6]
    lines = [f"  {extent.part}: {_in_all_units(extent)}" for extent in shown]
    if len(extents) > len(shown):
        lines.append(f"  and {len(extents) - len(shown)} more")
    unit = proposed_unit(extents)
    if unit:
        last = f'If that is right say units = "{unit}" under [case] in case.toml, or --units {unit}.'
    elif any(extent.proposals() for extent in extents):
        last = "No one unit fits them all: they do not belong in one case as they are; export them alike."
    else:
        last = "Say units under [case] in case.toml, or --units; whoever exported the files knows."
    return "\n".join(["the files have no unit and the case says none:", *lines, last])


def proposed_unit(extents: Sequence[Extent]) -> str | None:
    """The unit in which every part whose anatomy is known has a plausible size; None if there is none."""
    known = [extent.proposals() for extent in extents if extent.range_mm is not None]
    return next((unit for unit in UNITS if known and all(unit in fits for fits in known)), None)


def _in_all_units(extent: Extent) -> str:
    size = f"the longest edge is {_short(extent.longest)}"
    if extent.range_mm is None:
        return f"{size}; what anatomy it is is not known, so no unit can be proposed"
    proposed = ", ".join(f"{_short(extent.longest * MM_PER_UNIT[u])} mm if the unit is {u}" for u in extent.proposals())
    return f"{size}; {extent.expected()}; {proposed or 'no unit fits'}"


def size_finding(extent: Extent, unit: str) -> Finding | None:
    """Error ``size-implausible`` if the anatomy cannot be as large as its numbers say in ``unit``."""
    if extent.fits(unit):
        return None
    longest_mm = extent.longest * MM_PER_UNIT[unit]
    proposals = [u for u in extent.proposals() if u != unit]
    advice = (
        f"as {proposals[0]} it would be {_short(extent.longest * MM_PER_UNIT[proposals[0]])} mm: "
        f'say units = "{proposals[0]}"'
        if proposals
        else "check the unit, the tissue and the segmentation"
    )
    lower, upper = extent.limits_mm
    return Finding(
        code="size-implausible",
        severity=Severity.ERROR,
        part=extent.part,
        message=f"{extent.part} is {_short(longest_mm)} mm long with the unit {unit}; {extent.expected()}; {advice}",
        value=round(longest_mm, 4),
        limit=f"{lower:g} to {upper:g} mm",
    )


def too_small(part: str, mesh: Mesh, scale: float) -> Finding | None:
    """Error ``too-small`` if nothing of a part could be printed.

    Parameters
    ----------
    mesh
        In mm, at the scale of the print.
    scale
        Of the print, for the message.
    """
    across_mm, longest_mm = sorted(mesh.size_mm.tolist())[1:]
    if not len(mesh) or not math.isfinite(longest_mm) or (longest_mm >= SMALLEST_MM and across_mm >= FINEST_MM):
        return None  # without a face or with coordinates that are no numbers it is another finding
    short = longest_mm < SMALLEST_MM
    what = f"at least {SMALLEST_MM:g} mm long" if short else f"at least {FINEST_MM:g} mm across"
    size = " x ".join(f"{edge:.2g}" for edge in mesh.size_mm)
    return Finding(
        code="too-small",
        severity=Severity.ERROR,
        part=part,
        message=f"{part} is {size} mm at scale {scale:g}, and what is printed is {what}; check scale and units",
        value=longest_mm if short else across_mm,
        limit=SMALLEST_MM if short else FINEST_MM,
    )


def _short(value: float) -> str:
    return f"{value:.4g}" if value < 1000 else f"{value:.0f}"
