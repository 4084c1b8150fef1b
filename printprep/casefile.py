"""A case.toml as it is written: a typo, an unknown key or a value out of range is an error that names file and key.

What stands here is read once, at the door; :class:`printprep.case.Case` is what the rooms pass on.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from printprep.opaque import OPAQUE_ID, identifying

Unit = Literal["um", "mm", "cm", "m", "in"]
Side = Literal["left", "right"]
LabelStyle = Literal["engrave", "emboss", "tab", "none"]
Engine = Literal["prusaslicer", "curaengine", "slic3r"]
ZoneKind = Literal["keep_out", "critical"]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Coordinate = Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]  # 1e9 of any unit is no anatomy
Place = tuple[Coordinate, Coordinate, Coordinate]
Names = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...],
    BeforeValidator(lambda said: (said,) if isinstance(said, str) else said),
    Field(min_length=1),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]
"""A name, or a list of them."""

LABEL_SIGNS = "[A-Za-z0-9._ -]"
"""What a label is written with."""

LABEL_LONGEST = 40  # characters of a label


class Limits(BaseModel):
    """How far the print may be from its source. The lab's profile has the defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    deviation_p95_mm: Positive = Field(default=0.2, description="95 % of a surface is this near to its source")
    deviation_max_mm: Positive = Field(default=0.5, description="all of a surface is this near to its source")
    volume_change_percent: Positive = Field(default=2.0, description="of a part, by everything but hollowing")
    contact_mm2: Positive = Field(
        default=1.0, description="bodies that touch by less do not hold together: the one comes off in the hand"
    )


class Hollow(BaseModel):
    """A part printed as a shell."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    wall_mm: Annotated[float, Field(gt=0, le=50)] = Field(description="thickness of the wall that stays")
    drain_holes: Annotated[int, Field(ge=0, le=20)] = Field(
        default=2, description="holes into each cavity: the lowest point, the highest, then the deepest pockets"
    )
    drain_diameter_mm: Annotated[float, Field(gt=0, le=20)] | None = Field(
        default=None, description="of each hole; else what the material asks for"
    )
    neck_mm: Annotated[float, Field(ge=0, le=50)] | None = Field(
        default=None,
        description="passages narrower than this are closed, so that nothing stays behind them; else the diameter of "
        "the drain holes in resin, and 0, which closes none, in filament",
    )
    undrainable: Literal["fill", "keep", "refuse"] | None = Field(
        default=None,
        description="what becomes of a cavity with no place for a hole; else resin fills it and filament keeps it",
    )
    plugs: bool = Field(default=False, description="a plug for each hole, printed beside the body")
    plug_clearance_mm: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.1, description="by which a plug's tip is narrower than its hole, all round"
    )
    infill: Literal["lattice", "ribs"] | None = Field(
        default=None, description="struts, or walls with windows, that hold the wall from inside"
    )
    infill_spacing_mm: Annotated[float, Field(ge=2, le=100)] = Field(
        default=10.0, description="from one strut or rib to the next, middle to middle"
    )
    infill_thickness_mm: Annotated[float, Field(gt=0, le=10)] = Field(
        default=1.2, description="of a strut or rib; no thinner than the printer makes walls"
    )

    @model_validator(mode="after")
    def _plugs_have_holes(self) -> Self:
        if self.plugs and not self.drain_holes:
            raise ValueError(
                "plugs = true and drain_holes = 0: without a hole there is nothing to plug; ask for holes, or leave "
                "plugs out"
            )
        return self


class Sphere(BaseModel):
    """A ball."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    centre_mm: Place = Field(description="in mm, in the case's frame, before scale and mirror")
    radius_mm: Annotated[float, Field(gt=0, le=1e9)]


class Box(BaseModel):
    """A box along the axes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lower_mm: Place = Field(description="in mm, in the case's frame, before scale and mirror")
    upper_mm: Place


class Paint(BaseModel):
    """What is painted in one colour on the surface of a part, in a PLY, an OBJ or a 3MF."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    part: str = Field(description="name of the part")
    colour: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")] = Field(description="red, green and blue, as #rrggbb")
    # as much as 8 bits lose when a program stores a colour as a fraction or in another colour space and back
    tolerance: Annotated[int, Field(ge=0, le=64)] = Field(default=8, description="of each channel, of 255")


class Zone(BaseModel):
    """A place of the anatomy, in the case's frame; exactly one key says which."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sphere: Sphere | None = Field(default=None, description="either a ball")
    box: Box | None = Field(default=None, description="or a box along the axes")
    part: str | None = Field(default=None, description="or the whole of the part of that name")
    paint: Paint | None = Field(
        default=None, description="or what is painted on a part: triangles with all corners in that colour"
    )


class KeepOut(Zone):
    """Where nothing is drilled, supported, cut, marked or joined."""


class Critical(Zone):
    """Where the quality of the surface matters most, and nothing is drilled or marked."""


class OrientWish(BaseModel):
    """The ``[orient]`` table: which way is up, by a person; exactly one key. Scores and warnings stay."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    up: Place | None = Field(default=None, description="either what points away from the bed, in the case's frame")
    choice: Annotated[int, Field(ge=1, le=5)] | None = Field(
        default=None, description="or one of the ways up that `printprep prepare` lists, by its number"
    )
    keep: bool = Field(default=False, description="or as the parts came, their z up")

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if (self.up is not None) + (self.choice is not None) + self.keep != 1:
            raise ValueError("say exactly one of up = [x, y, z], choice = 1 to 5 and keep = true")
        if self.up is not None and not 1e-6 < math.hypot(*self.up) < math.inf:
            raise ValueError(f"up is {list(self.up)}, which is no direction; say for instance up = [0, 0, 1]")
        return self


class Split(BaseModel):
    """What may be done to a body that is larger than the bed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    allowed: bool = Field(default=False, description="whether a body larger than the bed may be cut into pieces")
    pins: bool = Field(default=True, description="pins on one side of a cut and holes on the other")
    pin_diameter_mm: Annotated[float, Field(ge=1.5, le=30)] = Field(default=4.0, description="of each pin")
    # published starting values for a tight fit by extrusion are 0.10 to 0.15 mm a side; each printer wants its own
    clearance_mm: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.15, description="between a pin and its hole, all round"
    )


class LabelWish(BaseModel):
    """The ``[label]`` table: what is written on the print, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    style: LabelStyle = Field(default="engrave", description="how; a tab stands in where no place is flat enough")
    text: str | None = Field(
        default=None,
        json_schema_extra={"pattern": f"^{LABEL_SIGNS}{{1,{LABEL_LONGEST}}}$"},
        description="else the case's id, and L or R when all sides that are said agree; never a name; up to "
        f"{LABEL_LONGEST} letters of a to z, digits, blanks, dots, hyphens and underscores",
    )
    height_mm: Annotated[float, Field(gt=0, le=50)] | None = Field(
        default=None, description="of a capital letter; else the lab's label_height_mm"
    )
    depth_mm: Annotated[float, Field(ge=0.2, le=3)] = Field(
        default=0.6, description="of the letters, into the part or out of it"
    )
    part: str | None = Field(default=None, description="only on this part; else on any that is not critical")

    @field_validator("text")
    @classmethod
    def _can_be_written(cls, value: str | None) -> str | None:
        if value is None:
            return value
        if not 1 <= len(value) <= LABEL_LONGEST:
            raise ValueError(
                f"has {len(value)} characters, 1 to {LABEL_LONGEST} can be written; shorten it, or leave text out, "
                "which writes the case id"
            )
        strange = re.sub(LABEL_SIGNS, "", value)
        if strange:
            raise ValueError(
                f"is {value!r}: {' '.join(dict.fromkeys(map(repr, strange)))} cannot be written; use letters of a to z "
                "without accents, digits, blanks, dots, hyphens and underscores"
            )
        return value


class ConnectWish(BaseModel):
    """A ``[[connect]]`` table: struts that hold what would come loose."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    from_part: str = Field(alias="from", description="name of the part that floats")
    to: str = Field(description="name of the part that holds it; the same name joins its loose bodies")
    count: Annotated[int, Field(ge=1, le=12)] = Field(default=2, description="struts for each loose body")
    diameter_mm: Annotated[float, Field(ge=1, le=20)] | None = Field(
        default=None, description="of a strut; else by the weight it holds and its length, 2 mm or more"
    )
    material: str | None = Field(default=None, description="id of a material profile; else that of the part held to")


class SupportsWish(BaseModel):
    """The ``[supports]`` table: how supports are made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    material: str | None = Field(
        default=None,
        description="id of a material that dissolves, for the layers of supports next to a part, if a tool is free",
    )


class Acceptance(BaseModel):
    """A finding that the case goes on in spite of, and why; it goes into the record."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(description="of the finding, as `printprep check` shows it")
    reason: Annotated[str, Field(min_length=3)] = Field(description="why it may be so; it goes into the record")
    part: str | None = Field(default=None, description="only for this part; else for all")
    value: str | None = Field(default=None, description="only where the finding's value is this, as the command M600")


class CaseHeader(BaseModel):
    """The ``[case]`` table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=f"^{OPAQUE_ID}$", description="opaque; never a name")]
    units: Unit | None = Field(default=None, description="unit of files that have none (STL, OBJ, PLY)")
    frame: Literal["RAS", "LPS"] = Field(default="RAS", description="patient axes of the coordinates")
    scale: Annotated[float, Field(ge=0.001, le=100)] = Field(
        default=1.0, description="size of the print over size of the anatomy"
    )
    deadline: dt.datetime | None = Field(default=None, description="when it must be in the hand, with its offset")
    mirror: Literal["left-right"] | None = Field(default=None, description="print the mirror image, on purpose")
    synthetic: bool = Field(default=False, description="no patient: a demonstration or a test")
    slicer: Engine | None = Field(default=None, description="engine for extruding printers; else the first that fits")

    @field_validator("id")
    @classmethod
    def _says_nobody(cls, value: str) -> str:
        reason = identifying(value)
        if reason is not None:
            raise ValueError(
                f"is {value!r}: {reason}, and the id travels in 3MF, certificate and report; give an opaque one such "
                "as CHD-0142, or the one that `printprep case new` makes of the meshes, such as case-4c48cbce"
            )
        return value


class PartWish(BaseModel):
    """A ``[[parts]]`` table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        description="anatomy, never a person: it travels in G-code and 3MF"
    )
    mesh: str = Field(description="file, relative to case.toml")
    object: Names | None = Field(
        default=None, description='name of one object inside the file, or of several, as ["A", "B"], that are one part'
    )
    tissue: str | None = Field(default=None, description="id of a tissue profile; else read from the name")
    side: Side | None = Field(default=None, description="of paired anatomy; else read from the name, never the shape")
    critical: bool = Field(default=False, description="wins where parts overlap; kept free of marks")
    material: str | None = Field(default=None, description="id of a material profile; else the tissue's choice")
    hollow: Hollow | None = Field(default=None, description="print it as a shell with drain holes")
    drop_below_mm3: Positive | None = Field(
        default=None, description="separate bodies and sealed voids of less volume go, each listed; else all stay"
    )


class CaseFile(BaseModel):
    """A case.toml, as written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    case: CaseHeader
    limits: Limits | None = Field(default=None, description="of this case; else the lab's profile says them")
    parts: Annotated[tuple[PartWish, ...], Field(min_length=1)]
    label: LabelWish | None = Field(default=None, description="write the case's id on the print; without it nothing is")
    connect: tuple[ConnectWish, ...] = Field(default=(), description="struts between parts that would come loose")
    keep_out: tuple[KeepOut, ...] = Field(default=(), description="zones where nothing is drilled, supported or marked")
    critical: tuple[Critical, ...] = Field(
        default=(), description="zones whose surface matters most, and where nothing is drilled or marked"
    )
    orient: OrientWish | None = Field(default=None, description="which way is up; without it the best score is")
    split: Split | None = Field(default=None, description="cutting a body that is larger than the bed into pieces")
    supports: SupportsWish | None = Field(default=None, description="how supports are made")
    accept: tuple[Acceptance, ...] = Field(default=(), description="findings to go on in spite of")
