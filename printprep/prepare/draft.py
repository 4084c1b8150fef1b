"""What the stages of preparation hand to each other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, Self

import numpy as np

from printprep.case import Case, Finding
from printprep.geometry.cuts import Cut
from printprep.geometry.hole import Hole
from printprep.geometry.measure import Defects
from printprep.geometry.mesh import Mesh
from printprep.geometry.shape import Survey, Thickness
from printprep.plan import Change, Matrix, Orientation, Plate, Removal, SupportZone, ToolLoad
from printprep.profiles.load import Profiles
from printprep.profiles.models import Printer, Process

Rgb = tuple[int, int, int]

NEUTRAL: Final[Rgb] = (200, 200, 200)
"""Colour of a part whose tissue is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftPart:
    """A part on its way; the stages fill what is None or empty."""

    name: str  # of the Part of the case
    mesh: Mesh  # in the case's frame, as changed so far
    defects: Defects | None = None  # of the mesh: by inspect, taken out again by repair
    survey: Survey | None = None  # of its bodies as they came: by inspect
    thickness: Thickness | None = None  # of its walls once it is a solid: by shape
    material: str | None = None  # by assign
    tool: int | None = None  # by assign
    colour: Rgb = NEUTRAL  # by assign
    priority: int = 0  # by assign
    changes: tuple[Change, ...] = ()
    added: bool = False  # no part of the case: a strut or a tab
    piece: int = 0  # by split: which piece of the body, 1-based; 0: the body is whole, or a tab beside its pieces
    piece_of: str | None = None  # by split: the part that was cut

    @property
    def source(self) -> str:
        """Name of the part, of the case or added to it, that this is or is a piece of."""
        return self.piece_of or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A case on its way to a plan. A stage is ``(Draft, Progress) -> Draft``: it replaces, it never mutates."""

    case: Case
    printer: Printer
    process: Process
    profiles: Profiles
    parts: tuple[DraftPart, ...]
    supports: bool = True  # whether the print may have any
    rotation: Matrix = field(default_factory=lambda: np.eye(4))  # by orient: case frame to build direction, rigid
    orientations: tuple[Orientation, ...] = ()  # by orient
    tools: tuple[ToolLoad, ...] = ()  # by assign
    plugged: tuple[tuple[str, Hole], ...] = ()  # by hollow: holes that get a plug, with the name of their part
    cuts: tuple[Cut, ...] = ()  # by split
    plates: tuple[Plate, ...] = ()  # by arrange
    removals: tuple[Removal, ...] = ()  # by support: what a person must take off
    support_tool: int | None = None  # by assign: lays the layers of supports next to a part
    support_zones: tuple[SupportZone, ...] = ()  # by steer
    findings: tuple[Finding, ...] = ()

    def with_findings(self, *findings: Finding) -> Self:
        """The draft with more findings."""
        return replace(self, findings=(*self.findings, *findings))
