"""Where to cut a body that is too large for a bed, and cutting it there.

A body is several solids that stand as one; every plane goes through all of them, so that a piece is a rigid group. The
pieces form a binary tree: each plane cuts one piece in two, until each fits. Planes come from a fixed list of
directions and places, so that the same body is cut alike on every run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from printprep.errors import DoesNotFit
from printprep.geometry import nest
from printprep.geometry.cuts import Plane, frame_of
from printprep.geometry.mesh import Bool, Float, Mesh, as_point
from printprep.geometry.pieces import SLIVER_MM3, Apart, Parted, Piece, Tree, cut, given_back, leaves, nodes, standing
from printprep.geometry.section import sections
from printprep.geometry.shade import Under, shaded
from printprep.geometry.solid import Manifold, from_solid

MAX_PIECES: Final = 24

_PLACES: Final = 40  # tried along each direction
_EDGE: Final = 0.04  # of the extent at either end where no cut is tried
_TILT_DEG: Final = 15.0
_TRIED: Final = 3  # of the best planes are really cut, to count the slivers
_PROGRESS: Final = 0.8  # what is too large must shrink at least to this share
_SPARE: Final = 2  # pieces more than needed that a plane may cost

_PART_MM: Final = 25.0  # a part cut costs as much as so much more outline
_THIN_MM: Final = 15.0  # an outline too thin for a pin
_NO_PIN_MM: Final = 150.0  # a plane without any place for a pin
_TILT_MM: Final = 20.0  # a plane across no axis of the build
_SLIVER_MM: Final = 80.0  # a loose crumb, or a side thinner than 15 mm
_SIDE_MM: Final = 15.0
_LOOSE_MM: Final = 60.0  # a body more than there was: a piece in two
_FRAIL_MM: Final = 80.0  # an outline without room for two pins side by side
_WEAK_MM: Final = 300.0  # no outline with that room, and so much again for no area at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the pieces must be like."""

    room: nest.Room  # each piece must stand in it, turned about z only
    up: Float  # (3, 3) rotation from the frame of the solids to the build direction
    barred: frozenset[str] = frozenset()  # names of solids that no plane should cut
    spheres: Float = field(default_factory=lambda: np.zeros((0, 4)))  # (k, 4) x y z radius, in the solids' frame
    boxes: Float = field(default_factory=lambda: np.zeros((0, 6)))  # (k, 6) lower and upper corner
    surfaces: tuple[Float, ...] = ()  # (t, 3, 3) triangles of surfaces that no plane should cut
    reach_mm: float = 0.0  # how far pins will stand out of a cut
    thin_mm: float = 6.0  # outlines thinner than this hold no pin
    firm_mm2: float = 0.0  # a cut of less area is a weak joint
    contact_mm2: float = 1.0  # bodies that touch by less do not hold together
    spare_mm: float = 0.0  # of the room, on each side, that planes leave to supports
    under: Under | None = None  # what supports the pieces get, which need room, too


def split(solids: Mapping[str, Manifold], wish: Wish) -> Tree:
    """Cut a body until every piece fits.

    A side of a cut whose bodies do not hold together is as many pieces, so that each stands on the bed by itself and
    has pins of its own; where that would be more than :data:`MAX_PIECES`, they stay one.

    Parameters
    ----------
    solids
        The body, by name, in one frame, mm.
    wish
        The room for a piece and what to avoid.

    Returns
    -------
    Piece, Parted or Apart
        A Piece when nothing has to be cut.

    Raises
    ------
    DoesNotFit
        More than :data:`MAX_PIECES` would be needed, or no plane makes what is too large smaller.
    """
    whole = Piece(solids=dict(solids))
    if wish.under is None:
        return _split(whole, wish, [1], ())
    found: list[Tree] = []
    for roomy in (replace(wish, spare_mm=wish.under.reach_mm), wish):  # what overhangs on no side needs less room
        try:
            found.append(_split(whole, roomy, [1], ()))
        except DoesNotFit:
            if roomy is wish and not found:
                raise
    return min(found, key=_price)


def _price(tree: Tree) -> tuple[int, int]:
    """What must not be cut and is, and how many pieces there are."""
    return sum(len(node.trespassed) for node in nodes(tree)), len(leaves(tree))


def fits(piece: Piece, wish: Wish) -> bool:
    """Whether a piece has a place on the bed."""
    triangles = np.concatenate([from_solid(solid).triangles for solid in piece.solids.values()]) @ wish.up.T
    extra_mm = piece.extra_mm @ wish.up.T
    heights_mm = np.concatenate([triangles.reshape(-1, 3), extra_mm])[:, 2]
    return nest.fits(shaded(triangles, wish.under, extra_mm), float(np.ptp(heights_mm)), wish.room)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Option:
    """A plane that might be taken, with what it costs."""

    plane: Plane
    trespassed: tuple[str, ...]
    pieces: int  # that both sides will need at least
    cost_mm: float
    area_mm2: dict[str, float]

    @property
    def rank(self) -> tuple[int, int, float]:
        return len(self.trespassed), self.pieces, round(self.cost_mm, 6)


def _split(piece: Piece, wish: Wish, count: list[int], planes: tuple[Plane, ...]) -> Tree:
    groups = standing(piece, planes, wish.contact_mm2) if planes else (piece,)
    if len(groups) > 1 and count[0] + len(groups) - 1 <= MAX_PIECES:
        count[0] += len(groups) - 1
        return Apart(groups=tuple(_cut_to_fit(group, wish, count, planes) for group in groups))
    return _cut_to_fit(piece, wish, count, planes)


def _cut_to_fit(piece: Piece, wish: Wish, count: list[int], planes: tuple[Plane, ...]) -> Piece | Parted:
    if fits(piece, wish):
        return piece
    count[0] += 1
    least, _ = _need(np.ptp(piece.points_mm() @ wish.up.T, axis=0)[None], _bins(wish))
    if max(count[0], least[0] / 2.0) > MAX_PIECES:  # turned on the bed, pieces may be fewer than their boxes say
        raise DoesNotFit(f"the body would have to be cut into more than {MAX_PIECES} pieces")
    option, below, above = _best(piece, wish)
    planes = (*planes, option.plane)
    return Parted(
        plane=option.plane,
        below=_split(below, wish, count, planes),
        above=_split(above, wish, count, planes),
        area_mm2=option.area_mm2,
        trespassed=option.trespassed,
    )


def _best(piece: Piece, wish: Wish) -> tuple[_Option, Piece, Piece]:
    """The best plane, after really cutting the few that look best."""
    options = sorted(_options(piece, wish), key=lambda option: option.rank)
    if not options:
        size = " x ".join(f"{v:.0f}" for v in np.ptp(piece.points_mm() @ wish.up.T, axis=0))
        raise DoesNotFit(f"no plane parts the piece of {size} mm into smaller ones that could fit")
    likely = [option for option in options if option.rank[:2] == options[0].rank[:2]][:_TRIED]
    best: tuple[_Option, Piece, Piece] | None = None
    for option in likely:
        halves = cut(piece, option.plane, wish.reach_mm)
        below, above = given_back(*halves, option.plane, lambda half: fits(half, wish))
        names = option.area_mm2
        made = [_bodies(half.solids[name]) for half in (below, above) for name in names if name in half.solids]
        before = sum(_bodies(piece.solids[name])[0] for name in names)
        loose = sum(large for large, _ in made) - before - len(names)
        crumbs = sum(small for _, small in made)
        tried = replace(option, cost_mm=option.cost_mm + _SLIVER_MM * crumbs + _LOOSE_MM * max(0, loose))
        if below.solids and above.solids and (best is None or tried.rank < best[0].rank):
            best = tried, below, above
    assert best is not None  # a plane that goes through something has something on both sides
    return best


def _bodies(solid: Manifold) -> tuple[int, int]:
    """How many bodies a solid has, and how many too small to keep hold of; a cavity is one of negative volume."""
    volumes = [body.volume() for body in solid.decompose()]
    small = sum(0.0 < volume < SLIVER_MM3 for volume in volumes)
    return sum(volume > 0.0 for volume in volumes) - small, small


def _directions(up: Float) -> Iterator[tuple[Float, bool]]:
    """Normals in the solids' frame, and whether they are across an axis of the build."""
    axes = np.eye(3)
    slope = np.tan(np.radians(_TILT_DEG))
    for axis in (0, 1, 2):
        yield axes[axis] @ up, True
    for axis in (0, 1, 2):
        for other in (k for k in (0, 1, 2) if k != axis):
            for sign in (1.0, -1.0):
                normal = axes[axis] + sign * slope * axes[other]
                yield normal / np.linalg.norm(normal) @ up, False
    for sign in (1.0, -1.0):
        yield np.array([1.0, sign, 0.0]) / np.sqrt(2.0) @ up, False


def _options(piece: Piece, wish: Wish) -> Iterator[_Option]:
    meshes = {name: from_solid(solid) for name, solid in piece.solids.items()}
    points = np.concatenate([*(mesh.vertices for mesh in meshes.values()), piece.extra_mm])
    wish = _near(wish, points)
    bins = _bins(wish)
    placed = points @ wish.up.T
    need, excess = _need(np.ptp(placed, axis=0)[None], bins)
    for normal, straight in _directions(wish.up):
        normal = normal if (wish.up @ normal)[2] >= -1e-9 else -normal  # pins stand on the side that looks up
        frame = frame_of(normal)
        heights = points @ normal
        offsets = _offsets(heights, bins)
        if not len(offsets):
            continue
        look = _look(meshes, frame, offsets, wish)
        crossed = [_crossed(surface @ normal, offsets) for surface in wish.surfaces]
        below, above = _sides(placed, heights, normal, offsets, look, wish)
        pieces_below, excess_below = _need(below, bins)
        pieces_above, excess_above = _need(above, bins)
        pieces = pieces_below + pieces_above
        worst = np.maximum(excess_below, excess_above)
        able = (worst <= _PROGRESS * excess[0]) & (pieces <= need[0] + 1 + _SPARE) & (look.outline_mm.sum(axis=0) > 0)
        thin_side = np.minimum(offsets - heights.min(), heights.max() - offsets)
        cost = look.cost_mm + (0.0 if straight else _TILT_MM) + _SLIVER_MM * (thin_side < _SIDE_MM)
        for k in np.flatnonzero(able):
            plane = Plane(normal=as_point(normal), offset_mm=float(offsets[k]))
            through = {name: float(look.area_mm2[i, k]) for i, name in enumerate(meshes) if look.outline_mm[i, k] > 0}
            yield _Option(
                plane=plane,
                trespassed=_trespassed(plane, through, wish, [surface[k] for surface in crossed]),
                pieces=int(pieces[k]),
                cost_mm=float(cost[k]),
                area_mm2=through,
            )


def _offsets(heights: Float, bins: Float) -> Float:
    """Places along a direction: evenly, and where a full bed's worth is cut off either end."""
    low, high = float(heights.min()), float(heights.max())
    inner_low, inner_high = low + _EDGE * (high - low), high - _EDGE * (high - low)
    full = [end + sign * size * 0.995 for size in np.unique(bins) for end, sign in ((low, 1.0), (high, -1.0))]
    places = np.append(np.linspace(inner_low, inner_high, _PLACES), full)
    places = places[(places >= inner_low) & (places <= inner_high)]
    return np.unique(np.round(places, 6))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What planes of one direction go through: rows are solids, columns are planes."""

    outline_mm: Float
    area_mm2: Float
    cost_mm: Float  # (k,)
    lower_mm: Float  # (k, 3) box of all outlines in the build frame; inf where there are none
    upper_mm: Float


def _look(meshes: Mapping[str, Mesh], frame: Float, offsets: Float, wish: Wish) -> _Look:
    count = len(offsets)
    outline, area = np.zeros((len(meshes), count)), np.zeros((len(meshes), count))
    thin, frail, thickest, firm = (np.zeros(count) for _ in range(4))
    lower, upper = np.full((count, 3), np.inf), np.full((count, 3), -np.inf)
    for i, (name, mesh) in enumerate(meshes.items()):
        found = sections(Mesh(mesh.vertices @ frame.T, mesh.faces), offsets)
        if not len(found.points_mm):
            continue
        lengths, areas = _loops(found.points_mm, found.loop_start)
        of_loop = np.repeat(np.arange(count), np.diff(found.layer_start))
        outline[i], area[i] = np.bincount(of_loop, lengths, count), found.area_mm2
        widths = 2.0 * areas / np.maximum(lengths, 1e-9)  # of a long strip its width, of a disc its radius
        thin += np.bincount(of_loop[widths < wish.thin_mm / 2.0], minlength=count)
        if name not in wish.barred:
            np.maximum.at(thickest, of_loop, widths)
            np.maximum.at(firm, of_loop, areas)
            frail += np.bincount(of_loop[areas < wish.firm_mm2], minlength=count)
        of_point = np.repeat(of_loop, np.diff(found.loop_start))
        placed = np.column_stack([found.points_mm, offsets[of_point]]) @ frame @ wish.up.T
        there, first = np.unique(of_point, return_index=True)
        lower[there] = np.minimum(lower[there], np.minimum.reduceat(placed, first))
        upper[there] = np.maximum(upper[there], np.maximum.reduceat(placed, first))
    cost = outline.sum(axis=0) + _PART_MM * (outline > 0).sum(axis=0) + _THIN_MM * thin
    cost += _NO_PIN_MM * (thickest < wish.thin_mm / 2.0)
    cost += _FRAIL_MM * frail + _WEAK_MM * np.where(firm < wish.firm_mm2, 2.0 - firm / max(wish.firm_mm2, 1e-9), 0.0)
    return _Look(outline_mm=outline, area_mm2=area, cost_mm=cost, lower_mm=lower, upper_mm=upper)


def _loops(points: Float, starts: np.ndarray) -> tuple[Float, Float]:
    """Length and unsigned area of each closed loop."""
    after = np.arange(1, len(points) + 1)
    after[starts[1:] - 1] = starts[:-1]
    nearby = points - points.mean(axis=0)
    step = nearby[after] - nearby
    crossed = nearby[:, 0] * nearby[after][:, 1] - nearby[:, 1] * nearby[after][:, 0]
    lengths = np.add.reduceat(np.linalg.norm(step, axis=1), starts[:-1])
    return np.asarray(lengths), np.abs(np.add.reduceat(crossed, starts[:-1])) / 2.0


def _sides(
    placed: Float, heights: Float, normal: Float, offsets: Float, look: _Look, wish: Wish
) -> tuple[Float, Float]:
    """Extents (k, 3) in the build frame of what is below and above each plane, pins included."""
    slab = np.searchsorted(offsets, heights).astype(np.int16)  # of 16 bits, which numpy sorts without comparing
    order = np.argsort(slab, kind="stable")
    there, first = np.unique(slab[order], return_index=True)
    least, most = np.full((len(offsets) + 1, 3), np.inf), np.full((len(offsets) + 1, 3), -np.inf)
    least[there] = np.minimum.reduceat(placed[order], first)
    most[there] = np.maximum.reduceat(placed[order], first)
    least_up, most_up = np.minimum.accumulate(least[::-1])[::-1][1:], np.maximum.accumulate(most[::-1])[::-1][1:]
    least, most = np.minimum.accumulate(least)[:-1], np.maximum.accumulate(most)[:-1]
    stand = wish.reach_mm * (wish.up @ normal)
    below = np.maximum(most, np.maximum(look.upper_mm, look.upper_mm + stand))
    below = below - np.minimum(least, np.minimum(look.lower_mm, look.lower_mm + stand))
    above = np.maximum(most_up, look.upper_mm) - np.minimum(least_up, look.lower_mm)
    return below, above


def _bins(wish: Wish) -> Float:
    """(b, 3) boxes that surely have room: the bed between its margins, less a strip for what must stay free."""
    room, bed = wish.room, wish.room.bed
    margin_mm = room.margin_mm + wish.spare_mm
    width, depth = bed.width_mm - 2 * margin_mm, bed.depth_mm - 2 * margin_mm
    strips = [
        own_mm + room.gap_mm + nest.RESERVE_EDGE_MM - room.margin_mm if room.reserve_mm else 0.0
        for own_mm in room.reserve_mm or (0.0, 0.0)
    ]
    flat = {(width - strips[0], depth), (width, depth - strips[1])}
    return np.array(sorted({(a, b, bed.height_mm) for x, y in flat for a, b in ((x, y), (y, x))}))


def _need(extents: Float, bins: Float) -> tuple[Float, Float]:
    """Pieces (k,) that boxes (k, 3) need at least, and by how much they are too large, as a share; 1 is a fit."""
    share = extents[:, None, :] / np.maximum(bins[None], 1e-9)
    pieces = np.ceil(share - 1e-9).prod(axis=2).min(axis=1)
    over = np.maximum(share, 1.0).prod(axis=2).min(axis=1)
    return np.maximum(pieces, 1.0), np.maximum(over - 1.0, 0.0)


def _near(wish: Wish, points: Float) -> Wish:
    """The wish with the zones only that reach into the box of ``points``."""
    low, high = points.min(axis=0), points.max(axis=0)
    centre, radius = wish.spheres[:, :3], wish.spheres[:, 3:]
    balls = ((centre + radius > low) & (centre - radius < high)).all(axis=1)
    boxes = ((wish.boxes[:, 3:] > low) & (wish.boxes[:, :3] < high)).all(axis=1)
    return replace(wish, spheres=wish.spheres[balls], boxes=wish.boxes[boxes])


def _crossed(heights: Float, offsets: Float) -> Bool:
    """(k,) whether a plane at each offset goes through one of the triangles whose corners are that high, (t, 3)."""
    begun = np.searchsorted(np.sort(heights.min(axis=1)), offsets, side="left")
    ended = np.searchsorted(np.sort(heights.max(axis=1)), offsets, side="right")
    return np.asarray(begun > ended)


def _trespassed(plane: Plane, through: Mapping[str, float], wish: Wish, crossed: Sequence[bool]) -> tuple[str, ...]:
    """Barred solids that a plane goes through, and zones that it touches."""
    found = [name for name in through if name in wish.barred]
    centre, radius = wish.spheres[:, :3], wish.spheres[:, 3]
    touched: Bool = np.abs(plane.above_mm(centre)) < radius
    found += [f"the zone at {_place(centre[k])}" for k in np.flatnonzero(touched)]
    painted = (s for s, cut in zip(wish.surfaces, crossed, strict=True) if cut)
    found += [f"the painted zone at {_place(surface.mean(axis=(0, 1)))}" for surface in painted]
    middle, half = (wish.boxes[:, :3] + wish.boxes[:, 3:]) / 2.0, (wish.boxes[:, 3:] - wish.boxes[:, :3]) / 2.0
    touched = np.abs(plane.above_mm(middle)) < half @ np.abs(np.array(plane.normal))
    return (*found, *(f"the zone at {_place(middle[k])}" for k in np.flatnonzero(touched)))


def _place(point_mm: Float) -> str:
    return "({:.0f}, {:.0f}, {:.0f}) mm".format(*point_mm)
