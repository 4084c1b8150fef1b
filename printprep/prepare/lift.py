"""Plates as supports find them: parts in their places, lifted off the bed where they do not stand by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from printprep.errors import DoesNotFit
from printprep.geometry import support as geometry
from printprep.geometry.mesh import Float, Int, Mesh, join
from printprep.plan import Matrix, Plate
from printprep.prepare.draft import Draft, DraftPart
from printprep.profiles.models import ResinSupports


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bed:
    """One plate with its parts in their places."""

    plate: Plate
    parts: tuple[DraftPart, ...]
    motions: tuple[Matrix, ...]  # (4, 4) each, lifted
    meshes: tuple[Mesh, ...]
    lift_mm: float  # 0: the body stands on the bed itself

    def part_of(self, face: Int) -> Int:
        """(k,) which part each face of all meshes in one belongs to."""
        ends = np.cumsum([len(mesh) for mesh in self.meshes])
        return np.asarray(np.searchsorted(ends, face, side="right"), dtype=np.int32)

    def to_case(self, at_mm: Float) -> Float:
        """A place on the plate (3,) in the case's frame, by the motion of the part whose box is nearest."""
        bounds = [mesh.bounds_mm for mesh in self.meshes]
        away = [float(np.maximum(0.0, np.maximum(low - at_mm, at_mm - high)).sum()) for low, high in bounds]
        back = np.linalg.inv(self.motions[int(np.argmin(away))])
        return np.asarray(back[:3, :3] @ at_mm + back[:3, 3])


def lifted(draft: Draft, plate: Plate, wish: ResinSupports) -> Bed:
    """The parts of a plate where they will be printed; without supports nothing is lifted.

    Raises
    ------
    DoesNotFit
        The lifted body is higher than the printer builds.
    """
    parts = tuple(part for part in draft.parts if part.name in plate.parts)
    motions = [plate.motions.get(part.piece, plate.case_to_plate) for part in parts]
    meshes = [part.mesh.transformed(motion) for part, motion in zip(parts, motions, strict=True)]
    lift_mm = 0.0 if not draft.supports or _stands(parts, meshes) else wish.lift_mm
    top_mm = max(float(mesh.bounds_mm[1, 2]) for mesh in meshes) + lift_mm
    if top_mm > draft.printer.bed.height_mm + 1e-6:
        raise DoesNotFit(
            f"plate {plate.index} is {top_mm:.1f} mm high with {lift_mm:g} mm of supports and pad under it, "
            f"{draft.printer.name} builds {draft.printer.bed.height_mm:g} mm; scale the case down, or print without "
            "supports"
        )
    up = np.array([0.0, 0.0, lift_mm])
    return Bed(
        plate=raised(plate, lift_mm),
        parts=parts,
        motions=tuple(_up(motion, lift_mm) for motion in motions),
        meshes=tuple(Mesh(mesh.vertices + up, mesh.faces) for mesh in meshes),
        lift_mm=lift_mm,
    )


def _stands(parts: Sequence[DraftPart], meshes: Sequence[Mesh]) -> bool:
    """Whether the body, or each piece of it, holds to the bed by itself; what is loose beside it holds nothing."""
    pieces: dict[int, list[Mesh]] = {}
    for part, mesh in zip(parts, meshes, strict=True):
        if not part.added:
            pieces.setdefault(part.piece, []).append(mesh)
    return all(geometry.stands(join(piece)) for piece in pieces.values())


def raised(plate: Plate, lift_mm: float) -> Plate:
    """The plate with everything on it higher."""
    motions = {piece: _up(motion, lift_mm) for piece, motion in plate.motions.items()}
    return replace(plate, case_to_plate=_up(plate.case_to_plate, lift_mm), motions=motions)


def _up(motion: Matrix, lift_mm: float) -> Matrix:
    moved = motion.copy()
    moved[2, 3] += lift_mm
    return moved
