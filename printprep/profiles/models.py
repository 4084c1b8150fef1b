"""The shape of a profile: what a TOML file under profiles/ may say, with units and bounds.

One model a kind. pydantic refuses an unknown key or a value out of range; :mod:`printprep.profiles.load` adds the file
and the key to the message. All models are frozen.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Percent = Annotated[float, Field(ge=0, le=100)]
Celsius = Annotated[float, Field(ge=0, le=500)]
Colour = tuple[
    Annotated[int, Field(ge=0, le=255)], Annotated[int, Field(ge=0, le=255)], Annotated[int, Field(ge=0, le=255)]
]
Technology = Literal["fdm", "resin"]
MaterialClass = Literal["rigid", "flexible", "clear", "soluble"]
Firmware = Literal["marlin", "prusa-buddy", "klipper", "sl1", "chitu"]
SlicerValue = str | int | float | bool


class Model(BaseModel):
    """A frozen model that knows every key."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Bed(Model):
    """The build volume. The plate frame has its origin at the bed's front left corner."""

    width_mm: Positive  # x
    depth_mm: Positive  # y
    height_mm: Positive  # z
    keep_outs_mm: tuple[tuple[float, float, float, float], ...] = ()  # x0, y0, x1, y1: clips, purge lines


class Motion(Model):
    """What the firmware allows, x y z e."""

    max_speed_mm_s: tuple[Positive, Positive, Positive, Positive]
    max_acceleration_mm_s2: tuple[Positive, Positive, Positive, Positive]
    print_acceleration_mm_s2: Positive
    travel_acceleration_mm_s2: Positive
    jerk_mm_s: tuple[Positive, Positive, Positive, Positive] = (8, 8, 0.4, 5)
    junction_deviation_mm: NotNegative = 0  # 0: classic jerk
    square_corner_velocity_mm_s: NotNegative = 5  # Klipper


class Fdm(Model):
    """An extruding printer's head."""

    tools: Annotated[int, Field(ge=1, le=16)]
    shared_nozzle: bool  # one hotend for all tools (MMU): every change purges
    nozzle_mm: Positive = 0.4
    filament_mm: Positive = 1.75
    nozzle_max_c: Celsius
    bed_max_c: Celsius
    tool_change_s: NotNegative  # for one change, purge not counted
    heat_up_s: NotNegative  # from cold to first move
    purge_mm3: NotNegative = 0  # a change, on a wipe tower
    retraction_mm: NotNegative = 0.8
    retraction_mm_s: Positive = 35
    start_gcode: str
    end_gcode: str
    tool_change_gcode: str = ""


class Resin(Model):
    """A masked-light printer's panel, vat and file format."""

    width_px: Annotated[int, Field(gt=0, le=20000)]
    height_px: Annotated[int, Field(gt=0, le=20000)]
    pixel_mm: tuple[Positive, Positive]
    format: Literal["sl1", "chitu-zip"]
    mirror_x: bool = False  # the panel shows the layer mirrored, seen from below
    mirror_y: bool = False
    lift_mm: NotNegative
    lift_mm_s: Positive
    retract_mm_s: Positive
    layer_overhead_s: NotNegative = 0  # tilt, settle, release: what a layer costs besides light and lift


class Printer(Model):
    """A printer."""

    id: str
    name: str
    maker: str
    technology: Technology
    firmware: Firmware
    bed: Bed
    power_w: Positive  # mean while printing
    motion: Motion | None = None
    fdm: Fdm | None = None
    resin: Resin | None = None
    slicer: dict[str, dict[str, SlicerValue]] = Field(default_factory=dict)  # engine: {its key: value}


class FdmMaterial(Model):
    """How to extrude it."""

    nozzle_c: Celsius
    nozzle_first_layer_c: Celsius
    nozzle_range_c: tuple[Celsius, Celsius]
    bed_c: Celsius
    fan_percent: Percent
    max_flow_mm3_s: Positive
    retraction_mm: NotNegative | None = None  # None: the printer's
    slicer: dict[str, dict[str, SlicerValue]] = Field(default_factory=dict)


class ResinMaterial(Model):
    """How to cure it. Exposure depends on the layer: {"0.05": 2.5} is seconds by layer height in mm."""

    exposure_s: dict[str, Positive]
    bottom_exposure_s: Positive


class Material(Model):
    """A filament or a resin."""

    id: str
    name: str
    technology: Technology
    material_class: MaterialClass
    density_g_cm3: Positive
    price_per_kg: Decimal
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "EUR"
    colour: Colour
    shore: Annotated[str, Field(pattern=r"^\d{1,3}[AD]$")] | None = None
    shrinkage_percent: NotNegative = 0
    biocompatible: bool = False
    fdm: FdmMaterial | None = None
    resin: ResinMaterial | None = None


class FdmProcess(Model):
    """How to print by extrusion."""

    layer_height_mm: Positive
    first_layer_height_mm: Positive
    perimeters: Annotated[int, Field(ge=1)]
    top_layers: Annotated[int, Field(ge=0)]
    bottom_layers: Annotated[int, Field(ge=0)]
    infill_percent: Percent
    infill_pattern: str = "gyroid"
    perimeter_mm_s: Positive
    external_perimeter_mm_s: Positive
    infill_mm_s: Positive
    travel_mm_s: Positive
    first_layer_mm_s: Positive
    overhang_angle_deg: Annotated[float, Field(ge=0, le=90)] = 45  # from the vertical: steeper needs support
    brim_mm: NotNegative = 0
    slicer: dict[str, dict[str, SlicerValue]] = Field(default_factory=dict)


class ResinProcess(Model):
    """How to print by light."""

    layer_height_mm: Positive
    bottom_layers: Annotated[int, Field(ge=0)]
    fade_layers: Annotated[int, Field(ge=0)] = 0
    antialias: Literal[1, 2, 4, 8] = 4  # samples a pixel edge


class OrientWeights(Model):
    """What an orientation is scored by; a weight of 0 ignores it."""

    overhang: NotNegative = 1.0
    height: NotNegative = 0.3
    footprint: NotNegative = 0.3


class Process(Model):
    """A quality, for both technologies."""

    id: str
    name: str
    gives_up: str  # what it costs in fidelity, one sentence, for the rush table
    fdm: FdmProcess
    resin: ResinProcess
    orient: OrientWeights = OrientWeights()


class Tissue(Model):
    """A kind of anatomy."""

    id: str
    name: str
    synonyms: tuple[str, ...] = ()
    colour: Colour
    material_class: MaterialClass
    priority: int  # where parts overlap the higher one wins: the inner, smaller, more critical
    size_mm: tuple[Positive, Positive] | None = None  # plausible longest edge, newborn to adult, unscaled
    paired: bool = False  # exists left and right, so a side must be said
    in_host: bool = False  # named with the organ it is in (kidney tumour): wins over that organ's name


class Lab(Model):
    """A lab's money and limits."""

    id: str
    name: str
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    energy_per_kwh: Decimal
    labour_per_h: Decimal
    machine_per_h: dict[str, Decimal]  # by printer id; "default" for the rest
    preparation_min: dict[str, NotNegative]  # staff minutes by technology
    post_processing_min: dict[str, NotNegative]
    failure_rate: Annotated[float, Field(ge=0, lt=1)]  # share of prints that fail
    deviation_p95_mm: Positive = 0.2
    deviation_max_mm: Positive = 0.5
    volume_change_percent: Positive = 2.0
