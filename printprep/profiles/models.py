"""The shape of a profile: what a TOML file under profiles/ may say, with units and bounds.

One model a kind. pydantic refuses an unknown key or a value out of range; :mod:`printprep.profiles.load` adds the file
and the key to the message. All models are frozen.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from printprep.casefile import Limits, Positive
from printprep.profiles.firmware import READS, Firmware, Reads

NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Percent = Annotated[float, Field(ge=0, le=100)]
Celsius = Annotated[float, Field(ge=0, le=450)]  # the hottest heads there are
Speed = Annotated[float, Field(gt=0, le=2000)]  # mm/s; beyond it a typing error
LayerHeight = Annotated[float, Field(gt=0, le=2)]  # mm; the widest nozzles there are
Colour = tuple[
    Annotated[int, Field(ge=0, le=255)], Annotated[int, Field(ge=0, le=255)], Annotated[int, Field(ge=0, le=255)]
]
Technology = Literal["fdm", "resin"]
MaterialClass = Literal["rigid", "flexible", "clear", "soluble"]
SlicerValue = str | int | float | bool


class Model(BaseModel):
    """A frozen model that knows every key."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Profile(Model):
    """What every profile has."""

    id: str  # of its file or table; a file does not say it
    name: str  # as people read it


def _needs(technology: str, sections: dict[str, tuple[str, ...]], model: Model) -> None:
    """Refuse a model without the sections of its technology, or with those of another."""
    for key in sections[technology]:
        if getattr(model, key) is None:
            raise ValueError(f"its technology is {technology}, but it has no [{key}] table")
    for key in (key for other in sections.values() for key in other if key not in sections[technology]):
        if getattr(model, key) is not None:
            raise ValueError(f"its technology is {technology}, so it cannot have a [{key}] table")


class Bed(Model):
    """The build volume. The plate frame has its origin at the bed's front left corner."""

    width_mm: Positive  # x
    depth_mm: Positive  # y
    height_mm: Positive  # z
    keep_outs_mm: tuple[tuple[float, float, float, float], ...] = ()  # x0, y0, x1, y1: clips, purge lines

    @model_validator(mode="after")
    def _keep_outs_are_on_it(self) -> Self:
        for x0, y0, x1, y1 in self.keep_outs_mm:
            if not (0 <= x0 < x1 <= self.width_mm and 0 <= y0 < y1 <= self.depth_mm):
                raise ValueError(
                    f"the keep-out [{x0:g}, {y0:g}, {x1:g}, {y1:g}] is not x0 < x1 and y0 < y1 on a bed of "
                    f"{self.width_mm:g} x {self.depth_mm:g} mm"
                )
        return self

    def keeps_out(self, x_mm: float, y_mm: float) -> bool:
        """Whether no part may lie at a place."""
        return any(x0 <= x_mm <= x1 and y0 <= y_mm <= y1 for x0, y0, x1, y1 in self.keep_outs_mm)


class Motion(Model):
    """What the firmware allows, x y z e, and how it plans. Defaults are those of the firmwares."""

    max_speed_mm_s: tuple[Speed, Speed, Speed, Speed]
    max_acceleration_mm_s2: tuple[Positive, Positive, Positive, Positive]
    print_acceleration_mm_s2: Positive
    travel_acceleration_mm_s2: Positive
    jerk_mm_s: tuple[Positive, Positive, Positive, Positive] = (8, 8, 0.4, 5)
    junction_deviation_mm: NotNegative = 0  # 0: classic jerk
    retract_acceleration_mm_s2: Positive | None = None  # Marlin, M204 R; None: as for printing
    steps_per_mm: tuple[Positive, Positive, Positive, Positive] = (80, 80, 400, 93)  # Marlin, M92
    planner_blocks: Annotated[int, Field(ge=4, le=64)] = 16  # Marlin, BLOCK_BUFFER_SIZE
    steps_ahead: bool = False  # planned as by Prusa's Buddy, which computes steps ahead; Marlin times them one by one
    core_xy: bool = False  # Prusa's Buddy: the motors share x and y, so |x| + |y| may not exceed the first speed
    restart_s: NotNegative = 0  # Prusa's Buddy: what each start from rest takes, for its shapers look back and ahead
    shaper_ahead_s: NotNegative = 0  # Prusa's Buddy: how far its shapers look ahead
    min_segment_s: NotNegative = 0.02  # Marlin, M205 B: a shorter move is stretched while the buffer is nearly empty
    square_corner_velocity_mm_s: NotNegative = 5  # Klipper
    minimum_cruise_ratio: Annotated[float, Field(ge=0, lt=1)] = 0.5  # Klipper
    instantaneous_corner_velocity_mm_s: NotNegative = 1  # Klipper, of the extruder


class Heater(Model):
    """One body of one temperature. The constants that Marlin's M306 measures, and prints, are these."""

    power_w: Positive
    capacity_j_k: Positive  # what warms it by one kelvin
    loss_w_k: Positive  # to the room, for each kelvin above it
    measured: bool = False  # on such a printer; otherwise typical or computed, and said to be assumed


class Timing(Model):
    """What an extruding printer takes besides its moves."""

    ambient_c: Annotated[float, Field(ge=0, le=60)] = 25
    # The values that Marlin's configuration gives for a common 40 W hotend (MPC_HEATER_POWER and following)
    nozzle: Heater = Heater(power_w=40, capacity_j_k=16.7, loss_w_k=0.068)
    # Computed for 235 x 235 mm: 3 mm of aluminium and 4 mm of glass, 220 W, 10 W/(m2 K) on both sides
    bed: Heater = Heater(power_w=220, capacity_j_k=870, loss_w_k=1.1)
    nozzle_settle_s: NotNegative = 10  # Marlin, TEMP_RESIDENCY_TIME
    bed_settle_s: NotNegative = 10  # Marlin, TEMP_BED_RESIDENCY_TIME
    waits_for_cooling: bool = False  # Klipper's M109 and M190 do, Marlin's only with R
    home_s: NotNegative = 20  # each G28
    level_s: NotNegative = 60  # each G29 and the like
    start_s: NotNegative = 0  # macros of the start code, which a file names only
    filament_change_s: NotNegative = 180  # M600: a person who is there


MacroName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*_[A-Z0-9_]+$")]


class Macros(Model):
    """A Klipper printer's own commands that a file may call; every other is refused."""

    start: tuple[MacroName, ...] = ()  # homes and heats, as its name says: PRINT_START
    end: tuple[MacroName, ...] = ()  # switches the heaters off
    other: tuple[MacroName, ...] = ()


class HeadRoom(Model):
    """What is around the nozzle, as slicers reckon with it to print one object after the other."""

    radius_mm: Positive  # about the nozzle
    height_mm: Positive  # of the beam along x above the nozzle's tip


class Fdm(Model):
    """An extruding printer's head."""

    tools: Annotated[int, Field(ge=1, le=16)]
    shared_nozzle: bool  # one hotend for all tools (MMU): every change purges
    nozzle_mm: Positive = 0.4
    filament_mm: Positive = 1.75
    head: HeadRoom | None = None  # the guard looks whether it runs into the print; None: at the nozzle alone
    nozzle_max_c: Celsius
    bed_max_c: Celsius
    tool_change_s: NotNegative  # for one change, purge not counted
    purge_mm3: NotNegative = 0  # a change, on a wipe tower
    retraction_mm: NotNegative = 0.8
    retraction_mm_s: Positive = 35
    start_gcode: str
    end_gcode: str
    tool_change_gcode: str = ""
    macros: Macros = Macros()
    park_mm: tuple[float, float] | None = None  # x, y of the head in a pause; in a keep-out, else it is lifted only
    homes_xy_alone: bool = False  # G28 X Y never lowers the nozzle: a print can be taken up (printer resume-file)


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


class Printer(Profile):
    """A printer."""

    maker: str
    called: tuple[str, ...] = ()  # by slicers and by its firmware (printer_model, M862.3); empty: no file is asked
    technology: Technology
    firmware: Firmware
    bed: Bed
    power_w: Positive  # mean while printing
    motion: Motion | None = None
    fdm: Fdm | None = None
    timing: Timing = Timing()  # of an extruding printer
    resin: Resin | None = None
    slicer: dict[str, dict[str, SlicerValue]] = Field(default_factory=dict)  # engine: {its key: value}

    @model_validator(mode="after")
    def _has_what_its_technology_needs(self) -> Self:
        _needs(self.technology, {"fdm": ("fdm", "motion"), "resin": ("resin",)}, self)
        if self.technology == "fdm" and self.firmware not in READS:
            raise ValueError(
                f"firmware is {self.firmware!r}, which drives no extruder; choose one of {', '.join(READS)}"
            )
        if self.firmware == "smoothieware" and self.motion is not None and self.motion.junction_deviation_mm <= 0:
            raise ValueError(
                "Smoothieware takes corners by motion.junction_deviation_mm; say it in mm, as the printer's own config "
                "does (0.05 if that is silent)"
            )
        return self

    @property
    def reads(self) -> Reads:
        """How the firmware of an extruding printer reads G-code."""
        return READS[self.firmware]


class FdmMaterial(Model):
    """How to extrude it."""

    nozzle_c: Celsius
    nozzle_first_layer_c: Celsius
    nozzle_range_c: tuple[Celsius, Celsius]
    bed_c: Celsius
    fan_percent: Percent
    max_flow_mm3_s: Positive
    retraction_mm: NotNegative | None = None  # None: the printer's
    drain_diameter_mm: Positive = 3.5  # of a hole into a hollow part; it lets out air and what dissolves supports
    slicer: dict[str, dict[str, SlicerValue]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _temperatures_are_in_the_range(self) -> Self:
        low, high = self.nozzle_range_c
        for key in ("nozzle_c", "nozzle_first_layer_c"):
            if not low <= getattr(self, key) <= high:
                raise ValueError(f"{key} is {getattr(self, key):g}, outside nozzle_range_c, {low:g} to {high:g} deg C")
        return self


class ResinMaterial(Model):
    """How to cure it. Exposure depends on the layer: {"0.05": 2.5} is seconds by layer height in mm."""

    exposure_s: dict[str, Positive]
    bottom_exposure_s: Positive
    drain_diameter_mm: Positive = 3.5  # of a hole through which it runs out of a hollow part

    @field_validator("exposure_s")
    @classmethod
    def _by_layer_height(cls, value: dict[str, float]) -> dict[str, float]:
        for key in value:
            try:
                height_mm = float(key)
            except ValueError:
                height_mm = 0.0
            if not 0 < height_mm <= 1:
                raise ValueError(f'the key {key!r} is not a layer height in mm; write "0.05" = 2.5')
        return value


class Material(Profile):
    """A filament or a resin."""

    technology: Technology
    material_class: MaterialClass
    density_g_cm3: Positive
    price_per_kg: Decimal
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "EUR"
    colour: Colour
    shore: Annotated[str, Field(pattern=r"^\d{1,3}[AD]$")] | None = None
    shrinkage_percent: NotNegative = 0
    fdm: FdmMaterial | None = None
    resin: ResinMaterial | None = None

    @model_validator(mode="after")
    def _has_what_its_technology_needs(self) -> Self:
        _needs(self.technology, {"fdm": ("fdm",), "resin": ("resin",)}, self)
        return self


class OrientWeights(Model):
    """What an orientation is scored by: the share of each term, which runs from 0 to 1; a weight of 0 ignores it.

    The terms are those of :mod:`printprep.geometry.orient`.
    """

    overhang: NotNegative = 1.0  # surface that supports touch: marks
    support: NotNegative = 0.5  # volume of supports: material, time, work
    height: NotNegative = 0.3  # layers: time
    footprint: NotNegative = 0.3  # little contact with the bed
    stability: NotNegative = 0.2  # how easily it tips
    critical: NotNegative = 1.0  # critical surface that supports or the bed touch
    staircase: NotNegative = 0.3  # steps on critical surface
    peel: NotNegative = 0.0  # largest layer: the pull of a resin printer's film
    suction: NotNegative = 0.0  # pockets that the film sucks at


class FdmProcess(Model):
    """How to print by extrusion."""

    layer_height_mm: LayerHeight
    first_layer_height_mm: LayerHeight
    perimeters: Annotated[int, Field(ge=1)]
    top_layers: Annotated[int, Field(ge=0)]
    bottom_layers: Annotated[int, Field(ge=0)]
    infill_percent: Percent
    infill_pattern: str = "gyroid"
    perimeter_mm_s: Speed
    external_perimeter_mm_s: Speed
    infill_mm_s: Speed
    travel_mm_s: Speed
    first_layer_mm_s: Speed
    overhang_angle_deg: Annotated[float, Field(ge=0, le=90)] = 45  # from the vertical: steeper needs support
    bridge_mm: NotNegative = 10  # longest bridge that prints without a support
    brim_mm: NotNegative = 0
    orient: OrientWeights = OrientWeights()
    slicer: dict[str, dict[str, SlicerValue]] = Field(default_factory=dict)


class ResinSupports(Model):
    """Supports for printing by light. Defaults are those of PrusaSlicer 2.5 unless a comment says otherwise."""

    elevation_mm: Annotated[float, Field(ge=3.5, le=50)] = 5  # between pad and body: a head and a foot need 3.5 mm
    spacing_mm: Annotated[float, Field(ge=1, le=20)] = 3.5  # between contacts on a level surface; ours, by eye
    tip_mm: Annotated[float, Field(ge=0.1, le=2)] = 0.4  # diameter where they touch
    tip_fragile_mm: Annotated[float, Field(ge=0.1, le=2)] = 0.3  # and on tissues that break: vessels; ours
    tip_least_mm: Annotated[float, Field(ge=0.1, le=2)] = 0.2  # on thin walls, half as wide as they are thick; ours
    sunk_mm: Annotated[float, Field(ge=0.05, le=0.4)] = 0.2  # how deep a tip reaches into the body; certified to 0.5
    pillar_mm: Annotated[float, Field(ge=0.4, le=5)] = 1.0
    foot_mm: Annotated[float, Field(ge=0.4, le=20)] = 2.5  # diameter; ours: the pad spreads the load
    clearance_mm: Annotated[float, Field(ge=0.1, le=5)] = 0.5  # between pillars and body; ours
    # pull of the film on a fresh layer over its area: assumed, on the high side; film, speed and resin change it
    peel_mpa: Annotated[float, Field(ge=0.001, le=0.2)] = 0.03
    pad_mm: NotNegative = 2.0  # thickness; 0: none, the feet stand on the bed
    pad_edge_mm: Annotated[float, Field(ge=0.5, le=20)] = 2.0  # beyond the feet; its lower edge is chamfered; ours

    @model_validator(mode="after")
    def _tips_are_thinner_than_pillars(self) -> Self:
        if not self.tip_least_mm <= self.tip_fragile_mm <= self.tip_mm <= self.pillar_mm <= self.foot_mm:
            raise ValueError("tip_least_mm, tip_fragile_mm, tip_mm, pillar_mm and foot_mm must rise in this order")
        return self

    @property
    def lift_mm(self) -> float:
        """How much higher a supported body stands."""
        return self.elevation_mm + self.pad_mm


class ResinProcess(Model):
    """How to print by light."""

    layer_height_mm: Annotated[float, Field(gt=0, le=1)]
    bottom_layers: Annotated[int, Field(ge=0)]
    fade_layers: Annotated[int, Field(ge=0)] = 0
    antialias: Literal[1, 2, 4, 8] = 4  # samples a pixel edge
    overhang_angle_deg: Annotated[float, Field(ge=0, le=90)] = 60  # from the vertical: steeper needs support
    supports: ResinSupports = ResinSupports()
    orient: OrientWeights = OrientWeights()


class Process(Profile):
    """A quality, for both technologies."""

    gives_up: str  # what it costs in fidelity, one sentence, for the rush table
    fdm: FdmProcess
    resin: ResinProcess


class Tissue(Profile):
    """A kind of anatomy."""

    synonyms: tuple[str, ...] = ()
    colour: Colour
    material_class: MaterialClass
    priority: int  # where parts overlap the higher one wins: the inner, smaller, more critical
    size_mm: tuple[Positive, Positive] | None = None  # plausible longest edge, newborn to adult, unscaled
    paired: bool = False  # exists left and right, so a side must be said
    fragile: bool = False  # breaks when supports come off: they touch it with small tips
    in_host: bool = False  # named with the organ it is in (kidney tumour): wins over that organ's name

    @field_validator("size_mm")
    @classmethod
    def _rising(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and value[0] >= value[1]:
            raise ValueError(f"is [{value[0]:g}, {value[1]:g}]; write the smallest size first")
        return value


class Lab(Profile, Limits):
    """A lab's money, and the limits of a case that says none."""

    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    energy_per_kwh: Decimal
    labour_per_h: Decimal
    machine_per_h: dict[str, Decimal]  # by printer id; "default" for the rest
    preparation_min: dict[str, NotNegative]  # staff minutes by technology
    post_processing_min: dict[str, NotNegative]
    failure_rate: Annotated[float, Field(ge=0, lt=1)]  # share of prints that fail
    label_height_mm: Positive = 5.0  # of letters: read at arm's length, two lines of a 0.4 mm nozzle a stroke
