"""Cut a body that is larger than the bed into numbered pieces, if the case allows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from printprep.case import Finding, Severity
from printprep.errors import DoesNotFit, MeshError
from printprep.geometry import split as geometry
from printprep.geometry.contact import clusters, solid_bodies
from printprep.geometry.cuts import END_MM, Cut, Pin, Plane
from printprep.geometry.mesh import Mesh, Point, as_point
from printprep.geometry.pieces import Parted, Tree, leaves, nodes
from printprep.geometry.pins import APART, MOST, find_pins, hole_solid, meeting_mm2, pin_solid
from printprep.geometry.solid import Manifold, from_solid, to_solid
from printprep.geometry.specks import SPECK_MM3
from printprep.geometry.split import Wish
from printprep.geometry.zones import Zones
from printprep.plan import Change
from printprep.prepare.arrange import refusal, room, stands_whole, supports_of
from printprep.prepare.draft import Draft, DraftPart
from printprep.prepare.zones import critical_of, keep_out_of, keep_out_parts, united
from printprep.progress import SILENT, Progress

LENGTH: Final = 1.5  # diameters that a pin stands out of its cut
WALL_MM: Final = 1.5  # matter around a hole and under its end: three lines of a common nozzle
MEETING_MM2: Final = 0.1  # of faces that come together; less is two edges that touch
_NAMED: Final = 4  # bodies of a piece that are told apart in a message


def split(draft: Draft, progress: Progress = SILENT) -> Draft:
    """Cut the body until every piece stands on the bed; a body that fits goes through untouched.

    Every plane goes through all parts of the piece that it cuts. A part that is cut becomes several, ``bone.1`` and
    ``bone.2``, by the numbers of the pieces; what is not cut keeps its name and only gets its piece's number. Adds
    the findings ``split`` (a cut), ``split-through-critical``, ``pins-impossible`` and ``piece-in-bodies``.

    Raises
    ------
    DoesNotFit
        The case does not allow it, with how many pieces it would make; or no cuts make pieces that fit.
    """
    if stands_whole(draft):
        return draft
    with progress.step("split") as step:
        if not draft.case.split.allowed:
            raise DoesNotFit(f"{refusal(draft)}{_offer(draft)}")
        try:
            tree = _tree(draft)
        except DoesNotFit as exc:
            raise DoesNotFit(f"{refusal(draft)}; {exc}") from exc
        step.advance(0.7, f"{len(leaves(tree))} pieces")
        return _divided(draft, tree)


def _offer(draft: Draft) -> str:
    """What cutting would do, for the refusal of a body that may not be cut."""
    try:
        count = len(leaves(_tree(draft)))
    except (DoesNotFit, MeshError) as exc:
        return f"; cutting it would not help: {exc}"
    return f", or let it be cut into {count} pieces: [split] allowed = true in case.toml"


def _tree(draft: Draft) -> Tree:
    solids = {}
    for part in draft.parts:
        try:
            solids[part.name] = to_solid(part.mesh)
        except MeshError as exc:
            raise DoesNotFit(f"{part.name} cannot be cut: {exc}") from exc
    zones, asked = _zones(draft), draft.case.split
    wish = Wish(
        room=room(draft),
        up=draft.rotation[:3, :3],
        barred=_barred(draft),
        spheres=zones.spheres,
        boxes=zones.boxes,
        surfaces=tuple(tree.corners for tree in zones.surfaces),
        reach_mm=LENGTH * asked.pin_diameter_mm if asked.pins else 0.0,
        thin_mm=asked.pin_diameter_mm + 2.0 * WALL_MM,
        firm_mm2=_firm_mm2(asked.pin_diameter_mm),
        contact_mm2=draft.case.limits.contact_mm2,
        under=supports_of(draft),
    )
    return geometry.split(solids, wish)


def _firm_mm2(pin_mm: float) -> float:
    """Area of a cut with room for two pins :data:`printprep.geometry.pins.APART` diameters apart, in their walls.

    Half as much again as the rectangle around them, since no outline of anatomy is one.
    """
    return 1.5 * (pin_mm + 2.0 * WALL_MM) * (pin_mm + 2.0 * WALL_MM + APART * pin_mm)


def _zones(draft: Draft) -> Zones:
    """The places of both kinds that no cut and no pin should touch; whole parts are barred by name."""
    return united(replace(keep_out_of(draft), solids=()), critical_of(draft))


def _barred(draft: Draft) -> frozenset[str]:
    """Parts that no cut should go through and no pin is set in."""
    return keep_out_parts(draft) | {part.name for part in draft.case.parts if part.critical}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Joint:
    """Where two pieces meet at a cut."""

    below: int  # numbers of the pieces
    above: int
    parts: tuple[str, ...]  # that the cut went through there
    pins: tuple[Pin, ...]


def _divided(draft: Draft, tree: Tree) -> Draft:
    pieces = {k: dict(piece.solids) for k, piece in enumerate(leaves(tree), start=1)}
    numbers = {id(piece): k for k, piece in enumerate(leaves(tree), start=1)}
    cuts: list[Cut] = []
    findings: list[Finding] = []
    changes: dict[str, list[Change]] = {part.name: [] for part in draft.parts}
    for node in nodes(tree):
        where = _where(node)
        for name, area_mm2 in node.area_mm2.items():
            what = f"a cut across {_named(node.plane)}"
            changes[name].append(Change(stage="split", what=what, area_mm2=2.0 * area_mm2, where_mm=where))
        joints = [
            _join(draft, node, pieces, below, above, changes)
            for below in (numbers[id(piece)] for piece in leaves(node.below))
            for above in (numbers[id(piece)] for piece in leaves(node.above))
        ]
        joints = [joint for joint in joints if joint.parts]
        cuts.append(Cut(plane=node.plane, pins=tuple(pin for joint in joints for pin in joint.pins)))
        findings.append(_cut(len(cuts), node, joints, where))
        findings.extend(_trespasses(draft, node, where))
        findings.extend(_unpinned(draft, joints, where))
    parts = tuple(_parts(draft, pieces, changes))
    for number in pieces:
        piece = [part for part in parts if part.piece == number]
        findings.extend(_in_bodies(number, piece, cuts, draft.case.limits.contact_mm2))
    return replace(draft, parts=parts, cuts=tuple(cuts)).with_findings(*findings)


def _join(
    draft: Draft,
    node: Parted,
    pieces: dict[int, dict[str, Manifold]],
    below: int,
    above: int,
    changes: dict[str, list[Change]],
) -> _Joint:
    """Pins of the parts that two pieces share at a cut: made in ``pieces`` and noted in ``changes``."""
    asked = draft.case.split
    shared = tuple(name for name in node.area_mm2 if _meet(pieces[below], pieces[above], name, node))
    zones, barred = _zones(draft), _barred(draft)
    made: list[Pin] = []
    for name in shared if asked.pins else ():
        if name in barred:
            continue
        pins = find_pins(
            pieces[below],
            pieces[above],
            name,
            node.plane,
            diameter_mm=asked.pin_diameter_mm,
            length_mm=LENGTH * asked.pin_diameter_mm,
            clearance_mm=asked.clearance_mm,
            wall_mm=WALL_MM,
            zones=zones,
        )
        for pin in pins:
            changes[name].append(_set(pin, pieces, below, above))
        made.extend(pins)
    return _Joint(below=below, above=above, parts=shared, pins=tuple(made))


def _meet(below: Mapping[str, Manifold], above: Mapping[str, Manifold], name: str, node: Parted) -> bool:
    """Whether two pieces have faces of that part on a cut which come together."""
    if name not in below or name not in above:
        return False
    return meeting_mm2(below[name], above[name], node.plane) >= MEETING_MM2


def _set(pin: Pin, pieces: dict[int, dict[str, Manifold]], below: int, above: int) -> Change:
    """Put a pin on the piece below and drill its hole into the one above; changes ``pieces``."""
    name = pin.part
    before_mm3 = pieces[below][name].volume() + pieces[above][name].volume()
    pieces[below][name] = pieces[below][name] + pin_solid(pin)
    pieces[above][name] = pieces[above][name] - hole_solid(pin)
    after_mm3 = pieces[below][name].volume() + pieces[above][name].volume()
    hole_mm = pin.diameter_mm + 2.0 * pin.clearance_mm
    walls_mm2 = np.pi * (pin.diameter_mm * pin.length_mm + hole_mm * (pin.length_mm + END_MM))
    return Change(
        stage="split",
        what=f"a pin of {pin.diameter_mm:g} x {pin.length_mm:g} mm on piece {below}, its hole of {hole_mm:g} x "
        f"{pin.length_mm + END_MM:g} mm in piece {above}",
        volume_mm3=after_mm3 - before_mm3,
        area_mm2=float(walls_mm2),
        where_mm=pin.at_mm,
    )


def _parts(
    draft: Draft, pieces: Mapping[int, Mapping[str, Manifold]], changes: Mapping[str, list[Change]]
) -> Iterator[DraftPart]:
    """Every part or its pieces; of the pieces the first one carries the changes."""
    mark = _mark({part.name for part in draft.parts}, len(pieces))
    for part in draft.parts:
        holders = [k for k, solids in pieces.items() if part.name in solids]
        if len(holders) == 1:
            yield replace(part, piece=holders[0])
            continue
        noted = (*part.changes, *changes[part.name])
        for k in holders:
            mesh = from_solid(pieces[k][part.name])
            yield replace(part, name=f"{part.name}{mark}{k}", mesh=mesh, piece=k, piece_of=part.name, changes=noted)
            noted = ()


def _mark(names: set[str], count: int) -> str:
    """What stands between name and number: a dot, or as many as no other part's name has there."""
    mark = "."
    while any(f"{name}{mark}{k}" in names for name in names for k in range(1, count + 1)):
        mark += "."
    return mark


def _cut(index: int, node: Parted, joints: list[_Joint], where: Point) -> Finding:
    pins = [f"{pin.part}" for joint in joints for pin in joint.pins]
    counted = ", ".join(f"{pins.count(name)} in {name}" for name in dict.fromkeys(pins)) or "none"
    met = ", ".join(f"{joint.below} and {joint.above}" for joint in joints)
    area_mm2 = sum(node.area_mm2.values())
    message = (
        f"cut {index} across {_named(node.plane)} parts pieces {met}; it goes through {', '.join(node.area_mm2)}, "
        f"{area_mm2:.0f} mm2 in all; pins: {counted}"
    )
    return Finding(code="split", severity=Severity.INFO, message=message, value=area_mm2, where_mm=where)


def _trespasses(draft: Draft, node: Parted, where: Point) -> Iterator[Finding]:
    names = {part.name for part in draft.parts}
    for what in node.trespassed:
        message = (
            f"no cut that makes pieces for the bed of {draft.printer.name} keeps clear of {what}: this one goes across "
            f"{_named(node.plane)}; choose a larger printer or a smaller scale, or accept it with a reason"
        )
        yield Finding(
            code="split-through-critical",
            severity=Severity.ERROR,
            part=what if what in names else None,
            message=message,
            value=node.area_mm2.get(what),
            limit=0.0,
            where_mm=where,
        )


def _unpinned(draft: Draft, joints: list[_Joint], where: Point) -> Iterator[Finding]:
    """Pieces that fewer than two pins hold, and parts without any."""
    if not draft.case.split.pins:
        return
    for joint in joints:
        pinned = {pin.part for pin in joint.pins}
        bare = [name for name in joint.parts if name not in pinned]
        if len(joint.pins) >= MOST and not bare:
            continue
        message = (
            f"pieces {joint.below} and {joint.above} are joined by {len(joint.pins)} pins of "
            f"{draft.case.split.pin_diameter_mm:g} mm, {MOST} are needed so that they cannot turn"
        )
        if bare:
            message += f"; no place for one in {', '.join(bare)} (too thin, critical, or inside another part): glue"
        yield Finding(
            code="pins-impossible",
            severity=Severity.WARNING,
            part=bare[0] if len(bare) == 1 else None,
            message=message,
            value=len(joint.pins),
            limit=MOST,
            where_mm=where,
        )


def _in_bodies(number: int, parts: list[DraftPart], cuts: list[Cut], enough_mm2: float) -> Iterator[Finding]:
    """A piece that cuts left in several bodies which do not hold together; what was loose before is no news."""
    bodies = [body for part in parts for body in solid_bodies(part.mesh, SPECK_MM3)]
    found = clusters(bodies, enough_mm2) if len(bodies) > 1 else ()
    cut = [c for c in found if any(_is_cut(bodies[k], cuts) for k in c.bodies)]
    if len(cut) < 2:
        return
    sizes = "; ".join(" x ".join(f"{v:.0f}" for v in bodies[c.bodies[0]].size_mm) + " mm" for c in cut[:_NAMED])
    more = f" and {len(cut) - _NAMED} more" if len(cut) > _NAMED else ""
    message = (
        f"piece {number} comes off the bed in {len(cut)} bodies that do not hold together: {sizes}{more}; each is "
        "glued by itself where it was cut. Choose a larger printer or a smaller scale if that is too many"
    )
    yield Finding(
        code="piece-in-bodies",
        severity=Severity.WARNING,
        message=message,
        value=len(cut),
        limit=1,
        where_mm=cut[1].where_mm,
    )


def _is_cut(body: Mesh, cuts: list[Cut]) -> bool:
    return any((np.abs(cut.plane.above_mm(body.vertices)) < 1e-6).any() for cut in cuts)


def _where(node: Parted) -> Point:
    """The middle of the box of what was cut."""
    found = [piece.points_mm() for piece in leaves(node.above)]
    points = np.concatenate(found)
    points = points[np.abs(node.plane.above_mm(points)) < 1e-6]
    return as_point((points.min(axis=0) + points.max(axis=0)) / 2.0)


def _named(plane: Plane) -> str:
    """A plane in words: the axis it stands across, or its normal."""
    normal = np.array(plane.normal)
    axis = int(np.argmax(np.abs(normal)))
    if abs(normal[axis]) > 1.0 - 1e-9:
        return f"{'xyz'[axis]} = {plane.offset_mm / normal[axis]:.1f} mm"
    return "the plane {:.3f} x {:+.3f} y {:+.3f} z = {:.1f} mm".format(*plane.normal, plane.offset_mm)
