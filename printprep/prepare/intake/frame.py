"""From the file's numbers to mm, RAS and the scale of the print: one factor and one offset an axis for all parts.

LPS and RAS differ by a half turn about z, which mirrors nothing. Mirroring is across the sagittal plane, x in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from printprep.case import Case, Finding, Severity
from printprep.casefile import Box, CaseHeader, Sphere, Zone
from printprep.errors import CaseError
from printprep.geometry.mesh import Float, Mesh, Point, as_point
from printprep.prepare.intake.naming import Identified

Z = TypeVar("Z", bound=Zone)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PrintFrame:
    """How a point of the anatomy, mm in the file's frame, gets into the frame of the print."""

    factors: Float  # (3,)
    offset_mm: Float  # (3,)
    scale: float

    @property
    def mirrors(self) -> bool:
        """Whether left becomes right."""
        return bool(np.prod(self.factors) < 0)

    def mesh(self, mesh: Mesh, mm_per_unit: float) -> Mesh:
        """A mesh in its file's unit, moved; the same object if there is nothing to do."""
        factors = self.factors * mm_per_unit
        if (factors == 1).all() and not self.offset_mm.any():
            return mesh
        return Mesh(mesh.vertices * factors + self.offset_mm, mesh.faces[:, ::-1] if self.mirrors else mesh.faces)

    def point(self, point_mm: Point) -> Point:
        """A point in mm, moved."""
        return as_point(np.asarray(point_mm) * self.factors + self.offset_mm)

    def direction(self, direction: Point) -> Point:
        """A direction of the anatomy, turned and mirrored, of length 1."""
        turned = np.asarray(direction) * self.factors
        return as_point(turned / np.linalg.norm(turned))

    def zone(self, zone: Z) -> Z:
        """A zone that stays where it is on the anatomy."""
        sphere = box = None
        if zone.sphere is not None:
            sphere = Sphere(centre_mm=self.point(zone.sphere.centre_mm), radius_mm=zone.sphere.radius_mm * self.scale)
        if zone.box is not None:
            corners = np.sort([self.point(zone.box.lower_mm), self.point(zone.box.upper_mm)], axis=0)
            box = Box(lower_mm=as_point(corners[0]), upper_mm=as_point(corners[1]))
        return zone.model_copy(update={"sphere": sphere, "box": box})


def print_frame(header: CaseHeader, bounds_mm: Sequence[Float], *, mirrored_by_file: bool) -> PrintFrame:
    """The frame of a print.

    Parameters
    ----------
    bounds_mm
        Bounding box (2, 3) of each part in mm, before any turn; the mirror stands in the middle of all.
    mirrored_by_file
        The placements in the files mirror already, as the case allows; it is not done twice.
    """
    factors = np.diag(Case.FRAMES[header.frame])[:3].copy()
    offset_mm = np.zeros(3)
    if header.mirror is not None and not mirrored_by_file:
        x_mm = np.array([bounds[:, 0] for bounds in bounds_mm]) * factors[0]
        factors[0] = -factors[0]
        offset_mm[0] = x_mm.min() + x_mm.max()
    return PrintFrame(factors=factors * header.scale, offset_mm=offset_mm * header.scale, scale=header.scale)


def mirrored_by_files(identified: Sequence[Identified], header: CaseHeader) -> bool:
    """Whether the placements in the files mirror the anatomy.

    Raises
    ------
    CaseError
        One of them flattens its object; or one mirrors and the case does not ask for a mirror image, or it does and
        only some of them mirror.
    """
    for one in identified:
        determinants = [np.linalg.det(each.matrix[:3, :3]) for each in one.asked.objects]
        determinant = min(determinants, key=lambda d: abs(d) if np.isfinite(d) else -1.0)
        if not np.isfinite(determinant) or abs(determinant) < 1e-12:
            raise CaseError(
                f"{one.asked.path}: the placement of {one.name} flattens it (determinant {determinant:g}); export again"
            )
    mirrors = [one for one in identified if any(each.mirrors for each in one.asked.objects)]
    if not mirrors:
        return False
    names = ", ".join(one.name for one in mirrors)
    if header.mirror is None:
        raise CaseError(
            f"{mirrors[0].asked.path}: the placement of {names} mirrors the anatomy (negative determinant): left would "
            'become right. Export it without; if a mirror image is wanted say mirror = "left-right" under [case]'
        )
    others = ", ".join(one.name for one in identified if not all(each.mirrors for each in one.asked.objects))
    if others:
        raise CaseError(
            f"{mirrors[0].asked.path}: the placement of {names} mirrors the anatomy, that of {others} does not: they "
            "no longer belong together; export all of them without a mirroring placement"
        )
    return True


def frame_findings(header: CaseHeader, *, mirrored_by_file: bool) -> tuple[Finding, ...]:
    """What the frame does to the anatomy, said aloud."""
    findings: list[Finding] = []
    if header.frame == "LPS":
        findings.append(
            Finding(
                code="frame-turned",
                severity=Severity.INFO,
                message="the coordinates are LPS; half a turn about z, which mirrors nothing, made them RAS",
                value="LPS",
            )
        )
    if header.mirror is not None:
        how = "by the placements in the files" if mirrored_by_file else "across the sagittal plane in their middle"
        findings.append(
            Finding(
                code="mirrored",
                severity=Severity.WARNING,
                message=f"all parts are MIRRORED {how}, as the case asks: the print shows left as right; the sides in "
                "names and labels are those of the anatomy it was made from",
                value=header.mirror,
            )
        )
    if header.scale != 1.0:
        findings.append(
            Finding(
                code="scaled",
                severity=Severity.INFO,
                message=f"the print is {header.scale:g} times the size of the anatomy",
                value=header.scale,
            )
        )
    return tuple(findings)
