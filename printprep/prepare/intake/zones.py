"""Zones of a case that speak of its parts: whole parts by name, and what their files paint."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from printprep.case import Painted, Part
from printprep.casefile import CaseFile, Paint, Zone, ZoneKind
from printprep.errors import CaseError
from printprep.formats.colours import Colours, colour_of, listed
from printprep.geometry.mesh import Bool, Mesh
from printprep.prepare.intake.naming import Identified
from printprep.profiles.problems import nearest


def zone_parts(case_file: Path | None, case: CaseFile, parts: Sequence[Part]) -> frozenset[str]:
    """The names of the parts that a ``[[critical]]`` table names as a whole.

    Raises
    ------
    CaseError
        A zone of any kind names a part that is not there.
    """
    names = [part.name for part in parts]
    for key, _, _, zone in _zones(case_file, case):
        for where, name in ((".part", zone.part), (".paint.part", zone.paint.part if zone.paint else None)):
            if name is not None and name not in names:
                raise CaseError(
                    f"{key}{where}: there is no part {name!r}{nearest(name, names)}; the parts: {', '.join(names)}"
                )
    return frozenset(zone.part for zone in case.critical if zone.part is not None)


def with_critical(parts: Sequence[Part], critical: frozenset[str]) -> tuple[Part, ...]:
    """The parts, those of the given names critical as if their own table said so."""
    return tuple(replace(part, critical=part.critical or part.name in critical) for part in parts)


def painted_zones(
    case_file: Path | None, case: CaseFile, identified: Sequence[Identified], parts: Sequence[Part]
) -> tuple[Painted, ...]:
    """The painted triangles of every zone that is said by paint, where they are in the case.

    Parameters
    ----------
    identified, parts
        The same objects in the same order; the meshes of the parts have the faces of the files.

    Raises
    ------
    CaseError
        The file of a part paints nothing, or not in that colour; with the colours that it has.
    """
    found = []
    for key, kind, index, zone in _zones(case_file, case):
        if zone.paint is None:
            continue
        one, part = next((i, p) for i, p in zip(identified, parts, strict=True) if p.name == zone.paint.part)
        faces = part.mesh.faces[_painted(f"{key}.paint", zone.paint, one)]
        used, compact = np.unique(faces, return_inverse=True)
        mesh = Mesh(part.mesh.vertices[used], compact.reshape(-1, 3).astype(np.int32))
        found.append(Painted(kind=kind, index=index, part=part.name, mesh=mesh))
    return tuple(found)


def _zones(case_file: Path | None, case: CaseFile) -> Iterator[tuple[str, ZoneKind, int, Zone]]:
    """Every zone with its key for a message, its kind and its index."""
    for index, keep_out in enumerate(case.keep_out):
        yield f"{case_file}: keep_out[{index}]", "keep_out", index, keep_out
    for index, critical in enumerate(case.critical):
        yield f"{case_file}: critical[{index}]", "critical", index, critical


def _painted(key: str, paint: Paint, one: Identified) -> Bool:
    """(m,) the painted faces of a part, its objects in order."""
    objects = one.asked.objects
    if not any(each.colours for each in objects):
        raise CaseError(
            f"{key}: {one.asked.path} paints nothing on {paint.part}; a PLY carries colours of vertices or faces, an "
            "OBJ those of vertices or of materials with their .mtl beside it, a 3MF base materials or colour groups"
        )
    colour = colour_of(paint.colour)
    pairs = [(each.colours or Colours(), each.mesh.faces) for each in objects]
    painted = np.concatenate([colours.painted(faces, colour, paint.tolerance) for colours, faces in pairs])
    if not painted.any():
        counts: Counter[int] = Counter()
        for colours, faces in pairs:
            counts.update(dict(colours.counts(faces)))
        there = (
            listed(sorted(counts.items(), key=lambda item: (-item[1], item[0]))) or "no whole triangle of one colour"
        )
        raise CaseError(
            f"{key}.colour: nothing of {paint.part} is painted {paint.colour}, with {paint.tolerance} of 255 a "
            f"channel; {one.asked.path} has {there}"
        )
    return painted
