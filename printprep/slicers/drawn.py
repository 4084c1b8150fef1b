"""A plate as PrusaSlicer would fill it, drawn in a few layers that stand for all.

In each, the outlines themselves, and lines as long as those that would fill it, are timed as the printer's firmware
plans them (:mod:`printprep.gcode.sketch`); the rest is lengths, speeds and volumes of the profiles.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np

from printprep.errors import ProfileError
from printprep.gcode.sketch import chords, gyroid, waves
from printprep.geometry.mesh import Bool, Float
from printprep.geometry.strata import (
    Propped,
    Single,
    Stack,
    area_deeper_mm2,
    chains,
    depth_mm,
    grown,
    standing_at,
)  # fmt: skip
from printprep.profiles.models import Fdm, FdmProcess, Material, Printer
from printprep.profiles.tower import tower_size
from printprep.slicers import prop_layers, traced
from printprep.slicers import prusa_habits as habit
from printprep.slicers.beside import beside_layers
from printprep.slicers.cut import CutPlate
from printprep.slicers.ledger import Ahead
from printprep.slicers.pen import Pen, spacing_mm_of
from printprep.slicers.skins import Skins


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn(Pen):
    """One plate, cut, with what its profiles say."""

    tools: Sequence[int]
    printer: Printer
    props: Propped | None
    skins: Skins
    prop_shares: Float  # layers of supports for each of the part's, by the layers that stand for all

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
            skins=_skins(cut.stack, process, printer.fdm),
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
        self.lay(k, tool, length_mm, width_mm)
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
            self.lay(k, tool, inner_mm, width_mm)
        if process.perimeters > 1:
            self.ledger.fixed_s[k, habit.TRAVEL] += self.hops_s(len(loops) * (process.perimeters - 1), spacing_mm)
        inside = depth > process.perimeters * spacing_mm - habit.OVERLAP * width_mm
        inside &= ~grown(self._gaps(k, tool, depth), habit.OVERLAP * width_mm, cell_mm)
        self._fill(k, tool, inside)
        self.travels(k, tool, loops)

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
        solid = self.skins.solid(int(self.stack.layers.at[k]), inside)
        sparse = inside & ~(solid.top | solid.bottom | solid.between)
        if process.infill_percent >= 100:
            solid, sparse = replace(solid, between=solid.between | sparse), np.zeros_like(inside)
        beneath = habit.BRIDGE if k else habit.SOLID
        for feature, area, wished in (
            (habit.SOLID, solid.between, process.infill_mm_s),
            (habit.TOP, solid.top, process.external_perimeter_mm_s),
            (beneath, solid.bottom, self.engine("bridge_speed", habit.BRIDGE_MM_S) if k else process.infill_mm_s),
        ):
            across_mm = self.fdm.nozzle_mm if feature == habit.TOP else width_mm
            self.hatch(k, tool, feature, area, self.spacing_mm(k, across_mm), wished, across_mm)
        density = process.infill_percent / 100.0
        if density <= 0 or not sparse.any():
            return
        spacing_mm = self.spacing_mm(k, width_mm)
        depth = depth_mm(sparse, cell_mm)
        within = depth > spacing_mm / 2  # where the middles of lines run
        if not within.any():
            return
        wave = process.infill_pattern == "gyroid"
        unit_mm = spacing_mm / (density * habit.GYROID_DENSER)
        apart_mm = math.pi * unit_mm if wave else spacing_mm / density
        wanted_mm = area_deeper_mm2(depth, spacing_mm / 2, cell_mm) * density / spacing_mm
        group = self.ledger.group(k, habit.SPARSE, wanted_mm + traced.joins_mm(within, cell_mm, apart_mm))
        lengths_mm = traced.lines(within, cell_mm)
        speed = self.speed(k, tool, process.infill_mm_s, width_mm)
        if wave:
            z_mm = float(self.stack.layers.middle_mm(self.stack.layers.at[k : k + 1])[0])
            path, first = waves(lengths_mm, unit_mm * gyroid(z_mm / unit_mm, habit.GYROID_STEPS), 2 * math.pi * unit_mm)
        else:
            path, first = chords(lengths_mm, apart_mm), np.arange(0, 2 * len(lengths_mm), 2, dtype=np.int32)
        paths = chains(within, max(round(apart_mm / cell_mm), 1))
        lines = area_deeper_mm2(depth, spacing_mm / 2, cell_mm) / apart_mm / float(lengths_mm.mean())
        self.ledger.sketch.draw(group, path, speed, starts=first[:: max(round(lines / max(paths, 1)), 1)])
        self.lay(k, tool, self.ledger.wanted_mm[group], width_mm)
        self.pieces(k, tool, within, paths)

    def _gaps(self, k: int, tool: int, depth: Single) -> Bool:
        """Short lines where another wall finds no room; inside the last wall they take the filling's place."""
        width_mm, cell_mm = self.line_mm, self.stack.cell_mm
        spacing_mm = self.spacing_mm(k, width_mm)
        reach_mm = habit.FITS * spacing_mm + cell_mm / 4  # cells of slanting edges lie so much apart
        area_mm2, length_mm, gap = 0.0, 0.0, np.zeros_like(depth, bool)
        for walls in range(1, self.process.perimeters + 1):
            next_one = depth > (walls + habit.FITS) * spacing_mm
            gap, line_mm = traced.ridges((depth > walls * spacing_mm) & ~grown(next_one, reach_mm, cell_mm), cell_mm)
            area_mm2 += float(np.count_nonzero(gap)) * cell_mm**2
            length_mm += line_mm
        if not length_mm:
            return gap
        speed = self.speed(k, tool, self.engine("gap_fill_speed", habit.GAP_MM_S), width_mm)
        self.ledger.fixed_s[k, habit.GAP] += length_mm / speed
        self.ledger.fixed_s[k, habit.TRAVEL] += self.hops_s(length_mm / habit.GAP_PIECE_MM, habit.GAP_PIECE_MM)
        self.ledger.mm3[k, tool] += area_mm2 * float(self.stack.layers.height_mm[k])
        return gap

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
        if k == 0:
            self._support_foot(standing)
            return
        times, close_times = self._support_layers(k, interface)
        speed_mm_s = process.perimeter_mm_s
        spacing_mm = self.spacing_mm(k, width_mm)
        close_mm = spacing_mm + self.engine("support_material_interface_spacing", 0.0)
        self.hatch(k, tool, habit.INTERFACE, close, close_mm, speed_mm_s, width_mm, close_times, joined=True)
        for area, layers in ((standing & ~close, times), (close, times - 1.0)):  # what is closed takes a layer's place
            if layers > 0:
                self.hatch(k, tool, habit.SUPPORT, area, spacing_mm + apart_mm, speed_mm_s, width_mm, layers)
        outlines = traced.outlines(standing, cell_mm)
        edge_mm = sum(traced.length_mm(loop) for loop in outlines)
        if self.engine("support_material_with_sheath", 1.0):
            length_mm = times * (edge_mm + traced.joins_mm(standing, cell_mm, spacing_mm + apart_mm))
        else:
            length_mm = times * traced.joins_mm(standing, cell_mm, spacing_mm + apart_mm, closed=True)
        group = self.ledger.group(k, habit.SUPPORT, length_mm)
        speed = self.speed(k, tool, speed_mm_s, width_mm)
        for loop in outlines:
            self.ledger.sketch.draw(group, loop, speed)
        self.lay(k, tool, length_mm, width_mm, times)
        self.travels(k, tool, outlines, max(times, 1.0))

    def _support_foot(self, standing: Bool) -> None:
        """The first layer of supports is wider than what stands on it, nearly closed, and keeps off the brim."""
        cell_mm, tool = self.stack.cell_mm, self.support_tool
        kept_mm = max(self.process.brim_mm, habit.SUPPORT_GAP * self.line_mm)
        foot = grown(standing, habit.FOOT_MM, cell_mm) & ~grown(self.stack.owner[0] > 0, kept_mm, cell_mm)
        width_mm = self.first_line_mm
        spacing_mm = self.spacing_mm(0, width_mm)
        speed_mm_s = self.process.perimeter_mm_s
        self.hatch(0, tool, habit.SUPPORT, foot, spacing_mm / habit.FOOT_DENSITY, speed_mm_s, width_mm, joined=True)
        if foot.any():
            self.travels(0, tool, traced.outlines(foot, cell_mm))

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
        width_mm = self.first_line_mm
        self.hatch(0, self.tools[0], habit.BRIM, area, self.spacing_mm(0, width_mm), process.perimeter_mm_s, width_mm)

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


def _skins(stack: Stack, process: FdmProcess, fdm: Fdm) -> Skins:
    line_mm = habit.LINE * fdm.nozzle_mm
    return Skins(
        stack=stack,
        walls_mm=process.perimeters * spacing_mm_of(line_mm, process.layer_height_mm) - habit.OVERLAP * line_mm,
        line_mm=line_mm,
        top_layers=process.top_layers,
        bottom_layers=process.bottom_layers,
    )
