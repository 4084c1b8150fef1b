"""What an engine was asked for and does not repeat in its file, measured in the file.

The heights of its layers, the width of its walls by the filament that they feed (a wrong diameter of filament shows
there), and the filament in all against the engine's own sum.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np

from printprep.errors import SettingNotHonoured
from printprep.gcode.beads import Role, role_of
from printprep.gcode.layout import Kind
from printprep.gcode.read import Gcode
from printprep.slicers.job import Job

HEIGHT_MM: Final = 0.006  # G-code of CuraEngine and Slic3r has three digits; a layer's top is a sum of them
WIDTH_SHARE: Final = 0.15  # corners and short pieces make the median a little less
FED_SHARE: Final = 0.02
FED_MM3: Final = 5.0  # an engine's sum is in whole mm3
OUTER: Final = frozenset({"wall-outer", "external perimeter"})


def check_laid(
    job: Job, gcode: Gcode, engine: str, said_mm3: Mapping[int, float], wall_mm: float | None = None
) -> None:
    """Measure layers, walls and filament.

    Parameters
    ----------
    job
        What was asked.
    gcode
        The finished file.
    engine
        Its name, for messages.
    said_mm3
        Filament by tool as the engine says; a tool of which it says nothing is not compared.
    wall_mm
        Width of an outer wall as asked; None: the engine chose it.

    Raises
    ------
    SettingNotHonoured
        What was measured is not what was asked for.
    """
    moves = gcode.moves
    own = np.array([name != "" and role_of(name) is Role.PART for name in gcode.features])
    rows = np.flatnonzero(own[moves.feature] & (moves.e_mm > 0) & (moves.layer >= 0) & (moves.kind != Kind.HOME))
    before = moves.position_mm[np.maximum(rows - 1, 0), :2]
    length_mm = np.hypot(*(moves.position_mm[rows, :2] - before).T)
    rows, length_mm = rows[length_mm > 0.5], length_mm[length_mm > 0.5]
    _check_heights(job, np.unique(np.round(moves.position_mm[rows, 2], 4)), engine)
    section_mm2 = math.pi / 4.0 * job.fdm.filament_mm**2
    outer = np.array([name.lower() in OUTER for name in gcode.features])[moves.feature[rows]]
    outer &= moves.layer[rows] > 0
    if wall_mm is not None and outer.any():
        sections = moves.e_mm[rows[outer]] * section_mm2 / length_mm[outer]
        width_mm = float(np.median(sections)) / job.process.layer_height_mm
        if abs(width_mm - wall_mm) > WIDTH_SHARE * wall_mm:
            raise SettingNotHonoured(
                f"{engine} was asked for outer walls of {wall_mm:.3g} mm and feeds filament for {width_mm:.3g} mm: it "
                f"takes another diameter than {job.fdm.filament_mm:g} mm, or another flow. Correct the profile"
            )
    _check_fed(job, gcode, engine, said_mm3, section_mm2)


def _check_fed(job: Job, gcode: Gcode, engine: str, said_mm3: Mapping[int, float], section_mm2: float) -> None:
    """Compare filament by tool; the last retraction of each is never made good, and a sum may leave it out."""
    moves = gcode.moves
    engines = np.array([role_of(name) is not Role.CUSTOM for name in gcode.features])[moves.feature]
    slack_mm3 = FED_MM3 + section_mm2 * max(job.fdm.retraction_mm, float(-moves.e_mm.min(initial=0.0)))
    for tool, said in said_mm3.items():
        fed_mm3 = float(moves.e_mm[engines & (moves.tool == tool)].astype(np.float64).sum()) * section_mm2
        if abs(fed_mm3 - said) > slack_mm3 + FED_SHARE * said:
            raise SettingNotHonoured(
                f"{engine} says that tool {tool} feeds {said:.0f} mm3, its file feeds {fed_mm3:.0f} mm3 of filament of "
                f"{job.fdm.filament_mm:g} mm: it takes another diameter. Correct the profile"
            )


def _check_heights(job: Job, tops_mm: np.ndarray[tuple[int, ...], np.dtype[np.float64]], engine: str) -> None:
    """The layers of the model are whole layers above the first; small tips of a part may begin above that one."""
    process = job.process
    count = (tops_mm - process.first_layer_height_mm) / process.layer_height_mm
    off_mm = np.abs(count - np.maximum(np.round(count), 0.0)) * process.layer_height_mm
    if off_mm.max(initial=0.0) > HEIGHT_MM:
        raise SettingNotHonoured(
            f"{engine} was asked for a first layer of {process.first_layer_height_mm:g} mm and others of "
            f"{process.layer_height_mm:g} mm, and lays one that ends at z = {tops_mm[int(np.argmax(off_mm))]:.3f} mm. "
            "Correct the profile"
        )
