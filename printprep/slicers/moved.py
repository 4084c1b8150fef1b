"""All plates of a plan sliced, and one that an engine draws beyond its bed moved there and sliced again.

How far supports reach is only known when they are drawn. Arranging keeps the room that they may need where there is
enough; where there is not, the drawing decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from printprep.case import Finding, Severity
from printprep.errors import DoesNotFit
from printprep.plan import Plan, Plate, SlicedPlate
from printprep.profiles.models import Bed
from printprep.slicers.job import Box


def slice_moving(
    plan: Plan, bed: Bed, slice_it: Callable[[Plan, Plate], SlicedPlate]
) -> tuple[Plan, tuple[SlicedPlate, ...], tuple[Finding, ...]]:
    """Slice every plate.

    Parameters
    ----------
    plan
        What to print.
    bed
        Of its printer.
    slice_it
        Slices one plate of a plan, or raises.

    Returns
    -------
    plan, plates, findings
        The plan with its plates where they were sliced, the same one when none was moved; what was sliced; and a
        ``plate-moved`` for each that was moved.

    Raises
    ------
    DoesNotFit
        What is drawn has no place on the bed.
    PrintprepError
        Whatever else ``slice_it`` raises.
    """
    sliced: list[SlicedPlate] = []
    findings: list[Finding] = []
    for k, plate in enumerate(plan.plates):
        try:
            sliced.append(slice_it(plan, plate))
            continue
        except DoesNotFit as exc:
            if exc.drawn_mm is None:
                raise
            moved = moved_for(exc.drawn_mm, plate, bed)
            if moved is None:
                raise DoesNotFit(_nowhere(exc.drawn_mm, plate, bed)) from exc
        plan = replace(plan, plates=(*plan.plates[:k], moved, *plan.plates[k + 1 :]))
        findings.append(_said(plate, moved))
        sliced.append(slice_it(plan, moved))
    return plan, tuple(sliced), tuple(findings)


def moved_for(drawn_mm: Box, plate: Plate, bed: Bed) -> Plate | None:
    """A plate moved as little as goes, so that all that is drawn on it lies on the bed; None: it cannot.

    Clear of keep-outs where it can be, too: by the box of what is drawn, since no more is known of it.
    """
    box = np.array(drawn_mm)
    low, high = -box[:2], np.array([bed.width_mm, bed.depth_mm]) - box[2:]
    if (low > high).any():
        return None
    ways = []
    for k in range(2):
        beside = [at for zone in bed.keep_outs_mm for at in (zone[k] - box[k + 2], zone[k + 2] - box[k])]
        ways.append([at for at in (float(np.clip(0.0, low[k], high[k])), *beside) if low[k] <= at <= high[k]])

    def cost(move: tuple[float, float]) -> tuple[int, float]:
        x0, y0, x1, y1 = box + np.tile(move, 2)
        over = sum(x0 < zone[2] and zone[0] < x1 and y0 < zone[3] and zone[1] < y1 for zone in bed.keep_outs_mm)
        return over, round(float(np.hypot(*move)), 6)

    by = np.eye(4)
    by[:2, 3] = min(((x, y) for x in ways[0] for y in ways[1]), key=cost)
    return replace(
        plate,
        case_to_plate=by @ plate.case_to_plate,
        motions={piece: by @ motion for piece, motion in plate.motions.items()},
    )


def _said(plate: Plate, moved: Plate) -> Finding:
    x_mm, y_mm = (moved.case_to_plate - plate.case_to_plate)[:2, 3].tolist()
    return Finding(
        code="plate-moved",
        severity=Severity.INFO,
        message=f"plate {plate.index} stands ({x_mm:+.1f}, {y_mm:+.1f}) mm from where it was arranged: there, what the "
        "slicer draws around the parts went beyond the bed",
        value=round(float(np.hypot(x_mm, y_mm)), 3),
    )


def _nowhere(drawn_mm: Box, plate: Plate, bed: Bed) -> str:
    width_mm, depth_mm = drawn_mm[2] - drawn_mm[0], drawn_mm[3] - drawn_mm[1]
    return (
        f"plate {plate.index} takes {width_mm:.1f} x {depth_mm:.1f} mm of bed with its supports and brim, the bed is "
        f"{bed.width_mm:g} x {bed.depth_mm:g} mm: nowhere on it is enough room; choose another way up, a larger "
        "printer or a smaller scale, or print without supports"
    )
