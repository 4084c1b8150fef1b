"""Regions: spots of one kind that hang together over layers that follow each other, and what parts a print in two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

import numpy as np

from printprep.gcode.deposit import Solid
from printprep.gcode.printed import Printed
from printprep.gcode.spots import Kind, Spot
from printprep.geometry.mesh import Point

GAP_SHARE: Final = 0.3  # of what is lost, with plastic right below it and right above: it is a gap, and no surface
SECTION_SHARE: Final = 0.9  # of what is lost in a layer, in sections without plastic: a whole section is lost


class Whole(StrEnum):
    """Where sections lie of which nothing is printed."""

    BETWEEN = "between"  # plastic below them and above: the part is in two pieces
    FIRST = "first"  # the part, or what hangs down of it, begins too high
    LAST = "last"  # it ends too low


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Spots of one kind that hang together over layers that follow each other."""

    kind: Kind
    part: str | None
    tool: int  # that printed most of it; -1: none
    first_layer: int  # 0-based, of the layers of the model
    last_layer: int
    z_mm: tuple[float, float]  # bottom and top
    volume_mm3: float
    area_mm2: float  # of its largest layer
    thickness_mm: float
    depth_mm: float  # farthest point from plastic (lost) or from the part (added), lower bound
    where_mm: Point  # middle of its largest spot, plate frame
    worst_layer: int  # of its largest spot
    box_mm: tuple[float, float, float, float]  # x0 y0 x1 y1 of its largest spot
    whole: Whole | None = None  # sections of it are lost wholly; None: something of each is printed


def merge(spots: Sequence[Spot], printed: Printed, solids: Sequence[Solid]) -> tuple[Region, ...]:
    """Regions of ``spots``, which come by layer: those whose boxes overlap in layers that follow each other."""
    parent = list(range(len(spots)))

    def root(k: int) -> int:
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    open_: dict[tuple[Kind, int], list[int]] = {}
    for k, spot in enumerate(spots):
        group = open_.setdefault((spot.kind, spot.part), [])
        group[:] = [j for j in group if spots[j].layer >= spot.layer - 1]
        for j in group:
            if spots[j].layer < spot.layer and _meet(spots[j], spot):
                parent[root(k)] = root(j)
        group.append(k)
    groups: dict[int, list[Spot]] = {}
    for k, spot in enumerate(spots):
        groups.setdefault(root(k), []).append(spot)
    return tuple(_region(group, printed, solids) for group in groups.values())


def _meet(a: Spot, b: Spot) -> bool:
    return (a.box_mm[0] <= b.box_mm[2] and b.box_mm[0] <= a.box_mm[2] and a.box_mm[1] <= b.box_mm[3]) and b.box_mm[
        1
    ] <= a.box_mm[3]


def _region(group: list[Spot], printed: Printed, solids: Sequence[Solid]) -> Region:
    largest = max(group, key=lambda spot: spot.area_mm2)
    layers = np.array([spot.layer for spot in group])
    heights = printed.layer_height_mm[layers]
    bottom, top = float((printed.layer_z_mm[layers] - heights).min()), float(printed.layer_z_mm[layers].max())
    depth_mm = max(spot.depth_mm for spot in group)
    gap = _is_gap(group, largest)
    if gap:  # no surface lies lower or higher: it goes in from the side
        depth_mm = max(spot.between.beside_mm for spot in group if spot.between)
    elif largest.kind is Kind.LOST:  # plastic above or below is nearer than beside
        depth_mm = min(depth_mm, top - bottom)
    z_mm = float(printed.middle_mm[largest.layer])
    return Region(
        kind=largest.kind,
        part=solids[largest.part].name if largest.part >= 0 else None,
        tool=largest.tool,
        first_layer=int(layers.min()),
        last_layer=int(layers.max()),
        z_mm=(bottom, top),
        volume_mm3=float(sum(spot.area_mm2 * h for spot, h in zip(group, heights, strict=True))),
        area_mm2=largest.area_mm2,
        thickness_mm=max(spot.thickness_mm for spot in group),
        depth_mm=depth_mm,
        where_mm=(*largest.centre_mm, z_mm),
        worst_layer=largest.layer,
        box_mm=largest.box_mm,
        whole=_whole(group),
    )


def _is_gap(group: Sequence[Spot], largest: Spot) -> bool:
    """Whether what is lost lies between plastic below and plastic above: layers that do not hold on to each other."""
    least_mm2 = GAP_SHARE * largest.area_mm2
    below_mm2 = sum(spot.between.below_mm2 for spot in group if spot.between)
    above_mm2 = sum(spot.between.above_mm2 for spot in group if spot.between)
    return largest.between is not None and min(below_mm2, above_mm2) >= least_mm2


def _whole(group: Sequence[Spot]) -> Whole | None:
    """Where whole sections are lost: one is enough between others, at an end all must be, or it is a worn surface."""
    sections = [spot.between.section_mm2 >= SECTION_SHARE * spot.area_mm2 for spot in group if spot.between]
    lowest, highest = (reach(spot.layer for spot in group) for reach in (min, max))
    match _on_plastic(group, lowest, "below_mm2"), _on_plastic(group, highest, "above_mm2"):
        case (True, True) if any(sections):
            return Whole.BETWEEN
        case (False, True) if sections and all(sections):
            return Whole.FIRST
        case (True, False) if sections and all(sections):
            return Whole.LAST
    return None


def _on_plastic(group: Sequence[Spot], layer: int, side: Literal["below_mm2", "above_mm2"]) -> bool:
    """Whether what is lost in its first or last layer touches plastic with enough of itself."""
    spots = [spot for spot in group if spot.layer == layer]
    touching_mm2 = sum(getattr(spot.between, side) for spot in spots if spot.between)
    return bool(touching_mm2 >= GAP_SHARE * sum(spot.area_mm2 for spot in spots))
