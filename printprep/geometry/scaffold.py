"""The solid of supports: trunks as tubes, braces as bars and a pad under the feet, united to one closed surface."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import manifold3d
import numpy as np
from manifold3d import CrossSection, Manifold

from printprep.geometry.braces import Brace
from printprep.geometry.mesh import Float, Mesh
from printprep.geometry.solid import from_solid
from printprep.geometry.trunks import BASE_MM, Trunk

SIDES: Final = 8  # of a pillar
_BAR_SIDES: Final = 6
_CHAMFER_STEPS: Final = 5
_SUNK_MM: Final = 0.2  # of feet in the pad
_JOIN_MM: Final = 3.0  # feet with less than twice this between the edges of their pads share one


@dataclass(frozen=True, slots=True, kw_only=True)
class Pad:
    """What all feet stand on."""

    thick_mm: float  # 0: none, the feet stand on the bed
    edge_mm: float  # how far it reaches beyond a foot
    foot_mm: float  # diameter of a foot


def solid_of(trunks: Sequence[Trunk], widths_mm: Sequence[float], bars: Sequence[Brace], pad: Pad) -> Mesh:
    """One closed surface of everything; ``widths_mm`` are the diameters of the pillars."""
    if not trunks:
        return Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int32))
    tubes = [trunk_mesh(trunk, width, pad) for trunk, width in zip(trunks, widths_mm, strict=True)]
    tubes += [tube(np.stack([bar.start_mm, bar.end_mm]), [bar.diameter_mm / 2.0] * 2, _BAR_SIDES) for bar in bars]
    solids = [Manifold(manifold3d.Mesh64(mesh.vertices.copy(), mesh.faces.astype(np.uint64))) for mesh in tubes]
    feet = np.array([trunk.path_mm[-1, :2] for trunk in trunks if not trunk.lands]).reshape(-1, 2)
    if pad.thick_mm > 0 and len(feet):
        solids.append(pad_solid(feet, pad))
    return from_solid(Manifold.batch_boolean(solids, manifold3d.OpType.Add))


def trunk_mesh(trunk: Trunk, width_mm: float, pad: Pad) -> Mesh:
    """Tip, head, pillar and foot as one tube."""
    tip, radius = trunk.tip_mm / 2.0, width_mm / 2.0
    joint, foot = trunk.path_mm[0], trunk.path_mm[-1]
    points = [trunk.contact_mm - trunk.sunk_mm * trunk.out, trunk.contact_mm]
    radii = [tip, tip]
    points += list(trunk.path_mm[:-1])
    radii += [trunk.pillar_mm / 2.0, *([radius] * (len(trunk.path_mm) - 2))]
    before = points[-1]
    down = np.array([0.0, 0.0, 1.0])
    if trunk.lands:
        length = float(before[2] - foot[2])
        points += [foot + min(1.5, 0.6 * length) * down, foot, foot - trunk.foot_sunk_mm * down]
        radii += [radius, trunk.foot_tip_mm / 2.0, trunk.foot_tip_mm / 2.0]
    else:
        wide = max(pad.foot_mm / 2.0, radius)
        base = min(BASE_MM, 0.5 * float(before[2] - foot[2]))
        points += [foot + base * down, foot + 0.3 * base * down, foot - (_SUNK_MM if pad.thick_mm else 0.0) * down]
        radii += [radius, wide, wide]
        if radius > radii[2] + 1e-9 and len(trunk.path_mm) == 2:  # wider only below the head
            points.insert(3, joint - min(2.0, 0.4 * float(joint[2] - foot[2])) * down)
            radii.insert(3, radius)
    return tube(np.array(points), radii, SIDES)


def tube(axis: Float, radii: Sequence[float], sides: int) -> Mesh:
    """A closed tube with flat ends around an axis (k, 3) that turns by less than a right angle at each point."""
    steps = np.diff(axis, axis=0)
    steps /= np.linalg.norm(steps, axis=1)[:, None]
    tangents = np.concatenate([steps[:1], steps[:-1] + steps[1:], steps[-1:]])
    tangents /= np.linalg.norm(tangents, axis=1)[:, None]
    across = np.eye(3)[int(np.abs(tangents[0]).argmin())]
    angle = 2.0 * np.pi * np.arange(sides) / sides
    rings = []
    for point, tangent, radius in zip(axis, tangents, radii, strict=True):
        across = across - tangent * float(across @ tangent)
        across /= np.linalg.norm(across)
        other = np.cross(tangent, across)
        rings.append(point + radius * (np.cos(angle)[:, None] * across + np.sin(angle)[:, None] * other))
    count, around = len(axis), np.arange(sides)
    following = (around + 1) % sides
    faces = [
        np.concatenate(
            [
                np.stack([k * sides + around, k * sides + following, (k + 1) * sides + following], axis=1),
                np.stack([k * sides + around, (k + 1) * sides + following, (k + 1) * sides + around], axis=1),
            ]
        )
        for k in range(count - 1)
    ]
    fan = np.arange(1, sides - 1)
    last = (count - 1) * sides
    faces.append(np.stack([np.zeros_like(fan), fan + 1, fan], axis=1))
    faces.append(np.stack([np.full_like(fan, last), last + fan, last + fan + 1], axis=1))
    return Mesh(np.concatenate(rings), np.concatenate(faces).astype(np.int32))


def pad_solid(feet: Float, pad: Pad) -> Manifold:
    """A plate around feet (n, 2), its edge leaning out by 45 degrees from the bed up, so that a scraper gets under."""
    outline = _outline(feet, pad)
    lean = min(pad.thick_mm, pad.edge_mm)
    height = pad.thick_mm / _CHAMFER_STEPS
    slabs = []
    for k in range(_CHAMFER_STEPS):
        inset = lean * (1.0 - (k + 1) / _CHAMFER_STEPS)
        section = outline.offset(-inset, manifold3d.JoinType.Round, 2.0, 24) if inset else outline
        # each reaches up to the top, so that no two have a face in common
        slabs.append(Manifold.extrude(section, pad.thick_mm - k * height).translate((0.0, 0.0, k * height)))
    return Manifold.batch_boolean(slabs, manifold3d.OpType.Add)


def _outline(feet: Float, pad: Pad) -> CrossSection:
    """Discs around the feet, joined where they nearly touch, without holes."""
    radius = pad.foot_mm / 2.0 + pad.edge_mm
    angle = 2.0 * math.pi * np.arange(24) / 24
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    discs = [CrossSection([ring * (radius + _JOIN_MM) + foot], manifold3d.FillRule.Positive) for foot in feet]
    wide = CrossSection.batch_boolean(discs, manifold3d.OpType.Add)
    closed = wide.offset(-_JOIN_MM, manifold3d.JoinType.Round, 2.0, 24).simplify(0.02)
    outer = [ring for ring in closed.to_polygons() if _area(np.asarray(ring)) > 0]
    return CrossSection(outer, manifold3d.FillRule.Positive)


def _area(ring: Float) -> float:
    x, y = ring[:, 0], ring[:, 1]
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2.0
