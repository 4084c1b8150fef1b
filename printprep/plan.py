"""What will be printed, and the proof of it: the plan, its certificate, the sliced plates and their estimate."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from printprep.case import Finding
from printprep.geometry.cuts import Cut
from printprep.geometry.deviation import Deviation
from printprep.geometry.mesh import Float, Mesh, Point
from printprep.geometry.pose import Pose
from printprep.geometry.shape import Thickness
from printprep.geometry.zones import Zones

TAB = "label-tab"
"""Name of the added part that carries the label when no part does; it stands apart from the body."""

OUT_OF_REACH: Final = "out of reach"
"""Why no support stands where no tool takes it out again."""

_SUPPORTS: Final = re.compile(r"supports-[1-9]\d*")


def supports_name(plate: int) -> str:
    """Name of the added part that is the supports of a plate, from 1."""
    return f"supports-{plate}"


def are_supports(name: str) -> bool:
    """Whether that is the name of an added part that is the supports of a plate."""
    return _SUPPORTS.fullmatch(name) is not None


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
class Orientation:
    """A way up that was measured: what it costs, and what a person is told of it."""

    pose: Pose  # in the case's frame
    number: int  # of a choice in case.toml, 1-based; 0: one that was asked for and is not among the best
    chosen: bool
    fits: bool  # whether the whole body stands on the bed with it
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that was done to the anatomy, measured."""

    stage: str  # repair, hollow, drain ...
    what: str  # a sentence
    volume_mm3: float = 0.0  # added (+) or taken away (-)
    area_mm2: float = 0.0  # of new surface
    where_mm: Point | None = None  # in the case's frame
    axis: Point | None = None  # of a round hole or of letters: unit, out of the part
    reach_mm: float = 0.0  # across the axis, of a round hole: its radius
    deep_mm: float = 0.0  # along the axis from ``where_mm``, both ways at most
    box_mm: tuple[Point, Point] | None = None  # of a cavity: all of it is in there; lower and upper corner
    rebuilt_mm: float = 0.0  # how near surface that was made anew on a grid is to what it stands for; 0.0: none was


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One measured value beside its limit."""

    what: str  # "deviation-max", "deviation-p95", "volume-change", "lost-volume", "thin-wall" ...
    value: float
    limit: float
    unit: str  # "mm", "%"
    within: bool
    by: str = "case"  # who sets the limit: the case, or the printer's process


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two printed parts that share a wall or volume."""

    low: str  # name of the part of lower priority, which loses
    high: str
    coincident_mm2: float  # of the lower one's surface, that lies on the other's
    lost_mm3: float  # volume of the lower one that the other takes
    same_tool: bool  # printed of one material: nobody sees or feels where one ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What of supports that are a part of their own a person must take off another part of their plate."""

    part: str  # name in the plan: of a whole part or a piece
    plate: int  # index
    contacts: int  # tips that touch it from below
    feet: int  # supports that stand on it
    under_mm2: float  # of the contacts
    on_mm2: float  # of the feet
    critical_mm2: float  # of both, on critical surface
    smallest_mm: float  # diameter of the smallest tip
    largest_mm: float  # and of the largest


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
    printed_sha256: str = ""  # of the mesh in the case's frame, to a ten-thousandth of a millimetre
    checks: tuple[Check, ...] = ()
    source_triangles: int = 0
    comparable: bool = True  # whether the source encloses a volume to compare with
    wished_mm3: float = 0.0  # change of volume that was asked for: cavities, holes, letters
    thickness: Thickness | None = None  # of the walls as printed; None: no solid


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedCertificate:
    """What was added to the anatomy as a part of its own, and takes nothing from it."""

    name: str
    closed: bool
    triangles: int
    volume_mm3: float
    changes: tuple[Change, ...]  # what it is, and where
    deep_mm: float = 0.0  # how far it reaches into the anatomy at most, which wins there
    deepest_in: str | None = None  # the part that it does so in


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """How far everything that will be printed is from what was asked for."""

    case_id: str
    parts: tuple[PartCertificate, ...]
    findings: tuple[Finding, ...]
    prepared_sha256: str  # of the prepared.3mf that it speaks of
    added: tuple[AddedCertificate, ...] = ()
    pairs: tuple[Pair, ...] = ()

    @property
    def within_limits(self) -> bool:
        """Whether every part is."""
        return all(part.within_limits for part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SupportZone:
    """Overhang of a part under which an extruding printer's supports must, or must not, stand."""

    part: str  # name of the planned part
    kind: Literal["enforce", "block"]
    why: str  # island, bridge, keep-out, critical, enclosed ...
    at_mm: Float  # (n, 3) middles of cells of its surface, in the case's frame
    area_mm2: float  # of overhang in it
    step_mm: float  # edge of a cell


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
    removals: tuple[Removal, ...] = ()  # of supports that are parts of their own
    keep_out: Zones = field(default_factory=Zones)  # in the case's frame
    critical: Zones = field(default_factory=Zones)  # the places whose surface matters most, but for whole parts
    support_zones: tuple[SupportZone, ...] = ()
    support_tool: int | None = None  # that lays the layers of a support next to a part; None: each part's own
    orientations: tuple[Orientation, ...] = ()  # the best few, and what was asked for

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
class SupportContact:
    """Where the supports of a plate hold on to one part, measured in the finished file."""

    part: str
    under_mm2: float  # lines of support right below the part
    on_mm2: float  # lines of support that stand on the part
    critical_mm2: float  # of both, on critical surface
    critical_mm: Point | None  # the middle of the largest such place
    thin_mm2: float  # of both, on walls and branches that break before the support does; what dissolves breaks none
    thin_mm: Point | None
    keep_out_mm2: float  # of both, and beside, on surface that nothing may touch
    keep_out_mm: Point | None
    places: tuple[tuple[Point, float], ...]  # middle and mm2 of the largest places, in the case's frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Supports:
    """What a person must remove from a plate, measured in the finished file."""

    volume_mm3: float  # of all support
    interface_mm3: float  # of that the layers next to the parts
    soluble_mm3: float  # of that what dissolves
    out_of_reach_mm3: float  # of that where no tool gets to
    out_of_reach_mm: Point | None  # the middle of the largest such place, in the case's frame
    contacts: tuple[SupportContact, ...]

    @property
    def contact_mm2(self) -> float:
        """With all parts."""
        return sum(contact.under_mm2 + contact.on_mm2 for contact in self.contacts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """How a finished file holds one part: what it lays down against the part's sections."""

    part: str  # name in the plan: of a whole part or a piece
    outline_mm: float  # length of the outline that was compared; 0: the part has no outside of its own
    p95_mm: float  # 95 % of it is this near to the edge of the plastic, either way
    max_mm: float  # as far as it was looked for
    lost_mm3: float  # that is not printed
    wrong_tool_mm3: float
    holds: bool  # nothing is lost, misplaced or swapped beyond the limits


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstLayer:
    """A layer of a finished file that a person should look at, and its picture."""

    part: str | None  # None: of no part
    layer: int  # 1-based, of the layers of the model
    z_mm: float  # its top
    what: str
    severity: str | None  # of a finding; None: nothing is wrong, and no other layer is farther off
    picture: str  # name of a PNG file in the folder of the build


@dataclass(frozen=True, slots=True, kw_only=True)
class SlicedPlate:
    """A file for the printer and what is known of it."""

    index: int  # 1-based
    file: Path
    printer: str  # id
    process: str  # id
    engine: str  # "prusaslicer 2.5.0"
    sha256: str
    layer_count: int  # of all layers, those that hold nothing but support among them
    layer_height_mm: float
    estimate: Estimate
    anatomy_layer_count: int | None = None  # layers that hold something of a part; None: not counted
    supports: Supports | None = None  # None: not measured
    held: tuple[Held, ...] = ()  # by the proof; empty: not proved
    worst: tuple[WorstLayer, ...] = ()  # the gravest first
    settings: tuple[Setting, ...] = ()
    findings: tuple[Finding, ...] = ()
    tool_changes: int = 0
    wall_s: float = 0.0  # how long the engine took
    extras: dict[str, float] = field(default_factory=dict)  # engine's own figures worth keeping, name_unit: value
