"""A plate cut in the few layers that stand for all: what all printers and all fillings of it have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from printprep.geometry.mesh import Float, Mesh
from printprep.geometry.strata import Propped, Stack, choose_layers, cut_stack, propped
from printprep.profiles.models import FdmProcess


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Zones:
    """Overhang that must, or must not, be held: middles of cells (n, 3) in the plate's frame."""

    enforced_mm: Float
    blocked_mm: Float
    step_mm: float  # edge of a cell, the longest


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CutPlate:
    """Layers of a plate, and what hangs over."""

    stack: Stack
    props: Propped | None  # None: it gets no supports


def cut_plate(
    meshes: Sequence[Mesh], process: FdmProcess, zones: Zones | None, layers: int, *, supports: bool
) -> CutPlate:
    """Cut the layers of a plate.

    Parameters
    ----------
    meshes
        In the plate's frame, standing at z = 0; the later wins where they overlap.
    process
        Of it count the heights of layers, how many are solid, and the angle of overhangs.
    zones
        Where supports must, or must not, stand.
    layers
        How many stand for all.
    supports
        Whether overhangs get some.
    """
    top_mm = max(float(mesh.bounds_mm[1, 2]) for mesh in meshes)
    chosen = choose_layers(top_mm, process.first_layer_height_mm, process.layer_height_mm, layers)
    stack = cut_stack(meshes, chosen, top_layers=process.top_layers, bottom_layers=process.bottom_layers)
    return CutPlate(stack=stack, props=_props(meshes, stack, process, zones) if supports else None)


def _props(meshes: Sequence[Mesh], stack: Stack, process: FdmProcess, zones: Zones | None) -> Propped:
    """What supports hold: overhangs that are not blocked."""
    angle_deg = process.overhang_angle_deg - 1.0  # the engine adds a degree to its threshold
    floor_mm = process.first_layer_height_mm
    if zones is None:
        return propped(meshes, stack, angle_deg, floor_mm)
    found = propped(meshes, stack, angle_deg, floor_mm, zones.enforced_mm)
    if not len(zones.blocked_mm):
        return found
    at_mm = np.column_stack([(found.cell[:, ::-1] + 0.5) * stack.cell_mm + np.array(stack.corner_mm), found.high_mm])
    near, _ = cKDTree(zones.blocked_mm).query(at_mm, distance_upper_bound=zones.step_mm + stack.cell_mm)
    free = np.isinf(near)
    return Propped(
        cell=found.cell[free], low_mm=found.low_mm[free], high_mm=found.high_mm[free], slope=found.slope[free]
    )
