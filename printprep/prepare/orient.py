"""Which way up: all parts as one body, measured for supports, marks, stability and layers, and kept on the bed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from printprep.case import Finding, Severity
from printprep.errors import CaseError
from printprep.geometry import bvh, standing
from printprep.geometry import orient as geometry
from printprep.geometry.mesh import Bool, Mesh, join
from printprep.geometry.occlusion import CRITICAL, HIDDEN, KEEP_OUT, Marks
from printprep.geometry.orient import Ranking, Wish
from printprep.geometry.pose import Pose
from printprep.plan import Orientation
from printprep.prepare.arrange import room
from printprep.prepare.draft import Draft, DraftPart
from printprep.prepare.zones import marked
from printprep.profiles.models import OrientWeights
from printprep.progress import SILENT, Progress

SHOWN: Final = 5  # ways up that a person chooses among
OUTSIDE_MM: Final = 0.05  # from a face: where another part is, the face is inside
ENOUGH: Final = 0.9  # of the largest scale that fits: a better score counts more than the rest


def orient(draft: Draft, progress: Progress = SILENT) -> Draft:
    """Choose the way up with the best score among those that fit the printer, or the one that the case asks for.

    Sets ``draft.rotation``, the least rotation that turns the chosen direction up, and ``draft.orientations``. Adds
    ``oriented`` with the score of the choice (value) and of the way the parts came (limit), and what speaks against
    the choice: ``keep-out-touched``, ``unstable``, ``suction-cups``. When no way up fits, one of the best that fits at
    nearly the largest scale is chosen, and the stages after this one cut it or refuse it.

    Raises
    ------
    CaseError
        The case chooses a way up by a number that there is not.
    """
    with progress.step("orient") as step:
        asked, space = draft.case.orient, room(draft)
        ups = None
        if asked is not None and (asked.keep or asked.up is not None):
            ups = np.array([asked.up or (0.0, 0.0, 1.0)])
        wish = _wish(draft)
        body, marks = _marked(draft)
        step.advance(0.1, "ways up")
        ranking = geometry.rank(body, wish, marks=marks, room=space, asked=ups)
        step.advance(0.9, f"{ranking.screened} ways up")
        few = ranking.best(SHOWN)
        critical = bool((marks & CRITICAL).any())
        chosen = _among(few, ranking.asked[0]) if ups is not None else _choice(draft, ranking, few)
        listed = few if chosen in few else (*few, chosen)
        orientations = tuple(
            Orientation(
                pose=pose,
                number=number if pose in few else 0,
                chosen=pose is chosen,
                fits=ranking.fits if pose in few else standing.stands(ranking.hull, np.array(pose.up), space),
                reason="; ".join(reasons(pose, wish, critical=critical)),
            )
            for number, pose in enumerate(listed, start=1)
        )
        turned = replace(draft, rotation=geometry.rotation_to_up(chosen.up), orientations=orientations)
        return turned.with_findings(_oriented(draft, ranking, orientations), *_warnings(ranking, chosen, wish))


def _wish(draft: Draft) -> Wish:
    if draft.printer.resin is not None:
        resin = draft.process.resin
        return Wish(
            weights=_weights(resin.orient),
            overhang_angle_deg=resin.overhang_angle_deg,
            layer_mm=resin.layer_height_mm,
            lift_mm=resin.supports.elevation_mm,
            suction=True,
        )
    fdm = draft.process.fdm
    return Wish(weights=_weights(fdm.orient), overhang_angle_deg=fdm.overhang_angle_deg, layer_mm=fdm.layer_height_mm)


def _weights(weights: OrientWeights) -> geometry.Weights:
    return geometry.Weights(**weights.model_dump())


def _marked(draft: Draft) -> tuple[Mesh, Marks]:
    """All parts in one, cut along the zones, and what each face is: critical, kept out, or inside another part."""
    found = [marked(draft, part) for part in draft.parts]
    marks = [
        CRITICAL * one.critical.astype(np.uint8)
        | KEEP_OUT * one.keep_out.astype(np.uint8)
        | HIDDEN * _inside_others(draft, part)[one.source].astype(np.uint8)
        for part, one in zip(draft.parts, found, strict=True)
    ]
    return join([one.mesh for one in found]), np.concatenate(marks).astype(np.uint8)


def _inside_others(draft: Draft, part: DraftPart) -> Bool:
    """(m,) the faces of a part that another part covers: they are no outside that supports could reach."""
    inside = np.zeros(len(part.mesh), np.bool_)
    others = [other for other in draft.parts if other.name != part.name and len(other.mesh)]
    if not others or not len(part.mesh):
        return inside
    corners = part.mesh.triangles
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1), 1e-300)[:, None]
    before = corners.mean(axis=1) + OUTSIDE_MM * normals
    for other in others:
        lower, upper = other.mesh.bounds_mm
        rows = np.flatnonzero(~inside & ((before > lower) & (before < upper)).all(axis=1))
        if len(rows):
            inside[rows] = bvh.winding(bvh.tree_of(other.mesh), before[rows]) != 0
    return inside


def _choice(draft: Draft, ranking: Ranking, few: tuple[Pose, ...]) -> Pose:
    """The best, the one that the case chooses, or of what does not fit a good one that nearly does.

    A body that may be cut takes the best: its pieces fit that way up, and print best.
    """
    asked = draft.case.orient
    if asked is not None and asked.choice is not None:
        if asked.choice > len(few):
            raise CaseError(f"orient.choice is {asked.choice}; there are only {len(few)} really different ways up")
        return few[asked.choice - 1]
    if ranking.fits or draft.case.split.allowed:
        return few[0]
    space = room(draft)
    scales = [standing.largest_scale(ranking.hull, np.array(pose.up), space) for pose in few]
    return next(pose for pose, scale in zip(few, scales, strict=True) if scale >= ENOUGH * max(scales))


def _among(few: tuple[Pose, ...], asked: Pose) -> Pose:
    """The one of the few that is what was asked for, or that itself."""
    return next((pose for pose in few if np.allclose(pose.up, asked.up, atol=1e-6)), asked)


def _oriented(draft: Draft, ranking: Ranking, orientations: tuple[Orientation, ...]) -> Finding:
    wish, asked, one = _wish(draft), draft.case.orient, next(one for one in orientations if one.chosen)
    chosen = one.pose
    what = f"turned so that ({chosen.up[0]:.3f}, {chosen.up[1]:.3f}, {chosen.up[2]:.3f}) points up"
    if chosen.up == ranking.original.up:
        what = "kept as it came"
    why = "; the case asks for it" if asked is not None else ""
    if asked is None and not ranking.fits:
        nearly = "of the best this one fits at nearly the largest scale"
        why = f"; no way up fits the bed, {'it has to be cut' if draft.case.split.allowed else nearly}"
    elif asked is None and ranking.barred:
        why = f"; {ranking.barred} ways up with a better score do not fit the bed"
    return Finding(
        code="oriented",
        severity=Severity.INFO,
        message=(
            f"the body is {what}: {compared(chosen, ranking.original, layers=wish.suction)}; {one.reason}; "
            f"overhang steeper than {wish.overhang_angle_deg:g} deg from the vertical; {ranking.screened} ways up "
            f"screened, {len(ranking.poses)} measured{why}"
        ),
        value=round(chosen.score, 6),
        limit=round(ranking.original.score, 6),
    )


def compared(chosen: Pose, original: Pose, *, layers: bool = False) -> str:
    """Why, in words: the measures of the choice against those of the way the body came."""
    pairs = [
        ("overhang", chosen.overhang_mm2, original.overhang_mm2, "mm2"),
        ("room for supports", chosen.support_mm3 / 1000.0, original.support_mm3 / 1000.0, "ml"),
        ("height", chosen.height_mm, original.height_mm, "mm"),
    ]
    if chosen.contact_mm2 or original.contact_mm2:
        pairs.append(("contact with the bed", chosen.contact_mm2, original.contact_mm2, "mm2"))
    if layers:
        pairs.append(("largest layer", chosen.layer_mm2, original.layer_mm2, "mm2"))
    scores = f"score {chosen.score:.3f} against {original.score:.3f} as it came (less is better)"
    return ", ".join([scores, *(f"{name} {now:.1f} against {was:.1f} {unit}" for name, now, was, unit in pairs)])


def reasons(pose: Pose, wish: Wish, *, critical: bool = False) -> Iterator[str]:
    """What a person should know of a way up, in words."""
    if pose.support_mm3:
        room_ml = pose.support_mm3 / 1000.0
        yield f"{room_ml:.1f} ml of room below for supports to stand in, on {pose.marked_mm2:.0f} mm2 of surface"
    else:
        yield (
            "needs no supports"
            if pose.lift_mm == 0.0
            else "hangs over nowhere, held by a few supports where it is lowest"
        )
    if pose.touches:
        yield f"touches {pose.keep_out_mm2:.1f} mm2 of keep-out zones"
    if critical:
        touched = f"{pose.critical_mm2:.0f} mm2" if pose.critical_mm2 >= 0.5 else "nothing"
        yield f"touches {touched} of critical surface, steps on it {pose.cusp_um:.0f} um"
    if wish.lift_mm > 0.0:
        yield f"largest layer {pose.layer_mm2:.0f} mm2, mean {pose.mean_layer_mm2:.0f} mm2"
        yield f"{pose.cups} suction cups of {pose.cup_mm2:.0f} mm2" if pose.cups else "no suction cup"
    if pose.tips:
        yield "tips over even with its supports"
    elif pose.tip_deg <= 0.0:
        yield f"stands by its supports alone, up to a lean of {pose.held_deg:.0f} deg"
    else:
        yield f"stands by itself up to a lean of {pose.tip_deg:.0f} deg"


def _spared(free: list[Pose]) -> str:
    """Whether another way up helps, of those that touch no zone."""
    if not free:
        return "every way up that was measured does: none of it is free"
    return "only ways up that tip over do not" if all(pose.tips for pose in free) else "another way up does not"


def _warnings(ranking: Ranking, chosen: Pose, wish: Wish) -> Iterator[Finding]:
    if chosen.touches:
        free = [pose for pose in ranking.poses if not pose.touches]
        yield Finding(
            code="keep-out-touched",
            severity=Severity.WARNING,
            message=(
                f"supports or the bed touch {chosen.keep_out_mm2:.1f} mm2 of keep-out zones as oriented; "
                + _spared(free)
            ),
            value=round(chosen.keep_out_mm2, 2),
            limit=0.0,
        )
    if chosen.tips:
        yield Finding(
            code="unstable",
            severity=Severity.WARNING,
            message=(
                "the body tips over as oriented, even with its supports: its centre of mass is not above what it "
                "stands on; widen it by a brim or a raft, or choose another way up"
            ),
            value=round(chosen.held_deg, 1),
            limit=0.0,
        )
    if wish.suction and chosen.cups:
        yield Finding(
            code="suction-cups",
            severity=Severity.WARNING,
            message=(
                f"{chosen.cups} pockets open towards the film only and would hold a vacuum at every lift, "
                f"{chosen.cup_mm2:.0f} mm2 in all; vent them by a hole, or choose another way up"
            ),
            value=chosen.cups,
            limit=0,
        )
