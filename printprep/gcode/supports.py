"""What the supports in a finished file touch: measured line by line, not asked of the slicer.

A line of support holds on to a part where the part's underside is above it by no more than the gap that the slicer
leaves, or where it stands on the part's upper side by no more. The mesh is met somewhere between the slices of two
layers, so half a layer more is allowed. Areas are of the lines themselves: what is fused, not what is shaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from printprep.gcode.beads import Role, role_of
from printprep.gcode.layout import Kind
from printprep.gcode.read import Gcode
from printprep.geometry import bvh
from printprep.geometry.access import Access
from printprep.geometry.cells import Index, connected, gather
from printprep.geometry.mesh import Bool, Float, Int, Point, as_point
from printprep.geometry.vertical import first_above, first_below
from printprep.geometry.zones import PAINT_MM, Zones
from printprep.plan import Matrix, SupportContact, Supports

INTERFACES: Final = frozenset({"support material interface", "support interface", "support-interface"})
"""Names of the layers of a support next to a part, in lower case, as the slicers write them."""

SAMPLE_MM: Final = 0.4
BESIDE_MM: Final = 0.05
"""A line whose edge is this near to a wall touches it."""

_SLACK_MM: Final = 0.02
_PLACE_MM: Final = 1.0  # cells in which contact is gathered to places
_PLACES: Final = 8  # of a part that are named


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lines:
    """Samples along the lines of support, n of them."""

    at_mm: Float  # (n, 3) middle of the line, z of its top
    length_mm: Float  # (n,) of line that each stands for
    mm3: Float  # (n,)
    tool: Int  # (n,)
    interface: Bool  # (n,) whether it is of a layer next to a part


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Standing:
    """A part as it stands on the plate, and what to keep from on it."""

    name: str
    tree: bvh.Tree  # in the plate frame
    to_case: Matrix  # (4, 4) from the plate frame to the case's
    critical: Zones | bool = False  # all its surface matters most, or what is in these places of the case
    thin: Bool | None = None  # (m,) faces of walls that break easily


@dataclass(frozen=True, slots=True, kw_only=True)
class Bead:
    """How the slicer was asked to lay supports."""

    width_mm: float
    layer_mm: float
    gap_mm: float  # left between a support and a part
    interface_gap_mm: float  # and by the layers next to a part, since thick lines of a bridge hang below their layer

    @property
    def spacing_mm(self) -> float:
        """Width that a line takes beside others: a rectangle between two half rounds."""
        return self.width_mm - self.layer_mm * (1.0 - np.pi / 4.0)


def anatomy_layers(gcode: Gcode) -> int:
    """How many layers hold something of a part, not support alone."""
    own = np.array([name != "" and role_of(name) is Role.PART for name in gcode.features])
    return len(np.unique(gcode.moves.layer[_laid(gcode, own)]))


def _laid(gcode: Gcode, features: Bool) -> Index:
    """Rows of the moves that lay lines of some features; what feeds on the spot makes good for a retraction."""
    moves = gcode.moves
    rows = np.flatnonzero(features[moves.feature] & (moves.e_mm > 0) & (moves.kind != Kind.HOME))
    goes = (moves.position_mm[rows - 1, :2] != moves.position_mm[rows, :2]).any(axis=1) | (rows == 0)
    return np.asarray(rows[goes & (moves.layer[rows] >= 0)])


def support_lines(
    gcode: Gcode, filament_mm: float = 1.75, apart: tuple[float, float, float, float] | None = None
) -> Lines:
    """The lines of support of a file.

    Parameters
    ----------
    gcode
        With the features that its slicer names.
    filament_mm
        Diameter.
    apart
        Box x0, y0, x1, y1 in mm of a wipe tower, where lines are named support that are none.
    """
    moves = gcode.moves
    rows = _laid(gcode, np.array([role_of(name) is Role.SUPPORT for name in gcode.features]))
    begin, end = moves.position_mm[np.maximum(rows - 1, 0)], moves.position_mm[rows]
    if apart is not None:
        x0, y0, x1, y1 = apart
        middle = (begin + end) / 2.0
        beyond = (middle[:, 0] < x0) | (middle[:, 0] > x1) | (middle[:, 1] < y0) | (middle[:, 1] > y1)
        rows, begin, end = rows[beyond], begin[beyond], end[beyond]
    length_mm = np.linalg.norm((end - begin)[:, :2], axis=1)
    pieces = np.maximum(1, np.ceil(length_mm / SAMPLE_MM).astype(np.int64))
    of = np.repeat(np.arange(len(rows)), pieces)
    along = (np.arange(len(of)) - np.repeat(np.cumsum(pieces) - pieces, pieces) + 0.5) / pieces[of]
    at_mm = begin[of] + (end - begin)[of] * along[:, None]
    at_mm[:, 2] = end[of, 2]
    mm3 = moves.e_mm[rows].astype(np.float64) * np.pi / 4.0 * filament_mm**2
    interface = np.array([name.lower() in INTERFACES for name in gcode.features])[moves.feature[rows]]
    return Lines(
        at_mm=at_mm,
        length_mm=(length_mm / pieces)[of],
        mm3=(mm3 / pieces)[of],
        tool=moves.tool[rows].astype(np.int32)[of],
        interface=interface[of],
    )


def measure(
    lines: Lines,
    parts: Sequence[Standing],
    bead: Bead,
    *,
    reach: Access,
    keep_out: Zones,
    soluble: frozenset[int] = frozenset(),
) -> Supports:
    """What the supports touch, and what a person must remove.

    Parameters
    ----------
    lines
        Of :func:`support_lines`.
    parts
        All parts of the plate.
    bead
        As asked of the slicer.
    reach
        Where a tool gets to.
    keep_out
        In the case's frame.
    soluble
        Tools whose material dissolves.
    """
    under = _touching(lines, parts, bead, 1.0)
    on = _touching(lines, parts, bead, -1.0)
    area_mm2 = lines.length_mm * bead.spacing_mm
    missed = reach.misses(lines.at_mm - [0.0, 0.0, bead.layer_mm / 2.0])
    dissolves = np.isin(lines.tool, list(soluble))
    return Supports(
        volume_mm3=float(lines.mm3.sum()),
        interface_mm3=float(lines.mm3[lines.interface].sum()),
        soluble_mm3=float(lines.mm3[dissolves].sum()),
        out_of_reach_mm3=float(lines.mm3[missed & ~dissolves].sum()),
        out_of_reach_mm=_largest(_to_case(parts[0], lines.at_mm[missed & ~dissolves]), lines.mm3[missed & ~dissolves]),
        contacts=tuple(
            contact
            for index, part in enumerate(parts)
            if (contact := _contact(index, part, lines, area_mm2, under, on, bead, keep_out, dissolves))
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Touch:
    """What each sample touches above, or below."""

    part: Int  # (n,) -1: nothing
    face: Int  # (n,) of that part
    z_mm: Float  # (n,) of the surface there


def _touching(lines: Lines, parts: Sequence[Standing], bead: Bead, way: float) -> _Touch:
    """The nearest surface above (``way`` 1) or below (-1) each sample that is no farther than a contact."""
    start = lines.at_mm.copy()
    if way > 0:
        start[:, 2] -= bead.layer_mm  # a slope may come down beside the line's top
    reach_mm = bead.layer_mm * 1.5 + bead.gap_mm + _SLACK_MM
    widest_mm = reach_mm + bead.interface_gap_mm - bead.gap_mm
    best = np.full(len(start), np.inf)
    part = np.full(len(start), -1, np.int32)
    face = np.full(len(start), -1, np.int32)
    look = first_above if way > 0 else first_below
    for index, one in enumerate(parts):
        lower, upper = one.tree.boxes[0, :3] - widest_mm, one.tree.boxes[0, 3:] + widest_mm
        near = np.flatnonzero(((start >= lower) & (start <= upper)).all(axis=1))
        gap_mm, found = look(one.tree, start[near], widest_mm)
        nearer = (gap_mm < best[near]) & ((gap_mm <= reach_mm) | lines.interface[near])
        rows = near[nearer]
        best[rows], part[rows], face[rows] = gap_mm[nearer], index, found[nearer]
    return _Touch(part=part, face=face, z_mm=start[:, 2] + way * np.where(np.isfinite(best), best, 0.0))


def _contact(
    index: int,
    part: Standing,
    lines: Lines,
    area_mm2: Float,
    under: _Touch,
    on: _Touch,
    bead: Bead,
    keep_out: Zones,
    dissolves: Bool,
) -> SupportContact | None:
    """What holds on to one part; None: nothing does."""
    above, below = under.part == index, on.part == index
    beside = _beside(part, lines, bead, keep_out) & ~above & ~below
    if not (above.any() or below.any() or beside.any()):
        return None
    at_mm = lines.at_mm.copy()
    at_mm[below, 2], at_mm[above, 2] = on.z_mm[below], under.z_mm[above]
    rows = np.flatnonzero(above | below | beside)
    at_mm, area_mm2 = _to_case(part, at_mm[rows]), area_mm2[rows]
    kept = beside[rows]
    if keep_out:
        kept = kept | (keep_out.gap_mm(at_mm) <= PAINT_MM)
    critical = _matters(part, lines, ((under, above), (on, below)), rows)
    thin = _on(part.thin, ((under, above), (on, below)), rows) & ~dissolves[rows]
    return SupportContact(
        part=part.name,
        under_mm2=float(area_mm2[above[rows]].sum()),
        on_mm2=float(area_mm2[below[rows] & ~above[rows]].sum()),
        critical_mm2=float(area_mm2[critical].sum()),
        critical_mm=_largest(at_mm[critical], area_mm2[critical]),
        thin_mm2=float(area_mm2[thin].sum()),
        thin_mm=_largest(at_mm[thin], area_mm2[thin]),
        keep_out_mm2=float(area_mm2[kept].sum()),
        keep_out_mm=_largest(at_mm[kept], area_mm2[kept]),
        places=_places(at_mm, area_mm2),
    )


def _matters(part: Standing, lines: Lines, touches: Sequence[tuple[_Touch, Bool]], rows: Index) -> Bool:
    """Which of the samples ``rows`` touch surface of a part that matters most."""
    result = np.zeros(len(rows), np.bool_)
    for touch, touching in touches:
        here = np.flatnonzero(touching[rows])
        if isinstance(part.critical, Zones):
            foot_mm = np.column_stack([lines.at_mm[rows[here], :2], touch.z_mm[rows[here]]])
            result[here] |= part.critical.gap_mm(_to_case(part, foot_mm)) <= PAINT_MM
        else:
            result[here] |= part.critical
    return result


def _on(faces: Bool | None, touches: Sequence[tuple[_Touch, Bool]], rows: Index) -> Bool:
    """Which of the samples ``rows`` touch one of ``faces``, (m,)."""
    result = np.zeros(len(rows), np.bool_)
    if faces is not None:
        for touch, touching in touches:
            here = np.flatnonzero(touching[rows])  # elsewhere the face is one of another part
            result[here] |= faces[touch.face[rows[here]]]
    return result


def _beside(part: Standing, lines: Lines, bead: Bead, keep_out: Zones) -> Bool:
    """(n,) samples whose line runs along surface that nothing may touch, and touches it."""
    result = np.zeros(len(lines.at_mm), np.bool_)
    if not keep_out:
        return result
    reach_mm = bead.width_mm / 2.0 + BESIDE_MM
    lower, upper = part.tree.boxes[0, :3] - reach_mm, part.tree.boxes[0, 3:] + reach_mm
    middle = lines.at_mm - [0.0, 0.0, bead.layer_mm / 2.0]
    near = np.flatnonzero(((middle >= lower) & (middle <= upper)).all(axis=1))
    near = near[keep_out.gap_mm(_to_case(part, middle[near])) <= reach_mm]
    distance_mm, face, weights = bvh.nearest(part.tree, middle[near])
    close = distance_mm <= reach_mm
    corners = part.tree.corners[_rows_of(part.tree)[face[close]]]
    foot_mm = np.einsum("nk,nkd->nd", weights[close], corners)
    result[near[close]] = keep_out.gap_mm(_to_case(part, foot_mm)) <= PAINT_MM
    return result


def _rows_of(tree: bvh.Tree) -> Int:
    """(m,) place in the tree of each face."""
    rows = np.empty(len(tree.face), np.int32)
    rows[tree.face] = np.arange(len(tree.face), dtype=np.int32)
    return rows


def _to_case(part: Standing, points: Float) -> Float:
    return np.asarray(points @ part.to_case[:3, :3].T + part.to_case[:3, 3])


def _places(points: Float, area_mm2: Float) -> tuple[tuple[Point, float], ...]:
    """Middle and area of the largest places that hang together."""
    cells = gather(points, area_mm2, _PLACE_MM)
    label = connected(cells.key)
    total = np.bincount(label, cells.weight)
    found = []
    for one in np.argsort(-total, kind="stable")[:_PLACES]:
        rows = label == one
        found.append((as_point(np.average(cells.at_mm[rows], axis=0, weights=cells.weight[rows])), float(total[one])))
    return tuple(found)


def _largest(points: Float, weight: Float) -> Point | None:
    """Middle of the largest place; None: there is none."""
    return _places(points, weight)[0][0] if len(points) else None
