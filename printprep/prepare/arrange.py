"""Everything on the bed, moving as one body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from printprep.case import Finding, Severity
from printprep.errors import DoesNotFit
from printprep.geometry import nest
from printprep.geometry.mesh import Float
from printprep.geometry.shade import Under, shaded
from printprep.geometry.topology import used_vertices
from printprep.plan import TAB, Matrix, Plate
from printprep.prepare.draft import Draft, DraftPart
from printprep.profiles.beside import supports_reach_mm
from printprep.profiles.tower import clearance_mm, tower_size
from printprep.progress import SILENT, Progress

EDGE_MM: Final = 2.0  # between the body with its brim and the edge of the bed: skirt, clips, a wet corner
SPACING_MM: Final = 5.0  # between two pieces on one bed, brims not counted


def arrange(draft: Draft, progress: Progress = SILENT) -> Draft:
    """Put all parts as one body on the bed of the draft's printer, or the pieces of a split body on several.

    Turns by ``draft.rotation``, then about z as little as needed, stands the lowest point on z = 0, in the middle of
    the bed when that is free. The parts of a piece keep their places against each other; the pieces stand side by
    side on as few plates as :func:`printprep.geometry.nest.share_beds` finds. Adds a finding ``arranged`` a plate.

    Raises
    ------
    DoesNotFit
        With the body's size, the bed's, the largest scale that fits, and the parts that stick out.
    """
    with progress.step("arrange"):
        if any(part.piece for part in draft.parts):
            return _arrange_pieces(draft)
        turned = _turned(draft, draft.parts)
        spot = _spot_of_all(draft, turned)
        if spot is None:
            raise DoesNotFit(refusal(draft))
        motion = _motion(draft, spot, turned)
        plate = Plate(index=1, parts=tuple(part.name for part in draft.parts), case_to_plate=motion)
        return replace(draft, plates=(plate,)).with_findings(_arranged(draft, spot, np.ptp(turned, axis=0)))


def stands_whole(draft: Draft) -> bool:
    """Whether the body as oriented has a place on the bed as one."""
    turned = _turned(draft, draft.parts)
    return _spot(nest.footprint(turned), turned, room(draft)) is not None


def _spot_of_all(draft: Draft, turned: Float) -> nest.Spot | None:
    """A place for the body as one: where its supports have room, too; or else for the body alone.

    Supports may come out smaller than they might, so a body is not refused for them before it is sliced.
    """
    space, outline = room(draft), nest.footprint(turned)
    spot = _spot(outline, turned, space)
    under = supports_of(draft)
    if spot is None or under is None:
        return spot
    with_supports = shaded(_triangles(draft, draft.parts), under)
    if nest.stands_clear(nest.beside(with_supports, spot), space):
        return spot
    return _spot(with_supports, turned, space) or spot


def supports_of(draft: Draft) -> Under | None:
    """What supports by extrusion will be like around the body, besides the margin that is kept for its brim."""
    if draft.printer.fdm is None or not draft.supports:
        return None
    process = draft.process.fdm
    return Under(
        angle_deg=process.overhang_angle_deg,
        reach_mm=max(0.0, supports_reach_mm(process) - process.brim_mm),
        floor_mm=process.first_layer_height_mm,
    )


def _arrange_pieces(draft: Draft) -> Draft:
    numbers = sorted({part.piece for part in draft.parts})
    groups = [tuple(part for part in draft.parts if part.piece == number) for number in numbers]
    turned = [_turned(draft, group) for group in groups]
    space = room(draft)
    spacing_mm = SPACING_MM + 2.0 * (space.margin_mm - EDGE_MM)
    under = supports_of(draft)
    with_supports = [shaded(_triangles(draft, group), under) for group in groups]
    stands = nest.share_beds(with_supports, space, spacing_mm)
    if stands is None and under is not None:  # as for a whole body
        stands = nest.share_beds([nest.footprint(points) for points in turned], space, spacing_mm)
    if stands is None or any(np.ptp(points[:, 2]) > space.bed.height_mm for points in turned):
        raise DoesNotFit(f"a piece of the split body does not fit the bed of {draft.printer.name} with its pins")
    plates, findings = [], []
    beds = list(dict.fromkeys(stand.bed for stand in stands))  # the first plate has the first piece
    for index, bed in enumerate(beds, start=1):
        here = [k for k, stand in enumerate(stands) if stand.bed == bed]
        motions = {numbers[k]: _motion(draft, stands[k].spot, turned[k]) for k in here}
        names = tuple(part.name for part in draft.parts if part.piece in motions)
        first = motions[numbers[here[0]]]
        plates.append(Plate(index=index, parts=names, case_to_plate=first, motions=motions if len(here) > 1 else {}))
        findings.append(_plate_arranged(draft, index, {numbers[k]: np.ptp(turned[k], axis=0) for k in here}))
    return replace(draft, plates=tuple(plates)).with_findings(*findings)


def _turned(draft: Draft, parts: Sequence[DraftPart]) -> Float:
    """All points of parts in the build direction, (n, 3) mm."""
    points = np.concatenate([used_vertices(part.mesh).vertices for part in parts])
    return np.asarray(points @ draft.rotation[:3, :3].T)


def _triangles(draft: Draft, parts: Sequence[DraftPart]) -> Float:
    """All triangles of parts in the build direction, (n, 3, 3) mm."""
    triangles = np.concatenate([part.mesh.triangles for part in parts])
    return np.asarray(triangles @ draft.rotation[:3, :3].T)


def _spot(outline: Float, turned: Float, space: nest.Room) -> nest.Spot | None:
    low, high = turned[:, 2].min(), turned[:, 2].max()
    return nest.place(outline, space) if high - low <= space.bed.height_mm else None


def _motion(draft: Draft, spot: nest.Spot, turned: Float) -> Matrix:
    motion = nest.turn_z(spot.angle_deg) @ _turn_only(draft.rotation)
    motion[:3, 3] = spot.x_mm, spot.y_mm, -turned[:, 2].min()
    return motion


def room(draft: Draft) -> nest.Room:
    """The bed of the draft's printer with what has to stay free on it.

    The wipe tower counts, as large as the driver may ask for it, when changes of tool leave something on one; a resin
    printer's bed is its panel, less what supports lift the body by and the edge of their pad.
    """
    printer, bed = draft.printer, draft.printer.bed
    if printer.resin is not None:
        panel = printer.resin
        wish = draft.process.resin.supports
        area = nest.Area(
            width_mm=min(bed.width_mm, panel.width_px * panel.pixel_mm[0]),
            depth_mm=min(bed.depth_mm, panel.height_px * panel.pixel_mm[1]),
            height_mm=bed.height_mm - (wish.lift_mm if draft.supports else 0.0),
            keep_outs_mm=bed.keep_outs_mm,
        )
        pad_mm = wish.foot_mm / 2.0 + wish.pad_edge_mm if draft.supports else 0.0
        return nest.Room(bed=area, margin_mm=EDGE_MM + pad_mm)
    process = draft.process.fdm
    tower = tower_size(printer.fdm, process, len(draft.tools)) if printer.fdm is not None else None
    return nest.Room(
        bed=bed,
        margin_mm=EDGE_MM + process.brim_mm,
        reserve_mm=tower.place_mm if tower is not None else None,
        gap_mm=clearance_mm(process),
    )


def _turn_only(rotation: Matrix) -> Matrix:
    matrix = np.eye(4)
    matrix[:3, :3] = rotation[:3, :3]
    return matrix


def _arranged(draft: Draft, spot: nest.Spot, size_mm: Float) -> Finding:
    where = "in the middle of" if spot.centred else "beside what must stay free on"
    turn = f"turned by {spot.angle_deg:g} deg about z" if spot.angle_deg else "not turned about z"
    size = " x ".join(f"{v:.1f}" for v in size_mm)
    return Finding(
        code="arranged",
        severity=Severity.INFO,
        message=f"{len(draft.parts)} parts as one body of {size} mm, {turn}, {where} the bed of {draft.printer.name}",
        value=spot.angle_deg,
    )


def _plate_arranged(draft: Draft, index: int, sizes_mm: dict[int, Float]) -> Finding:
    what = ", ".join(
        f"{f'piece {k}' if k else TAB} of {' x '.join(f'{v:.1f}' for v in size)} mm" for k, size in sizes_mm.items()
    )
    message = f"plate {index} of {draft.printer.name}: {what}"
    return Finding(code="arranged", severity=Severity.INFO, message=message, value=index)


def refusal(draft: Draft) -> str:
    """Why the body does not fit, and what would."""
    turned, space = _turned(draft, draft.parts), room(draft)
    outline, bed = nest.footprint(turned), space.bed
    size = np.ptp(turned, axis=0)
    scale = nest.largest_scale(outline, float(size[2]), space)
    wanted = draft.case.scale * np.floor(scale * 1000.0) / 1000.0
    largest = f"{wanted:.3f} is the largest case scale that fits" if scale > 0 else "no scale fits"
    tower = " and a wipe tower of {:.0f} x {:.0f} mm".format(*space.reserve_mm) if space.reserve_mm else ""
    if draft.printer.resin is not None and draft.supports:
        tower = f", {draft.process.resin.supports.lift_mm:g} mm of its height left to supports and pad"
    names = _sticking_out(draft, space)
    out = f"; {', '.join(names)} would stick out" if names else ""
    return (
        f"the body is {size[0]:.1f} x {size[1]:.1f} x {size[2]:.1f} mm as oriented and does not fit the bed of "
        f"{draft.printer.name}, {bed.width_mm:g} x {bed.depth_mm:g} x {bed.height_mm:g} mm, "
        f"with {space.margin_mm:g} mm to its edge{tower}, at any turn about z{out}; {largest} "
        f"(now {draft.case.scale:g}), or choose a larger printer"
    )


def _sticking_out(draft: Draft, space: nest.Room) -> tuple[str, ...]:
    """Names of the parts outside of the bed when the body stands in its middle, turned to stick out least."""
    bodies = [used_vertices(part.mesh).vertices @ draft.rotation[:3, :3].T for part in draft.parts]
    outlines = [nest.footprint(body) for body in bodies]
    free = np.array([space.bed.width_mm, space.bed.depth_mm]) - 2 * space.margin_mm

    def reach_mm(angle_deg: int) -> Float:
        """How far each part goes from the middle of all to either side, (parts, 2)."""
        turned = [outline @ nest.turn_z(angle_deg)[:2, :2].T for outline in outlines]
        boxes = np.array([(outline.min(axis=0), outline.max(axis=0)) for outline in turned])
        middle = (boxes[:, 0].min(axis=0) + boxes[:, 1].max(axis=0)) / 2.0
        return np.asarray(np.abs(boxes - middle[None, None]).max(axis=1))

    least = min(range(180), key=lambda angle_deg: np.maximum(0.0, reach_mm(angle_deg).max(axis=0) - free / 2.0).sum())
    wide = (reach_mm(least) > free / 2.0 + 1e-9).any(axis=1)
    top = np.array([body[:, 2].max() for body in bodies]) - min(body[:, 2].min() for body in bodies)
    tall = top > space.bed.height_mm + 1e-9
    return tuple(part.name for part, out in zip(draft.parts, wide | tall, strict=True) if out)
