"""Take up a print that failed: a file that heats, homes what is safe with a part on the bed, and goes on at a layer.

Nothing here moves a printer. The file says, in this order: heat (bed first: a part that cools comes loose), the height
at which a person saw the nozzle stand, lift, home X and Y alone, wait for heat, prime in the air beside the part, all
that was set before, go above the place, and then the job's own lines from that layer on, unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from statistics import median
from typing import BinaryIO, Final

from printprep.errors import InputError, PrinterError
from printprep.files import replacing
from printprep.printers.dialects.manners import UNTUNED
from printprep.printers.job import JobFile, commands, lines_from
from printprep.printers.standing import Standing
from printprep.profiles.models import Printer

LIFT_MM: Final = 5.0
PRIME_MM: Final = 10.0
PRIME_MM_MIN: Final = 120.0
TRAVEL_MM_MIN: Final = 6000.0
LIFT_MM_MIN: Final = 600.0
LOOK_AHEAD: Final = 200  # commands of the layer, or of the file, within which its height must be said
SAME_MM: Final = 0.01  # heights that differ by less were said alike

_SAYS_Z: Final = re.compile(rb"G92 Z(-?\d+\.?\d*(?:e[+-]?\d+)?)$")

FIRMWARES: Final = ("marlin", "prusa-buddy")
WHY_NOT: Final[Mapping[str, str]] = {
    "klipper": "Klipper lets nobody say where the head stands but by SET_KINEMATIC_POSITION of [force_move], which "
    "the guard refuses, and moves nothing that is not homed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """A resume file that was written."""

    path: Path
    layer: int  # 1-based
    layers: int
    z_mm: float | None  # of that layer
    nozzle_at_mm: float
    first_command: int  # 0-based, of the job
    commands: int  # of the job that are printed again or for the first time


def check_printer(printer: Printer) -> None:
    """Raise PrinterError, with the reason, for a printer on which a print cannot be taken up safely."""
    why = None
    if printer.fdm is None:
        why = "it prints with light, and a layer that waited has come off or cured"
    elif printer.firmware not in FIRMWARES:
        why = WHY_NOT.get(printer.firmware, f"nobody has shown that its firmware, {printer.firmware}, does it safely")
    elif not printer.fdm.homes_xy_alone:
        why = "its profile does not say that it homes X and Y without lowering the nozzle (fdm.homes_xy_alone)"
    if why:
        raise PrinterError(f"a print on {printer.id} is not taken up: {why}. Print the part again")


def write_resume(
    job: JobFile, layer: int, nozzle_at_mm: float, printer: Printer, out: Path, tunes: tuple[str, ...] = ()
) -> Resumed:
    """Write the file that takes up ``job`` at ``layer``.

    Parameters
    ----------
    job
        The whole job.
    layer
        1-based; it is printed from its beginning.
    nozzle_at_mm
        Height of the nozzle above the bed now, as a person saw it.
    printer
        Its profile.
    out
        Where.
    tunes
        What the operator had changed.

    Raises
    ------
    PrinterError
        The printer, or the state that the job is in there, makes it unsafe.
    InputError
        The job has no such layer; the height cannot be.
    """
    check_printer(printer)
    count = len(job.layer_starts)
    if not 1 <= layer <= count:
        raise InputError(f"{job.path.name} has {count} layers; {layer} is none of them")
    if not 0 <= nozzle_at_mm <= printer.bed.height_mm:
        raise InputError(f"a nozzle at {nozzle_at_mm:g} mm is impossible on a printer of {printer.bed.height_mm:g} mm")
    first = job.layer_starts[layer - 1]
    standing = Standing()
    standing.follow(islice(commands(job.file), first))
    standing.follow(tune.encode("ascii", "replace") for tune in tunes)
    _check_standing(job, layer, standing, printer)
    z_mm = job.layer_z_mm[layer - 1]
    lift_mm = min(max(nozzle_at_mm, z_mm or standing.place_mm["Z"] or 0.0) + LIFT_MM, printer.bed.height_mm)
    with replacing(out) as draft, draft.open("wb") as file:
        _write(file, _beginning(standing, nozzle_at_mm, lift_mm), lines_from(job, first))
        tuned = {tune.split(" ", 1)[0].encode("ascii", "replace") for tune in tunes}
        file.writelines(back + b"\n" for word, back in UNTUNED.items() if word in tuned)
    return Resumed(
        path=out, layer=layer, layers=count, z_mm=z_mm, nozzle_at_mm=nozzle_at_mm, first_command=first,
        commands=job.commands - first,
    )  # fmt: skip


def far_from_layer(job: JobFile, layer: int, nozzle_at_mm: float) -> str | None:
    """Why a nozzle on the top of the part does not fit a layer: more than a layer's height between them; None: it does.

    What was acknowledged was not all laid down: a firmware holds moves that it has not begun, and what died by a power
    cut was further back than its journal.
    """
    z_mm = job.layer_z_mm[layer - 1]
    if not z_mm:
        return None
    heights_mm = sorted({0.0, *(other_mm for other_mm in job.layer_z_mm if other_mm is not None)})
    thick_mm = {top: top - under for under, top in pairwise(heights_mm)}
    # supports have layers of their own, between those of the part, and these are thinner than anybody can see
    far_mm = max(thick_mm[z_mm], median(thick_mm.values()))
    if abs(nozzle_at_mm - z_mm) <= far_mm + SAME_MM:
        return None
    above = [n for n, other_mm in enumerate(job.layer_z_mm, 1) if other_mm and other_mm > nozzle_at_mm + SAME_MM]
    fits = f"; the layer that comes onto {nozzle_at_mm:g} mm is {above[0]}" if above else ""
    return (
        f"layer {layer} is at {z_mm:g} mm and the nozzle at {nozzle_at_mm:g} mm, a layer is {far_mm:.3g} mm thick{fits}"
    )


def check_height(file: Path, nozzle_at_mm: float) -> None:
    """Refuse a file that takes a print up elsewhere than where the nozzle is said to stand.

    Raises
    ------
    InputError
        It was made for another height, or begins without saying one, so that it takes up nothing.
    """
    first = islice(commands(file), LOOK_AHEAD)
    said = next((found for command in first if (found := _SAYS_Z.match(command))), None)
    if said is None:
        raise InputError(f"{file.name} does not begin with a height (G92 Z), so --nozzle-at means nothing for it")
    if abs(float(said[1]) - nozzle_at_mm) > SAME_MM:
        raise InputError(
            f"{file.name} was made for a nozzle at {float(said[1]):g} mm, and --nozzle-at says {nozzle_at_mm:g} mm; "
            "look again, and make it anew for where the nozzle stands: printprep printer resume-file"
        )


def _write(file: BinaryIO, head: list[str], rest: Iterator[bytes]) -> None:
    file.write("".join(f"{line}\n" for line in head).encode("ascii"))
    for line in rest:
        file.write(line)


def _check_standing(job: JobFile, layer: int, standing: Standing, printer: Printer) -> None:
    """Refuse a state that cannot be brought about again."""
    assert printer.fdm is not None
    where = f"{job.path.name} is not taken up at layer {layer}: "
    if standing.relative:
        raise PrinterError(where + "it moves by relative steps there (G91), so its place is unknown")
    if standing.shifted:
        raise PrinterError(where + "G92 has moved its origin before")
    if standing.inches:
        raise PrinterError(where + "it is written in inches")
    if printer.fdm.shared_nozzle and len(standing.tools_used) > 1:
        raise PrinterError(where + "several filaments share a nozzle, and nobody knows which one is loaded")
    if standing.place_mm["X"] is None or standing.place_mm["Y"] is None:
        raise PrinterError(where + "nothing before it says where the head is in X and Y")
    if not (standing.fresh_height or _says_height(islice(commands(job.file), job.layer_starts[layer - 1], None))):
        raise PrinterError(where + "the layer does not say its height before it extrudes; choose another one")


def _says_height(rest: Iterator[bytes]) -> bool:
    """Whether a layer goes to its own height before it extrudes on the way."""
    for command in islice(rest, LOOK_AHEAD):
        if command.startswith((b"G0", b"G1", b"G2", b"G3")):
            if b"Z" in command:
                return True
            if b"E" in command and (b"X" in command or b"Y" in command):
                return False
    return False


def _beginning(standing: Standing, nozzle_at_mm: float, lift_mm: float) -> list[str]:
    """All before the job's own lines."""
    heats = [(tool, heat_c) for tool, heat_c in standing.nozzles_c.items() if heat_c > 0]
    named = {tool: "" if tool is None else f" T{tool}" for tool, _ in heats}
    lines = ["G21", "G90", "M83", f"M140 S{standing.bed_c:g}"]
    lines += [f"M104{named[tool]} S{heat_c:g}" for tool, heat_c in heats]
    lines += [f"M141 S{standing.chamber_c:g}"] if standing.chamber_c else []
    lines += [f"G92 Z{nozzle_at_mm:g}", f"G1 Z{lift_mm:g} F{LIFT_MM_MIN:g}"]
    lines += ["G28 X Y", f"M190 S{standing.bed_c:g}"]
    lines += [f"T{standing.tool}"] if standing.tool is not None else []
    # all of them: the job waited for the others long ago, and changes to one without asking whether it is warm
    lines += [f"M109{named[tool]} S{heat_c:g}" for tool, heat_c in heats]
    lines += ["G92 E0", f"G1 E{PRIME_MM:g} F{PRIME_MM_MIN:g}"]
    if standing.retracted_mm > 0:
        lines.append(f"G1 E-{standing.retracted_mm:.5g} F2100")
    lines += [setting.decode("ascii", "replace") for setting in standing.settings]
    lines += [fan.decode("ascii", "replace") for fan in standing.fans.values()]
    x_mm, y_mm = standing.place_mm["X"], standing.place_mm["Y"]
    lines.append(f"G0 X{x_mm:.3f} Y{y_mm:.3f} F{TRAVEL_MM_MIN:g}" if x_mm is not None and y_mm is not None else "")
    z_mm = standing.place_mm["Z"]
    if standing.fresh_height and z_mm is not None:  # the head was at the layer's height before the layer's mark
        lines.append(f"G1 Z{z_mm:.3f} F{LIFT_MM_MIN:g}")
    lines += [f"G1 F{standing.feed_mm_min:g}"] if standing.feed_mm_min else []
    return [*lines, f"M{83 if standing.relative_e else 82}", f"G92 E{standing.e_mm:.5f}"]
