"""A plate as PrusaSlicer would fill it, drawn in a few layers that stand for all.

In each, the outlines themselves, and lines as long as those that would fill it, are timed as the printer's firmware
plans them (:mod:`printprep.gcode.sketch`); the rest is lengths, speeds and volumes of the profiles.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np

from printprep.errors import ProfileError
from printprep.gcode.sketch import chords, waves
from printprep.geometry.mesh import Bool, Float
from printprep.geometry.strata import (
    FINEST_MM,
    Propped,
    Single,
    Stack,
    area_deeper_mm2,
    depth_mm,
    grown,
    small_areas,
    standing_at,
)  # fmt: skip
from printprep.profiles.models import Fdm, FdmProcess, Material, Motion, Printer
from printprep.profiles.tower import tower_size
from printprep.slicers import prop_layers, traced
from printprep.slicers import prusa_habits as habit
from printprep.slicers.beside import beside_layers
from printprep.slicers.cut import CutPlate
from printprep.slicers.ledger import Ahead, Ledger
from printprep.slicers.prusa_settings import ENGINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One plate, cut, with what its profiles say."""

    stack: Stack
    tools: Sequence[int]
    printer: Printer
    fdm: Fdm
    motion: Motion
    process: FdmProcess
    materials: dict[int, Material]
    props: Propped | None
    prop_shares: Float  # layers of supports for each of the part's, by the layers that stand for all
    ledger: Ledger = field(default_factory=Ledger)

    @classmethod
    def of(
        cls,
        cut: CutPlate,
        tools: Sequence[int],
        printer: Printer,
        process: FdmProcess,
        materials: dict[int, Material],
    ) -> Drawn:
        """What a printer and a process make of a plate that was cut for that process."""
        if printer.fdm is None or printer.motion is None:
            raise ProfileError(f"printer {printer.id} has no [fdm] and [motion]: what it takes cannot be told")
        layers, shares = cut.stack.layers, np.zeros(0)
        if cut.props is not None:
            shares = prop_layers.shares(prop_layers.tops_mm(cut.props, layers, printer.fdm.nozzle_mm), layers)
        return cls(
            stack=cut.stack,
            tools=tools,
            printer=printer,
            fdm=printer.fdm,
            motion=printer.motion,
            process=process,
            materials=materials,
            props=cut.props,
            prop_shares=shares,
        )

    def told(self) -> Ahead:
        """Draw every chosen layer, and sum up."""
        for k in range(len(self.stack.layers)):
            for part, tool in enumerate(self.tools):
                self._part(k, part, tool)
            if self.props is not None:
                self._support(k)
        self._brim()
        layers = self.stack.layers
        top_mm = layers.first_mm + float(layers.count.sum() - 1) * layers.layer_mm
        beside = beside_layers(self.printer, self.materials, self.tools, self._changes(), top_mm)
        return self.ledger.told(layers.count, self.printer, self.motion, beside)

    @property
    def line_mm(self) -> float:
        """Width of a line: PrusaSlicer's 0, "automatic"."""
        return 1.125 * self.fdm.nozzle_mm

    def spacing_mm(self, k: int, width_mm: float) -> float:
        """Between lines that touch: a line is a rectangle between two half rounds."""
        return width_mm - float(self.stack.layers.height_mm[k]) * (1.0 - math.pi / 4)

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

    def _part(self, k: int, part: int, tool: int) -> None:
        mask = self.stack.owner[k] == part + 1
        loops = self._loops(k, part)
        if not loops:
            return
        process, width_mm, cell_mm = self.process, self.line_mm, self.stack.cell_mm
        spacing_mm = self.spacing_mm(k, width_mm)
        outer = self.ledger.group(k, habit.OUTER)
        speed = self.speed(k, tool, process.external_perimeter_mm_s, width_mm)
        length_mm = 0.0
        for loop in loops:
            self.ledger.sketch.draw(outer, loop, speed)
            length_mm += traced.length_mm(loop)
        self._lay(k, tool, length_mm, width_mm)
        depth = depth_mm(mask, cell_mm)
        inner_mm = (
            (
                area_deeper_mm2(depth, spacing_mm, cell_mm)
                - area_deeper_mm2(depth, process.perimeters * spacing_mm, cell_mm)
            )
            / spacing_mm
            if process.perimeters > 1
            else 0.0
        )
        if inner_mm > 0:
            inner = self.ledger.group(k, habit.INNER, inner_mm)
            inner_speed = self.speed(k, tool, process.perimeter_mm_s, width_mm)
            for loop in loops:
                self.ledger.sketch.draw(inner, loop, inner_speed)
            self._lay(k, tool, inner_mm, width_mm)
        if process.perimeters > 1:
            self.ledger.fixed_s[k, habit.TRAVEL] += self._hops_s(len(loops) * (process.perimeters - 1), spacing_mm)
        self._gaps(k, tool, depth)
        inside = depth > process.perimeters * spacing_mm - habit.OVERLAP * width_mm
        self._fill(k, tool, inside)
        self._travels(k, tool, loops)

    def _loops(self, k: int, part: int) -> list[Float]:
        points, start = self.stack.outlines[part].layer(k)
        loops = []
        for a, b in pairwise(start):
            loop = cv2.approxPolyDP(points[a:b].astype(np.float32)[:, None, :], habit.RESOLUTION_MM, closed=True)[
                :, 0, :
            ]
            if len(loop) >= 3:
                loops.append(np.concatenate([loop, loop[:1]]).astype(np.float64))
        return [loop for loop in loops if traced.length_mm(loop) > 4 * self.fdm.nozzle_mm]

    def _fill(self, k: int, tool: int, inside: Bool) -> None:
        process, width_mm, cell_mm = self.process, self.line_mm, self.stack.cell_mm
        bare = self.stack.top[k] | self.stack.bottom[k]
        skin = inside & ~self.stack.inside[k]
        if process.infill_percent < 100:
            skin = skin | small_areas(inside & ~bare, habit.SMALL_MM2, cell_mm)
            sparse = inside & ~traced.widened(skin, bare & inside, habit.SKIN_WIDTHS * width_mm, cell_mm)
        else:
            sparse = np.zeros_like(inside)
        solid = inside & ~sparse
        bridge = self._reaching(self.stack.bottom[k], solid) if k else np.zeros_like(solid)
        top = self._reaching(self.stack.top[k], solid) & ~bridge
        for feature, area, wished in (
            (habit.SOLID, solid & ~top & ~bridge, process.infill_mm_s),
            (habit.TOP, top, process.external_perimeter_mm_s),
            (habit.BRIDGE, bridge, self.engine("bridge_speed", habit.BRIDGE_MM_S)),
        ):
            across_mm = self.fdm.nozzle_mm if feature == habit.TOP else width_mm
            self._hatch(k, tool, feature, area, self.spacing_mm(k, across_mm), wished, across_mm)
        density = process.infill_percent / 100.0
        if density <= 0 or not sparse.any():
            return
        area_mm2 = float(np.count_nonzero(sparse)) * cell_mm**2
        spacing_mm = self.spacing_mm(k, width_mm)
        edge_mm = sum(traced.length_mm(loop) for loop in traced.outlines(sparse, cell_mm))
        wanted_mm = area_mm2 * density / spacing_mm + edge_mm / 2.0  # ends are joined along every other gap of lines
        group = self.ledger.group(k, habit.SPARSE, wanted_mm)
        lengths_mm = traced.lines(sparse, cell_mm)
        speed = self.speed(k, tool, process.infill_mm_s, width_mm)
        if process.infill_pattern == "gyroid":
            unit_mm = spacing_mm / (density * habit.GYROID_DENSER)
            path = waves(lengths_mm, 2 * math.pi * unit_mm, habit.GYROID_HEIGHT * unit_mm, habit.GYROID_STEPS)
        else:
            path = chords(lengths_mm, spacing_mm / density)
        self.ledger.sketch.draw(group, path, speed)
        self._lay(k, tool, wanted_mm, width_mm)
        self._pieces(k, tool, sparse)

    def _reaching(self, bare: Bool, solid: Bool) -> Bool:
        """A bare surface inside the walls, and what of the solid filling beside it is printed with it."""
        return grown(bare & solid, habit.SKIN_MARGIN_MM, self.stack.cell_mm) & solid

    def _hatch(
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
        cells = float(np.count_nonzero(area))
        if not cells:
            return
        cell_mm = self.stack.cell_mm
        wanted_mm = times * cells * cell_mm**2 / spacing_mm
        if joined:  # along every other gap of lines
            wanted_mm += times * sum(traced.length_mm(loop) for loop in traced.outlines(area, cell_mm)) / 2.0
        group = self.ledger.group(k, feature, wanted_mm)
        path = chords(traced.lines(area, cell_mm), spacing_mm)
        self.ledger.sketch.draw(group, path, self.speed(k, tool, wished_mm_s, width_mm))
        self._lay(k, tool, wanted_mm, width_mm, times)
        self._pieces(k, tool, area, times)

    def _pieces(self, k: int, tool: int, area: Bool, times: float = 1.0) -> None:
        """The ways to each piece of an area, with a retraction."""
        pieces = times * (cv2.connectedComponents(area.astype(np.uint8), connectivity=8)[0] - 1)
        self.ledger.fixed_s[k, habit.TRAVEL] += self._hops_s(pieces, habit.PIECE_MM) + pieces * self._retraction_s(tool)

    def _gaps(self, k: int, tool: int, depth: Single) -> None:
        """What is too narrow between walls for another one is filled with short lines."""
        width_mm, cell_mm = self.line_mm, self.stack.cell_mm
        spacing_mm = self.spacing_mm(k, width_mm)
        area_mm2 = 0.0
        for walls in range(1, self.process.perimeters):
            rest = depth > walls * spacing_mm
            next_one = depth > (walls + habit.FITS) * spacing_mm
            gap = rest & ~grown(next_one, habit.FITS * spacing_mm + 2.0 * max(cell_mm - FINEST_MM, 0.0), cell_mm)
            area_mm2 += float(np.count_nonzero(gap)) * cell_mm**2
        if not area_mm2:
            return
        length_mm = area_mm2 / (habit.GAP_WIDTH * spacing_mm)
        speed = self.speed(k, tool, self.engine("gap_fill_speed", habit.GAP_MM_S), width_mm)
        self.ledger.fixed_s[k, habit.GAP] += length_mm / speed
        self.ledger.fixed_s[k, habit.TRAVEL] += self._hops_s(length_mm / habit.GAP_PIECE_MM, habit.GAP_PIECE_MM)
        self.ledger.mm3[k, tool] += area_mm2 * float(self.stack.layers.height_mm[k])

    def _hops_s(self, number: float, far_mm: float) -> float:
        """Travels of the same length: from rest to rest."""
        acceleration = self.motion.travel_acceleration_mm_s2
        top = min(self.process.travel_mm_s, math.sqrt(acceleration * far_mm))
        return number * (top / acceleration + far_mm / top)

    def _travels(self, k: int, tool: int, loops: list[Float], times: float = 1.0) -> None:
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
        self.ledger.fixed_s[k, habit.TRAVEL] += times * (far + 1) * self._retraction_s(tool)

    def _retraction_s(self, tool: int) -> float:
        """Back and forth."""
        fdm = self.materials[tool].fdm
        own = None if fdm is None else fdm.retraction_mm
        return 2.0 * (self.fdm.retraction_mm if own is None else own) / self.fdm.retraction_mm_s

    def _support(self, k: int) -> None:
        """Lines far apart with a line around them; close together next to a part."""
        assert self.props is not None
        process, cell_mm, tool = self.process, self.stack.cell_mm, self.support_tool
        apart_mm = self.engine("support_material_spacing", habit.SUPPORT_SPACING_MM)
        interface = self.engine("support_material_interface_layers", habit.INTERFACE_LAYERS)
        width_mm = self.fdm.nozzle_mm  # PrusaSlicer's automatic width of supports
        layer_mm = float(self.stack.layers.height_mm[k])
        standing, close = standing_at(
            self.stack,
            self.props,
            k,
            snap_mm=apart_mm + width_mm,
            gap_mm=habit.SUPPORT_GAP * self.line_mm,
            next_to_mm=interface * layer_mm,
            closed_below=layer_mm / (habit.CLOSED_LINES * self.line_mm),
        )
        if not standing.any():
            return
        times, close_times = self._support_layers(k, interface) if k else (1.0, 1.0)
        speed_mm_s = process.perimeter_mm_s
        spacing_mm = self.spacing_mm(k, width_mm)
        close_mm = spacing_mm + self.engine("support_material_interface_spacing", 0.0)
        self._hatch(k, tool, habit.INTERFACE, close, close_mm, speed_mm_s, width_mm, close_times, joined=True)
        for area, layers in ((standing & ~close, times), (close, times - 1.0)):  # what is closed takes a layer's place
            if layers > 0:
                self._hatch(k, tool, habit.SUPPORT, area, spacing_mm + apart_mm, speed_mm_s, width_mm, layers)
        outlines = traced.outlines(standing, cell_mm)
        sheath = self.engine("support_material_with_sheath", 1.0)
        length_mm = (
            times * (sheath + 0.5) * sum(traced.length_mm(loop) for loop in outlines)
        )  # half: where lines are joined
        group = self.ledger.group(k, habit.SUPPORT, length_mm)
        speed = self.speed(k, tool, speed_mm_s, width_mm)
        for loop in outlines:
            self.ledger.sketch.draw(group, loop, speed)
        self._lay(k, tool, length_mm, width_mm, times)
        self._travels(k, tool, outlines, max(times, 1.0))

    def _support_layers(self, k: int, interface: float) -> tuple[float, float]:
        """Layers of supports, and of those next to a part, for each of the part's.

        Where the gap to the part is no whole number of layers, what is next to a part has a layer more.
        """
        layers = habit.CONTACT_MM / float(self.stack.layers.height_mm[k])
        whole = abs(layers - round(layers)) < 0.01
        return float(self.prop_shares[k]), 1.0 if whole or not interface else 1.0 + 1.0 / interface

    @property
    def support_tool(self) -> int:
        """The tool that lays supports."""
        return self.tools[0]

    def _brim(self) -> None:
        process, cell_mm = self.process, self.stack.cell_mm
        if process.brim_mm <= 0:
            return
        foot = self.stack.owner[0] > 0
        area = grown(foot, process.brim_mm, cell_mm) & ~foot
        width_mm = 2.0 * process.first_layer_height_mm  # PrusaSlicer's first_layer_extrusion_width of 200 %
        self._hatch(0, self.tools[0], habit.BRIM, area, self.spacing_mm(0, width_mm), process.perimeter_mm_s, width_mm)

    def _lay(self, k: int, tool: int, length_mm: float, width_mm: float, times: float = 1.0) -> None:
        if times:
            self.ledger.mm3[k, tool] += length_mm * self.section_mm2(k, width_mm) / times

    def _changes(self) -> int:
        """Changes of tools; each layer begins with the tool that the one before it ended with, if it has it."""
        count = self.stack.layers.count
        used = [{self.tools[part - 1] for part in np.unique(owner) if part} for owner in self.stack.owner]
        changes = np.array([max(len(tools) - 1, 0) for tools in used])
        total = int((changes * count).sum())
        total += sum(not (a & b) for a, b in pairwise(used) if a and b)
        size = tower_size(self.fdm, self.process, len(set(self.tools)))
        if size is None or not total:
            return total
        last = int(np.flatnonzero(changes).max()) if changes.any() else 0
        for k in range(last + 1):
            tool, section_mm2 = self.tools[0], self.section_mm2(k, habit.TOWER_LINE * self.fdm.nozzle_mm)
            purged_mm3 = float(changes[k]) * self.fdm.purge_mm3
            length_mm = purged_mm3 / section_mm2 + 2.0 * size.width_mm
            speed = self.speed(k, tool, self.process.perimeter_mm_s, habit.TOWER_LINE * self.fdm.nozzle_mm)
            self.ledger.fixed_s[k, habit.TOWER] += length_mm / speed
            for own in used[k]:
                self.ledger.mm3[k, own] += length_mm * section_mm2 / len(used[k])
        return total
