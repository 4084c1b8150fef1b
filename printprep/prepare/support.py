"""Supports for printing by light, as an added part a plate; the last stage, because they hang on the place of all else.

After ``arrange`` nothing moves any more but straight up: a body that does not stand by its own flat underside is lifted
on to a pad. Extruding printers get their supports from the slicer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from printprep.geometry import support as geometry
from printprep.geometry.mesh import Bool, Float, as_point, join
from printprep.geometry.scaffold import Pad
from printprep.geometry.support import ENCLOSED, Body, Rules, Supports
from printprep.geometry.trunks import Ground
from printprep.geometry.zones import Zones
from printprep.plan import Change, Plate, supports_name
from printprep.prepare.added import add_part
from printprep.prepare.arrange import room
from printprep.prepare.draft import Draft, DraftPart
from printprep.prepare.lift import Bed, lifted
from printprep.prepare.removal import impossible, on_critical, removals_of, supported, what_of
from printprep.prepare.zones import critical_of, critical_parts, keep_out_of, keep_out_parts
from printprep.profiles.models import MaterialClass, ResinSupports
from printprep.progress import SILENT, Progress

STRENGTH_MPA: Final[dict[MaterialClass, float]] = {"rigid": 38.0, "clear": 38.0, "flexible": 1.6, "soluble": 10.0}
"""Tensile strength before the post-cure, by class of material: data sheets of a standard clear and of an elastic 50A
resin; of a soluble one assumed."""

SAFETY: Final = 2.0
SOFT_TIP: Final = 1.25  # times as wide are tips in flexible resin, which tears at small ones


def support(draft: Draft, progress: Progress = SILENT) -> Draft:
    """Add supports and a pad for every plate of a printer that prints by light; runs after arrange.

    Lifts the plates that need them. Adds the findings ``supported``, ``support-on-critical`` and
    ``support-impossible``, and fills ``draft.removals``. Who wants no supports is told of the ceilings of cavities all
    the same: what hangs over outside is seen, and these are not.

    Raises
    ------
    DoesNotFit
        A lifted body is higher than the printer builds.
    """
    if draft.printer.resin is None:
        return draft
    with progress.step("support") as step:
        for k, plate in enumerate(draft.plates):
            step.advance(k / len(draft.plates), f"plate {plate.index}")
            draft = _support(draft, plate) if draft.supports else _ceilings(draft, plate)
    return draft


def _infilled(draft: Draft) -> bool:
    """Whether the cavities of the case have struts or ribs already, so that more of the same is the advice."""
    wishes = [part.hollow for part in draft.case.parts if part.hollow is not None]
    return bool(wishes) and all(wish.infill is not None for wish in wishes)


def _made(draft: Draft, plate: Plate) -> tuple[Bed, Supports]:
    """A plate as it will be printed, and the supports that it needs."""
    wish = draft.process.resin.supports
    bed = lifted(draft, plate, wish)
    rules = rules_of(draft, wish, on_pad=bed.lift_mm > 0)
    return bed, geometry.support(_body(draft, bed, wish), rules, _ground(draft, bed))


def _ceilings(draft: Draft, plate: Plate) -> Draft:
    """A finding for each ceiling of a cavity that nothing holds, on a plate without supports."""
    bed, made = _made(draft, plate)
    inside = tuple(one for one in made.bare if one.reason == ENCLOSED)
    return draft.with_findings(*impossible(bed, inside, held=True, infilled=_infilled(draft))) if inside else draft


def _support(draft: Draft, plate: Plate) -> Draft:
    bed, made = _made(draft, plate)
    draft = draft.with_findings(*impossible(bed, made.bare, held=bool(made.trunks), infilled=_infilled(draft)))
    if not made.trunks:
        return draft
    name = supports_name(plate.index)
    mesh = made.mesh.transformed(np.linalg.inv(bed.plate.case_to_plate))
    change = Change(
        stage="support",
        what=what_of(made, mesh),
        volume_mm3=mesh.volume_mm3,
        area_mm2=float(made.contact_mm2.sum()),
        where_mm=as_point(mesh.bounds_mm.mean(axis=0)),
    )
    draft = add_part(draft, name, mesh, like=bed.parts[0].source, change=change)
    standing = replace(bed.plate, parts=(*plate.parts, name))
    plates = tuple(standing if one.index == plate.index else one for one in draft.plates)
    rows = removals_of(bed, made)
    draft = replace(draft, plates=plates, removals=(*draft.removals, *rows))
    return draft.with_findings(supported(name, bed, made, mesh, rows), *on_critical(bed, made, rows))


def rules_of(draft: Draft, wish: ResinSupports, *, on_pad: bool) -> Rules:
    """How supports are made of the material of a draft.

    What a tip holds is its section times the strength of the resin; what pulls at it is the film's pull on the area
    around it. So for contacts a distance s apart, with tips of a diameter d,

        s = d sqrt(pi STRENGTH / (4 peel SAFETY)),

    where ``peel_mpa`` is the profile's, and never more than the profile's ``spacing_mm``, beyond which a fresh layer
    sags.
    """
    strength = min(STRENGTH_MPA[_class(draft, part)] for part in draft.parts)
    pad = Pad(thick_mm=wish.pad_mm if on_pad else 0.0, edge_mm=wish.pad_edge_mm, foot_mm=wish.foot_mm)
    return Rules(
        layer_mm=draft.process.resin.layer_height_mm,
        angle_deg=min(max(draft.process.resin.overhang_angle_deg, 5.0), 85.0),
        spacing_mm=wish.spacing_mm,
        load_ratio=math.sqrt(math.pi * strength / (4.0 * wish.peel_mpa * SAFETY)),
        tip_least_mm=wish.tip_least_mm,
        sunk_mm=wish.sunk_mm,
        pillar_mm=wish.pillar_mm,
        clearance_mm=wish.clearance_mm,
        pad=pad,
    )


def _class(draft: Draft, part: DraftPart) -> MaterialClass:
    assert part.material is not None, "assign comes before support"
    return draft.profiles.material(part.material).material_class


def _tip_mm(draft: Draft, part: DraftPart, wish: ResinSupports) -> float:
    """The widest tip that a part may have."""
    tissue = None if part.added else draft.case.part(part.source).tissue
    fragile = tissue is not None and draft.profiles.tissue(tissue).fragile
    tip_mm = wish.tip_fragile_mm if fragile else wish.tip_mm
    return tip_mm * (SOFT_TIP if _class(draft, part) == "flexible" else 1.0)


def _body(draft: Draft, bed: Bed, wish: ResinSupports) -> Body:
    tips = [np.full(len(part.mesh), _tip_mm(draft, part, wish)) for part in bed.parts]
    return Body(
        mesh=join(list(bed.meshes)),
        tip_mm=np.concatenate(tips),
        forbidden=_whole(bed, [part.source in keep_out_parts(draft) for part in bed.parts]),
        critical=_whole(bed, [part.name in critical_parts(draft) for part in bed.parts]),
        gap_mm=_gap(keep_out_of(draft), bed),
        critical_gap_mm=_gap(critical_of(draft), bed),
    )


def _whole(bed: Bed, parts: list[bool]) -> Bool:
    """(m,) of all faces on the plate: those of some parts."""
    return np.repeat(parts, [len(mesh) for mesh in bed.meshes])


def _gap(zones: Zones, bed: Bed) -> Callable[[Float], Float] | None:
    """Distance of places on the plate from zones, which go with every piece that stands on it."""
    if not zones:
        return None
    backs = list({motion.tobytes(): np.linalg.inv(motion) for motion in bed.motions}.values())

    def gap_mm(points: Float) -> Float:
        gaps = [zones.gap_mm(points @ back[:3, :3].T + back[:3, 3]) for back in backs]
        return np.asarray(np.min(gaps, axis=0))

    return gap_mm


def _ground(draft: Draft, bed: Bed) -> Ground:
    space = room(draft)
    inset = space.margin_mm
    return Ground(
        floor_mm=draft.process.resin.supports.pad_mm if bed.lift_mm else 0.0,
        lower_mm=(inset, inset),
        upper_mm=(space.bed.width_mm - inset, space.bed.depth_mm - inset),
        foot_mm=draft.process.resin.supports.foot_mm,
        taken_mm=tuple((x0 - inset, y0 - inset, x1 + inset, y1 + inset) for x0, y0, x1, y1 in space.bed.keep_outs_mm),
    )
