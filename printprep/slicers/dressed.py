"""The G-code of CuraEngine and of Slic3r in the profile's dress.

Both know less of a printer than its profile says: CuraEngine fills in no placeholder, and Slic3r's are others. So they
are asked for moves alone, and what is the printer's is put around and between them here, by the profile's own G-code:
how it starts, how it changes a tool, how it ends, and every temperature. What the engine writes about heat is left out,
and so is what changes from run to run: the minute, and times that are placeholders.

The file is read once, line by line, and never held as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np

from printprep.errors import SliceFailed
from printprep.gcode.layout import Kind
from printprep.gcode.read import Gcode
from printprep.profiles.models import Fdm, FdmMaterial, Printer
from printprep.slicers.job import Box, Copied, Job, loads_of_all_tools
from printprep.slicers.template import fill

LAYER: Final = "\0layer"
"""What a reader of an engine's lines says instead of a line where a layer begins, followed by its line."""

CUSTOM: Final = ";TYPE:Custom"
"""The mark of what is the profile's own: its purge line is no anatomy."""

MODES: Final = "G21\nG90\nM83\n"
"""How both engines' moves are meant. G90 comes first: in Marlin it speaks for the extruder, too, and undoes an M83."""

_OURS: Final = re.compile(r"(?:M(?:104|105|109|116|140|190|82|83)|G(?:21|90))\b")
"""Commands of an engine that are said here instead: heat, and how numbers are meant."""
_FAN: Final = re.compile(r"M10[67]\b")
_TOOL: Final = re.compile(r"T(\d+)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dress:
    """What a profile puts around the moves of one plate."""

    printer: Printer
    fdm: Fdm
    filaments: tuple[FdmMaterial, ...]  # by tool of the printer
    used: tuple[int, ...]  # tools that print; the engine counts only these
    bed_c: float
    own_fan: bool = False  # whether the fan runs as each material wants, instead of as the engine says

    def start(self, first: int) -> str:
        """The start G-code, with ``first`` the tool that begins."""
        return self._filled("start_gcode", {"initial_tool": first, "initial_extruder": first})

    def change(self, before: int, after: int, layer: int, z_mm: float) -> str:
        """A change of tools; the command itself if the profile does not say it."""
        values = {
            "previous_extruder": before,
            "next_extruder": after,
            "current_extruder": before,
            "layer_num": layer,
            "layer_z": z_mm,
            "toolchange_z": z_mm,
        }
        said = self._filled("tool_change_gcode", values)
        called = said if re.search(rf"^T{after}\b", said, re.MULTILINE) else f"{said}T{after}\n"
        return called + (self.fan(after) if layer > 0 else "")

    def fan(self, tool: int) -> str:
        """How fast the fan runs from the second layer on, if it is not the engine's."""
        percent = self.filaments[tool].fan_percent
        if not self.own_fan:
            return ""
        return f"M106 S{round(2.55 * percent)}\n" if percent > 0 else "M107\n"

    def warm(self) -> str:
        """What follows the first layer: the temperatures of all others."""
        lines = []
        several = len(self.used) > 1 and not self.fdm.shared_nozzle
        for tool in self.used:
            filament = self.filaments[tool]
            if filament.nozzle_c != filament.nozzle_first_layer_c and (several or tool == self.used[0]):
                lines.append(f"M104 {f'T{tool} ' if several else ''}S{filament.nozzle_c:g}\n")
        return "".join(lines)

    def end(self, highest_mm: float) -> str:
        """The end G-code, after a print that is so high."""
        return self._filled("end_gcode", {"max_layer_z": highest_mm})

    def _filled(self, key: str, values: Mapping[str, Any]) -> str:
        known = {
            "temperature": [f.nozzle_c for f in self.filaments],
            "first_layer_temperature": [f.nozzle_first_layer_c for f in self.filaments],
            "bed_temperature": [self.bed_c] * len(self.filaments),
            "first_layer_bed_temperature": [self.bed_c] * len(self.filaments),
            "max_print_height": self.printer.bed.height_mm,
            "nozzle_diameter": [self.fdm.nozzle_mm] * len(self.filaments),
        }
        return fill(getattr(self.fdm, key), {**known, **values}, f"{key} of printer {self.printer.id}")


def dress_of(job: Job, *, own_fan: bool = False) -> Dress:
    """The dress of a plate: its printer's G-code with its materials' temperatures."""
    filaments = []
    for load in loads_of_all_tools(job.plan, job.fdm):
        fdm = job.profiles.material(load.material).fdm
        assert fdm is not None, "the settings were made of filaments"
        filaments.append(fdm)
    return Dress(
        printer=job.printer,
        fdm=job.fdm,
        filaments=tuple(filaments),
        used=job.tools,
        bed_c=max(filaments[tool].bed_c for tool in job.tools),  # one bed: the hottest that lies on it
        own_fan=own_fan,
    )


def put_on(lines: Iterator[str], target: Path, dress: Dress, made_by: str, last_words: str = "") -> None:
    """Write the lines of an engine, from its first layer on, in their dress.

    Parameters
    ----------
    lines
        Of moves, marks and ``T`` commands by the engine's own count of tools; :data:`LAYER` begins a layer.
    target
        The file.
    dress
        Of the plate.
    made_by
        A comment for the first line: which engine.
    last_words
        A comment for the last line, by which readers see that the engine's file is whole.

    Raises
    ------
    SliceFailed
        The engine calls a tool that it does not have, or lays no layer.
    """
    tool, head = _head(lines)
    with target.open("w", encoding="utf-8", newline="\n") as out:
        first = dress.used[tool] if tool < len(dress.used) else -1
        out.write(f"{made_by}\n{CUSTOM}\n{dress.start(first)}{MODES}")
        layer, z_mm, highest_mm, tool = -1, 0.0, 0.0, first
        for line in chain(head, lines):
            if line.startswith(LAYER):
                layer += 1
                if layer == 1:
                    out.write(dress.warm() + dress.fan(tool))
                out.write(f"{line[len(LAYER) :]}\n")
                continue
            if called := _TOOL.match(line):
                number = int(called[1])
                if number >= len(dress.used):
                    raise SliceFailed(f"the engine calls a tool {number} of {len(dress.used)}; slice again")
                if dress.used[number] != tool:
                    out.write(dress.change(tool, dress.used[number], max(layer, 0), z_mm))
                    tool = dress.used[number]
                continue
            if _OURS.match(line) or (dress.own_fan and _FAN.match(line)):
                continue
            if line.startswith("G") and (at := line.find(" Z")) > 0:
                z_mm = float(line[at + 2 :].split(" ", 1)[0].split(";", 1)[0])
                highest_mm = max(highest_mm, z_mm)
            out.write(f"{line}\n")
        if layer < 0:
            raise SliceFailed("the engine wrote a file without a layer; repair the parts, or slice again")
        out.write(f"{CUSTOM}\n{dress.end(highest_mm)}")
        if last_words:
            out.write(f"{last_words}\n")


def _head(lines: Iterator[str]) -> tuple[int, list[str]]:
    """The tool that begins, by the engine's count, and the lines up to the first layer without it."""
    tool, head = 0, []
    for line in lines:
        called = _TOOL.match(line)
        if called:
            tool = int(called[1])
        else:
            head.append(line)
        if line.startswith(LAYER):
            break
    return tool, head


def seen_in(gcode: Gcode, sha256: str) -> Copied:
    """What a finished file holds: its tools, layers and the place of its first layer, by what is extruded."""
    moves = gcode.moves
    laid = np.flatnonzero((moves.e_mm > 0) & (moves.layer >= 0) & (moves.kind != Kind.HOME) & (moves.feature > 0))
    before = moves.position_mm[np.maximum(laid - 1, 0)]
    goes = (before[:, :2] != moves.position_mm[laid, :2]).any(axis=1)
    laid, before = laid[goes], before[goes]
    boxes: dict[str, Box] = {}
    for number in np.unique(moves.feature[laid]):
        rows = (moves.feature[laid] == number) & (moves.layer[laid] == 0)
        if rows.any():
            places = np.concatenate([before[rows, :2], moves.position_mm[laid[rows], :2]])
            (x0, y0), (x1, y1) = places.min(axis=0).tolist(), places.max(axis=0).tolist()
            boxes[gcode.features[number]] = (x0, y0, x1, y1)
    tools, counts = np.unique(moves.tool[laid], return_counts=True)
    return Copied(
        sha256=sha256,
        tools=dict(zip(tools.tolist(), counts.tolist(), strict=True)),
        layer_count=len(np.unique(moves.layer[laid])),
        top_mm=float(moves.position_mm[laid, 2].max(initial=0.0)),
        first_layer=boxes,
    )
