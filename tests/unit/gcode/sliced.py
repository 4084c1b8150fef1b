"""A slicer for tests: boxes as rings of beads, written as a slicer writes them; what it should hold is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from printprep.gcode.deposit import Solid
from printprep.geometry.mesh import Mesh

WIDTH_MM, HEIGHT_MM, FILAMENT_MM = 0.45, 0.2, 1.75

Path2 = list[tuple[float, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A box to print."""

    name: str
    low_mm: tuple[float, float, float]
    high_mm: tuple[float, float, float]
    tool: int = 0

    @property
    def solid(self) -> Solid:
        x, y, z = np.array([self.low_mm, self.high_mm]).T
        vertices = np.array([[x[i], y[j], z[k]] for i in (0, 1) for j in (0, 1) for k in (0, 1)], np.float64)
        faces = [
            [0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
            [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3],
        ]  # fmt: skip
        return Solid(name=self.name, tool=self.tool, mesh=Mesh(vertices, np.array(faces, np.int32)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """One closed bead of one layer, as it will be written; a test changes it to something else."""

    box: str
    tool: int
    layer: int  # 0-based
    corners: Path2
    feature: str = "External perimeter"
    flow: float = 1.0


Change = Callable[[Ring], Ring | None]


def rings(box: Box, layers: int) -> list[Ring]:
    """Rings from the outline inwards until the box is full, in each layer whose middle lies in the box."""
    found = []
    for layer in range(layers):
        if not box.low_mm[2] < (layer + 0.5) * HEIGHT_MM < box.high_mm[2]:
            continue
        inset = WIDTH_MM / 2
        while 2 * inset < min(box.high_mm[k] - box.low_mm[k] for k in (0, 1)) + 0.2:
            low = [min(box.low_mm[k] + inset, (box.low_mm[k] + box.high_mm[k]) / 2) for k in (0, 1)]
            high = [max(box.high_mm[k] - inset, (box.low_mm[k] + box.high_mm[k]) / 2 + 0.01) for k in (0, 1)]
            corners = [(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])]
            feature = "External perimeter" if inset == WIDTH_MM / 2 else "Perimeter"
            found.append(Ring(box=box.name, tool=box.tool, layer=layer, corners=corners, feature=feature))
            inset += WIDTH_MM - 0.03
    return found


def write(path: Path, boxes: list[Box], *, layers: int, change: Change = lambda ring: ring, extra: str = "") -> Path:
    """A file that prints ``boxes``, each ring as ``change`` leaves it; None leaves it out."""
    area_mm2 = HEIGHT_MM * (WIDTH_MM - HEIGHT_MM * (1 - math.pi / 4))
    per_mm = area_mm2 / (math.pi * FILAMENT_MM**2 / 4)
    every = [ring for box in boxes for ring in rings(box, layers)]
    lines = ["G28", "G90", "M83", "T0"]
    tool = 0
    for layer in range(layers):
        z_mm = (layer + 1) * HEIGHT_MM
        lines += [";LAYER_CHANGE", f";Z:{z_mm:.2f}", f"G1 Z{z_mm:.2f} F9000"]
        for ring in every:
            if ring.layer != layer or (done := change(ring)) is None:
                continue
            if done.tool != tool:
                tool = done.tool
                lines.append(f"T{tool}")
            lines.append(f";TYPE:{done.feature}")
            (x, y), *rest = done.corners
            lines.append(f"G1 X{x:.4f} Y{y:.4f} F9000")
            for to_x, to_y in [*rest, (x, y)]:
                length = math.hypot(to_x - x, to_y - y)
                lines.append(f"G1 X{to_x:.4f} Y{to_y:.4f} E{length * per_mm * done.flow:.6f} F1800")
                x, y = to_x, to_y
        if extra:
            lines.append(extra)
    path.write_text("\n".join([*lines, "M84", ""]))
    return path
