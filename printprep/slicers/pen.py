"""Lines of a printer and a process: how wide, how fast, how an area is filled with them, and the ways between."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np

from printprep.gcode.sketch import ALONG_EDGE, chords
from printprep.geometry.mesh import Bool, Float
from printprep.geometry.strata import Stack, area_deeper_mm2, chains, depth_mm, window
from printprep.profiles.models import Fdm, FdmProcess, Material, Motion
from printprep.slicers import prusa_habits as habit
from printprep.slicers import traced
from printprep.slicers.ledger import Ledger
from printprep.slicers.prusa_settings import ENGINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Pen:
    """What lays lines in the layers of a plate, and notes what they take."""

    stack: Stack
    fdm: Fdm
    motion: Motion
    process: FdmProcess
    materials: dict[int, Material]
    ledger: Ledger = field(default_factory=Ledger)

    @property
    def line_mm(self) -> float:
        """Width of a line."""
        return habit.LINE * self.fdm.nozzle_mm

    @property
    def first_line_mm(self) -> float:
        """Width of a line on the bed beside the parts."""
        return habit.FIRST_LINE * self.process.first_layer_height_mm

    def spacing_mm(self, k: int, width_mm: float) -> float:
        """Between lines that touch."""
        return spacing_mm_of(width_mm, float(self.stack.layers.height_mm[k]))

    def section_mm2(self, k: int, width_mm: float) -> float:
        """Cross-section of a line."""
        return self.spacing_mm(k, width_mm) * float(self.stack.layers.height_mm[k])

    def speed(self, k: int, tool: int, wished_mm_s: float, width_mm: float) -> float:
        """Of what is wished, what the first layer and the material's flow let pass."""
        if k == 0:
            wished_mm_s = self.process.first_layer_mm_s
        fdm = self.materials[tool].fdm
        return wished_mm_s if fdm is None else min(wished_mm_s, fdm.max_flow_mm3_s / self.section_mm2(k, width_mm))

    def engine(self, key: str, default: float) -> float:
        """A raw setting of the process, or the engine's default."""
        value = self.process.slicer.get(ENGINE, {}).get(key, default)
        return float(value)

    def hatch(
        self,
        k: int,
        tool: int,
        feature: str,
        area: Bool,
        spacing_mm: float,
        wished_mm_s: float,
        width_mm: float,
        times: float = 1.0,
        joined: bool = False,
    ) -> None:
        """Fill an area with lines ``spacing_mm`` apart, ``times`` over; ``joined``: their ends, along its edge."""
        cell_mm, half_mm = self.stack.cell_mm, self.spacing_mm(k, width_mm) / 2
        near = window(area, 1)
        if near is None:
            return
        area = area[near]
        depth = depth_mm(area, cell_mm)
        within = depth > half_mm  # where the middles of lines run
        pieces, label = cv2.connectedComponents(area.astype(np.uint8), connectivity=8)
        wide = np.zeros(pieces, bool)
        wide[label[within]] = True
        area = wide[label]  # what is narrower than a line is left out
        cells = float(np.count_nonzero(area))
        if not cells:
            return
        wanted_mm = times * cells * cell_mm**2 / spacing_mm  # of lines that touch, what joins them is in it
        if spacing_mm > 2.0 * half_mm:
            wanted_mm = times * area_deeper_mm2(depth, half_mm, cell_mm) / spacing_mm
            if joined:
                wanted_mm += times * traced.joins_mm(within, cell_mm, spacing_mm)
        group = self.ledger.group(k, feature, wanted_mm)
        lengths_mm = traced.lines(area, cell_mm)
        path = chords(np.maximum(lengths_mm - ALONG_EDGE * spacing_mm, cell_mm / 2), spacing_mm)
        paths = chains(within, max(round(spacing_mm / cell_mm), 1))
        lines = cells * cell_mm**2 / spacing_mm / float(lengths_mm.mean())
        starts = np.arange(0, len(path), 2 * max(round(lines / max(paths, 1)), 1), dtype=np.int32)
        self.ledger.sketch.draw(group, path, self.speed(k, tool, wished_mm_s, width_mm), starts=starts)
        self.lay(k, tool, wanted_mm, width_mm, times)
        self.pieces(k, tool, within, paths, times)

    def pieces(self, k: int, tool: int, area: Bool, paths: int, times: float = 1.0) -> None:
        """The ways to each path of an area; those to another piece of it with a retraction."""
        pieces = cv2.connectedComponents(area.astype(np.uint8), connectivity=8)[0] - 1
        self.ledger.fixed_s[k, habit.TRAVEL] += times * (
            self.hops_s(max(paths, pieces), habit.PIECE_MM) + pieces * self.retraction_s(tool)
        )

    def hops_s(self, number: float, far_mm: float) -> float:
        """Travels of the same length: from rest to rest."""
        acceleration = self.motion.travel_acceleration_mm_s2
        top = min(self.process.travel_mm_s, math.sqrt(acceleration * far_mm))
        return number * (top / acceleration + far_mm / top)

    def travels(self, k: int, tool: int, loops: list[Float], times: float = 1.0) -> None:
        """From loop to loop, the nearest first, once for each outline; inner walls and fillings begin nearby."""
        at = np.array([loop[0] for loop in loops])
        left, here = list(range(1, len(at))), 0
        ways: list[Float] = []
        for _ in range(len(left)):
            there = min(left, key=lambda i: float(np.hypot(*(at[i] - at[here]))))
            ways.append(at[[here, there]])
            left.remove(there)
            here = there
        lengths_mm = [traced.length_mm(way) for way in ways]
        group = self.ledger.group(k, habit.TRAVEL, times * sum(lengths_mm))
        for way in ways:
            self.ledger.sketch.draw(group, way, self.process.travel_mm_s, prints=False)
        far = sum(length_mm > habit.FAR_MM for length_mm in lengths_mm)
        self.ledger.fixed_s[k, habit.TRAVEL] += times * (far + 1) * self.retraction_s(tool)

    def retraction_s(self, tool: int) -> float:
        """Back and forth."""
        fdm = self.materials[tool].fdm
        own = None if fdm is None else fdm.retraction_mm
        return 2.0 * (self.fdm.retraction_mm if own is None else own) / self.fdm.retraction_mm_s

    def lay(self, k: int, tool: int, length_mm: float, width_mm: float, times: float = 1.0) -> None:
        """Note the material of a line; of ``times`` layers in the place of one each is so much lower."""
        if times:
            self.ledger.mm3[k, tool] += length_mm * self.section_mm2(k, width_mm) / times


def spacing_mm_of(width_mm: float, height_mm: float) -> float:
    """Between lines that touch: a line is a rectangle between two half rounds."""
    return width_mm - height_mm * (1.0 - math.pi / 4)
