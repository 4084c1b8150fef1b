"""What will be printed, and the proof of it: the plan, its certificate, the sliced plates and their estimate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from printprep.case import Finding
from printprep.geometry.cuts import Cut
from printprep.geometry.deviation import Deviation
from printprep.geometry.mesh import Mesh, Point

TAB = "label-tab"
"""Name of the added part that carries the label when no part does; it stands apart from the body."""

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolLoad:
    """What a tool of the printer must be loaded with."""

    tool: int  # 0-based
    material: str  # id of a material profile
    colour: tuple[int, int, int]  # RGB of the tissue it stands for
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPart:
    """A part as it will be printed, still in the case's frame (:attr:`Plate.case_to_plate` puts it on the bed)."""

    name: str
    mesh: Mesh
    tissue: str | None
    material: str
    tool: int  # 0-based
    colour: tuple[int, int, int]  # RGB of the tissue
    priority: int  # where parts overlap the higher one wins
    side: str | None = None
    critical: bool = False
    added: bool = False  # no anatomy: a strut or a tab, which every other part wins over
    piece: int = 0  # which piece of the body it belongs to, 1-based; 0: the body is whole, or a tab beside its pieces
    piece_of: str | None = None  # the part that a cut went through; None: this is all of it

    @property
    def source(self) -> str:
        """Name of the part, of the case or added to it, that this is or is a piece of."""
        return self.piece_of or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Plate:
    """One bed full. A body, or each piece of a body that was cut, moves as ONE by one rigid motion."""

    index: int  # 1-based
    parts: tuple[str, ...]  # names
    case_to_plate: Matrix  # (4, 4) rigid, determinant +1; plate frame: bed's front left corner at 0, z up, mm
    motions: Mapping[int, Matrix] = field(default_factory=dict)  # of the pieces that stand elsewhere, by their number

    def motion(self, part: PlannedPart) -> Matrix:
        """What moves a part from the case's frame to its place on this plate, (4, 4)."""
        return self.motions.get(part.piece, self.case_to_plate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that was done to the anatomy, measured."""

    stage: str  # repair, hollow, drain ...
    what: str  # a sentence
    volume_mm3: float = 0.0  # added (+) or taken away (-)
    area_mm2: float = 0.0  # of new surface
    where_mm: Point | None = None  # in the case's frame
    rebuilt_mm: float = 0.0  # how near surface that was made anew on a grid is to what it stands for; 0.0: none was


@dataclass(frozen=True, slots=True, kw_only=True)
class PartCertificate:
    """How far one printed part is from its source."""

    name: str
    source_sha256: str
    closed: bool
    triangles: int
    volume_source_mm3: float
    volume_mm3: float
    deviation: Deviation
    lost_to_mm3: dict[str, float]  # volume that a part of higher priority takes from this one, by its name
    changes: tuple[Change, ...]
    within_limits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedCertificate:
    """What was added to the anatomy as a part of its own, and takes nothing from it."""

    name: str
    closed: bool
    triangles: int
    volume_mm3: float
    changes: tuple[Change, ...]  # what it is, and where


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """How far everything that will be printed is from what was asked for."""

    case_id: str
    parts: tuple[PartCertificate, ...]
    findings: tuple[Finding, ...]
    prepared_sha256: str  # of the prepared.3mf that it speaks of
    added: tuple[AddedCertificate, ...] = ()

    @property
    def within_limits(self) -> bool:
        """Whether every part is."""
        return all(part.within_limits for part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be printed, on which printer, with which process."""

    case_id: str
    printer: str  # id
    process: str  # id
    parts: tuple[PlannedPart, ...]  # by rising priority: a slicer lets the LATER volume win
    tools: tuple[ToolLoad, ...]
    plates: tuple[Plate, ...]
    changes: dict[str, tuple[Change, ...]]  # by name of the part, of the case or added to it
    findings: tuple[Finding, ...]
    supports: bool = True
    synthetic: bool = False
    cuts: tuple[Cut, ...] = ()  # in the case's frame

    def pieces(self, source: str) -> tuple[PlannedPart, ...]:
        """What is printed of a part, of the case or added to it: the part, or its pieces."""
        return tuple(part for part in self.parts if part.source == source)

    def part(self, name: str) -> PlannedPart:
        """The part of that name; a KeyError if there is none."""
        return {part.name: part for part in self.parts}[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialUse:
    """Material that goes through one tool, supports and purge included."""

    material: str  # id
    tool: int  # 0-based
    mm3: float
    g: float
    cost: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a print costs, to the cent; the rows add up to ``total``."""

    material: Decimal
    machine: Decimal
    energy: Decimal
    labour: Decimal
    reprints: Decimal  # expected: the failure rate times what is lost with a failed print
    total: Decimal
    currency: str


COST_ROWS: Final = {
    "material": "material, supports and purge included",
    "machine": "machine hours",
    "energy": "energy",
    "labour": "labour: preparation and post-processing",
    "reprints": "expected reprints",
}
"""The rows of a :class:`Cost` and their names for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """How long a plate takes and what it costs."""

    duration_s: float
    duration_from: str  # "slicer" or "trapezoid": whose figure it is
    material: tuple[MaterialUse, ...]
    cost: Cost | None = None  # None until printprep.cost priced it


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting as it was requested and as the engine resolved it; ``requested`` None: the engine's default."""

    key: str
    requested: str | None
    resolved: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlicedPlate:
    """A file for the printer and what is known of it."""

    index: int  # 1-based
    file: Path
    printer: str  # id
    process: str  # id
    engine: str  # "prusaslicer 2.5.0"
    sha256: str
    layer_count: int
    layer_height_mm: float
    estimate: Estimate
    settings: tuple[Setting, ...] = ()
    findings: tuple[Finding, ...] = ()
    tool_changes: int = 0
    wall_s: float = 0.0  # how long the engine took
    extras: dict[str, float] = field(default_factory=dict)  # engine's own figures worth keeping, name_unit: value
