"""Which way up: all parts as one body, scored for overhang, height and footprint, and kept on the bed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from printprep.case import Finding, Severity
from printprep.geometry import nest
from printprep.geometry import orient as geometry
from printprep.geometry.mesh import Float, join
from printprep.geometry.orient import Pose, Ranking
from printprep.prepare.arrange import room
from printprep.prepare.draft import Draft
from printprep.progress import SILENT, Progress


def orient(draft: Draft, progress: Progress = SILENT) -> Draft:
    """Choose the way up with the best score among those that fit the printer.

    Sets ``draft.rotation``, the least rotation that turns the chosen direction up, and adds the finding ``oriented``
    with the score of the choice (value) and of the way the parts came (limit). When no way up fits, a body that may
    be cut takes the best one, for all its pieces; else the one that fits at the largest scale is chosen, and
    :func:`printprep.prepare.arrange.arrange` refuses it with that scale.
    """
    with progress.step("orient"):
        body = join([part.mesh for part in draft.parts])
        weights = draft.process.orient
        ranking = geometry.rank(
            body,
            overhang_angle_deg=draft.process.fdm.overhang_angle_deg,
            overhang=weights.overhang,
            height=weights.height,
            footprint=weights.footprint,
        )
        row, fits = _first_that_fits(ranking, room(draft), cut=draft.case.split.allowed)
        angle_deg, cut = draft.process.fdm.overhang_angle_deg, draft.case.split.allowed
        finding = _oriented(ranking, row, fits, angle_deg, cut=cut)
        return replace(draft, rotation=geometry.rotation_to_up(ranking.pose(row).up)).with_findings(finding)


def _first_that_fits(ranking: Ranking, space: nest.Room, *, cut: bool) -> tuple[int, bool]:
    """Row of the best direction that fits, or of the one that fits at the largest scale; and whether it fits.

    Where none fits and the body may be cut, it is the best one.
    """

    def outline(row: int) -> Float:
        return nest.footprint(ranking.hull_mm @ geometry.rotation_to_up(ranking.ups[row])[:3, :3].T)

    rows = range(len(ranking.ups))
    if ranking.height_mm.min() <= space.bed.height_mm:
        for row in rows:
            if nest.fits(outline(row), float(ranking.height_mm[row]), space):
                return row, True
    if cut:
        return 0, False  # its pieces will fit that way up, and print best
    return _largest(rows, outline, ranking, space), False


def _largest(rows: range, outline: Callable[[int], Float], ranking: Ranking, space: nest.Room) -> int:
    bare = nest.without_reserve(space)  # the reserve costs a search for each, and hardly changes which is largest
    best_scale, best_row = -1.0, 0
    for row in rows:
        scale = nest.largest_scale(outline(row), float(ranking.height_mm[row]), bare)
        if scale > best_scale * (1.0 + 1e-6):
            best_scale, best_row = scale, row
    return best_row


def _oriented(ranking: Ranking, row: int, fits: bool, overhang_angle_deg: float, *, cut: bool) -> Finding:
    chosen, original = ranking.pose(row), ranking.original
    if chosen.up == original.up:
        what = "kept as it came"
    else:
        what = f"turned so that ({chosen.up[0]:.3f}, {chosen.up[1]:.3f}, {chosen.up[2]:.3f}) points up"
    passed = f"; {row} ways up with a better score do not fit the bed" if row else ""
    if not fits:
        passed = "; no way up fits the bed, " + ("it has to be cut" if cut else "this one fits at the largest scale")
    return Finding(
        code="oriented",
        severity=Severity.INFO,
        message=(
            f"the body is {what}: {reason(chosen, original)}; overhang steeper than {overhang_angle_deg:g} deg from "
            f"the vertical; {len(ranking.ups)} ways up scored{passed}"
        ),
        value=round(chosen.score, 6),
        limit=round(original.score, 6),
    )


def reason(chosen: Pose, original: Pose) -> str:
    """Why, in words: the three measures of the choice against those of the way the body came."""
    pairs = (
        ("overhang", chosen.overhang_mm2, original.overhang_mm2, "mm2"),
        ("height", chosen.height_mm, original.height_mm, "mm"),
        ("contact with the bed", chosen.contact_mm2, original.contact_mm2, "mm2"),
    )
    scores = f"score {chosen.score:.3f} against {original.score:.3f} as it came (less is better)"
    return ", ".join([scores, *(f"{name} {now:.1f} against {was:.1f} {unit}" for name, now, was, unit in pairs)])
