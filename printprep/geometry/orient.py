"""Which way up: thousands of directions screened exactly, the best of them measured in full and ranked.

Screened by overhang, contact with the bed and height (:mod:`printprep.geometry.facing`), then the best that are really
different, and the neighbours of the best of these, are measured with what stands below what
(:mod:`printprep.geometry.occlusion`). The score of a way up is the weighted mean of terms from 0 to 1, less is better:

==========  =============================================================================================
overhang    surface that supports touch, over the most that hangs over in any direction
support     volume of supports over that of the convex hull
height      height over the greatest of any direction
footprint   1 less the contact with the bed over the hull's mean shadow, which is a quarter of its area (Cauchy):
            0 is "stands on as much as it shades"
stability   0 when it may lean by STEADY_DEG before it tips, 1 when it tips by itself; half of it is what remains
            when its supports hold it
critical    critical surface that supports or the bed touch, over all of it
staircase   mean of abs(cos) of the angle between the normal of critical surface and up: times the layer's height it
            is the cusp height of Dolenc and Maekelae, "Slicing procedures for layered manufacturing techniques",
            Computer-Aided Design 26 (1994) 119-126; a level plane has no steps
peel        largest layer over the hull's mean shadow: the film's pull on a resin print grows with it (Pan et al.,
            "Study of separation force in constrained surface projection stereolithography",
            Rapid Prototyping Journal 23 (2017) 353-361)
suction     shadow of sealed pockets over the hull's mean shadow
==========  =============================================================================================

A way up that touches a keep-out zone comes after all that do not, and one that tips even with its supports after all of
these. No term depends on how the surface is cut into triangles, and neither does the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from printprep.geometry.directions import Hull, candidates, convex_hull, fibonacci_sphere, rotation_to_up
from printprep.geometry.facing import Facing, Surface, facing, lowest, steps, surface_of
from printprep.geometry.mesh import Bool, Float, Int, Mesh
from printprep.geometry.nest import Room
from printprep.geometry.occlusion import Marks, Occlusion, occlusion
from printprep.geometry.picking import PLAIN, Picker, in_order
from printprep.geometry.pose import TOUCH_MM2, Pose
from printprep.geometry.stability import STANDS, centre_of_mass, held_deg, leans_deg, tip_deg
from printprep.geometry.standing import possible, stands

__all__ = ["PLAIN", "Pose", "Ranking", "Weights", "Wish", "fibonacci_sphere", "rank", "rotation_to_up"]

SPHERE_DIRECTIONS: Final = 10_000  # 2 degrees apart
HULL_DIRECTIONS: Final = 4_000  # whose lowest points span the hull, but for a sag of 2e-4 of its size where it is round
DIFFERENT: Final = 40  # really different ways up that are measured in full
UPRIGHT: Final = 8  # and so many that might stand by themselves, where all others are lifted
NEAR: Final = 10  # neighbours of each of the BEST_OF best that are measured too
BEST_OF: Final = 3
STEADY_DEG: Final = 20.0  # a lean that no push of a nozzle or a film reaches
_USUAL: Final = 3.6  # sum of the weights with which PLAIN was measured
_FINEST: Final = 5  # plainness of the finest set of the sphere
AS_IT_CAME: Final = 0.02  # of a score: what is better by less is no reason to turn a body
_FEW_MM2: Final = 40.0  # of overhang get fewer contacts than a lifted body has at least: the rest is on slopes
PLACES: Final = 12  # searches for a place that may fail: what fits nowhere is told in bounded time
_TRIES: Final = 4  # rounds of DIFFERENT when a keep-out zone is touched by all


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Share of each term; 0 ignores it. See the module's table.

    Printing by light has weights of its own. The film pulls at each fresh layer with its area: makers say to tilt what
    has a large level layer, and to keep cups away from the film (Formlabs, Model Orientation best practices; Prusa,
    Basics of SLA printing), so ``peel`` and ``suction`` count there and the contact with the bed does not. No rule
    forbids a flat side on the platform: what stands there by its own underside (:data:`STANDS`) is built without a
    lift, is measured so, and needs no supports. So a cube stays on its face, since on an edge its largest layer is
    larger and its height too; a plate stands on its narrow side or leans; a tall cylinder stands on its end; anatomy,
    which has no flat side, leans on supports as its overhang says.
    """

    overhang: float = 1.0
    support: float = 0.5
    height: float = 0.3
    footprint: float = 0.3
    stability: float = 0.2
    critical: float = 1.0
    staircase: float = 0.3
    peel: float = 0.0
    suction: float = 0.0

    @property
    def shares(self) -> dict[str, float]:
        """All weights by name."""
        return asdict(self)

    @property
    def plain_step(self) -> float:
        """What a step in plainness is worth: PLAIN, and less where terms that are mostly 0 make all scores small."""
        return PLAIN * min(1.0, _USUAL / max(sum(self.shares.values()), 1e-12))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How it will be printed."""

    weights: Weights = field(default_factory=Weights)
    overhang_angle_deg: float = 45.0  # steepest face that needs no support, from the vertical: 0 is a wall
    layer_mm: float = 0.2
    lift_mm: float = 0.0  # above 0 nothing lies on the bed, supports carry it all
    suction: bool = False  # look for pockets that a film would suck at


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranking:
    """The ways up that were measured in full, the best first."""

    poses: tuple[Pose, ...]
    original: Pose  # the way up in which the mesh came, whether it is allowed or not
    asked: tuple[Pose, ...]  # of the directions that were to be measured in any case
    screened: int  # how many directions were screened
    barred: int  # how many directions came before the first that is allowed
    fits: bool  # whether any direction is allowed; if none is, all were taken for allowed
    hull: Hull

    def __iter__(self) -> Iterator[Pose]:
        return iter(self.poses)

    def best(self, count: int, apart_deg: float = 15.0) -> tuple[Pose, ...]:
        """The best few that are really different ways up."""
        chosen: list[Pose] = []
        for pose in self.poses:
            if all(np.dot(pose.up, other.up) < np.cos(np.radians(apart_deg)) for other in chosen):
                chosen.append(pose)
            if len(chosen) == count:
                break
        return tuple(chosen)


def rank(
    mesh: Mesh,
    wish: Wish | None = None,
    *,
    marks: Marks | None = None,
    room: Room | None = None,
    asked: Float | None = None,
    sphere_directions: int = SPHERE_DIRECTIONS,
) -> Ranking:
    """Screen every candidate direction of ``mesh``, measure the best in full, and rank these.

    Parameters
    ----------
    mesh
        At least one triangle; outward winding. Closed bodies, which may touch and overlap.
    wish
        How it will be printed.
    marks
        (m,) of each face: CRITICAL, KEEP_OUT and HIDDEN of :mod:`printprep.geometry.occlusion`, or'ed.
    room
        The bed that it has to stand on; None: any way up is allowed.
    asked
        (n, 3) directions to measure in any case.
    sphere_directions
        How many directions spread over the sphere are tried beside the axes and the large facets.

    Returns
    -------
    Ranking
        A plainer direction is preferred to one that scores less than PLAIN a step better: the original to an axis,
        that to a facet and that to the sphere's sets from coarse to fine. Ties go by the least turn and by
        coordinates. So what came well stays, and the answer is the same on every run and for the same shape cut finer.
    """
    wish = wish or Wish()
    marks = np.zeros(len(mesh), np.uint8) if marks is None else np.ascontiguousarray(marks, np.uint8)
    body = _Body.of(mesh, wish, marks)
    ups, plain = candidates(body.surface.normals.T, body.surface.areas[0], body.hull, sphere_directions)
    seen = facing(body.surface, ups, wish.overhang_angle_deg, lifted=wish.lift_mm > 0.0)
    body = replace(body, most_mm2=float(seen.overhang_mm2[0].max()), tallest_mm=float(seen.height_mm.max()))
    order, upright = _screened(body, seen, ups, plain)
    pick = _picker(body.hull, ups, order, room)
    wanted = np.concatenate([ups[:1], np.reshape([] if asked is None else asked, (-1, 3))])
    original, *others = _measured(body, wanted, np.zeros(len(wanted), np.int32))
    poses = [original] if pick.allows(0) else []
    first = pick.some(UPRIGHT, upright)
    for _ in range(_TRIES):
        rows = [*first, *pick.different(DIFFERENT)]
        first = []
        if not pick.fits and not poses:
            poses = [original]
        new = [row for row in rows if row != 0]
        poses = _in_order([*poses, *_measured(body, ups[new], plain[new])], wish.weights.plain_step)
        if not len(rows) or not all(pose.touches or pose.tips for pose in poses if pose is not original):
            break
    near = [row for pose in poses[:BEST_OF] for row in pick.near(np.array(pose.up), NEAR) if row != 0]
    poses = _in_order([*poses, *_measured(body, ups[near], plain[near])], wish.weights.plain_step)
    return Ranking(
        poses=tuple(_kept(poses, original)),
        original=original,
        asked=tuple(others),
        screened=len(ups),
        barred=pick.barred,
        fits=pick.fits,
        hull=body.hull,
    )


def _picker(hull: Hull, ups: Float, order: npt.NDArray[np.int64], room: Room | None) -> Picker:
    if room is None:
        return Picker(ups, order)
    may, failed = possible(hull, ups, room), 0

    def allowed(row: int) -> bool:
        nonlocal failed
        if not may[row] or failed == PLACES:
            return False
        found = stands(hull, ups[row], room)
        failed += not found
        return found

    return Picker(ups, order, allowed)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Body:
    """A mesh and what is the same for all its ways up."""

    mesh: Mesh
    wish: Wish
    marks: Marks
    surface: Surface
    hull: Hull
    centre: Float
    critical_mm2: float
    keep_out_mm2: float
    most_mm2: float = 0.0  # overhang of any direction
    tallest_mm: float = 0.0

    @classmethod
    def of(cls, mesh: Mesh, wish: Wish, marks: Marks) -> _Body:
        surface = surface_of(mesh, marks)
        areas = surface.areas.sum(axis=1)
        return cls(
            mesh=mesh,
            wish=wish,
            marks=marks,
            surface=surface,
            hull=convex_hull(mesh.vertices[np.unique(lowest(surface, fibonacci_sphere(HULL_DIRECTIONS)))]),
            centre=centre_of_mass(mesh),
            critical_mm2=float(areas[1]) if len(areas) > 1 else 0.0,
            keep_out_mm2=float(areas[2]) if len(areas) > 1 else 0.0,
        )

    @property
    def border_mm2(self) -> float:
        """Contact with a keep-out zone that is no more than rounding at its border."""
        return min(TOUCH_MM2, 0.1 * self.keep_out_mm2)

    @property
    def shadow_mm2(self) -> float:
        """Mean shadow of the hull."""
        return max(self.hull.area_mm2 / 4.0, 1e-12)


def _screened(body: _Body, seen: Facing, ups: Float, plain: Int) -> tuple[npt.NDArray[np.int64], Bool]:
    """Rows of the screen, the best first, by what is known of each term without columns; and what might stand.

    Of a resin print what might stand by itself is taken to do so, and its largest layer for the mean one.
    """
    weights = body.wish.weights
    layer_mm2 = abs(body.mesh.volume_mm3) / np.maximum(seen.height_mm, 1e-12)  # the mean one
    on_bed = (body.wish.lift_mm == 0.0) | (seen.contact_mm2[0] >= STANDS * layer_mm2)
    overhang_mm2 = seen.overhang_mm2
    if body.wish.lift_mm > 0.0:
        overhang_mm2 = np.where(on_bed, np.maximum(0.0, overhang_mm2 - seen.lying_mm2), overhang_mm2)
    contact_mm2 = np.where(on_bed, seen.contact_mm2, 0.0)
    leans = np.where(on_bed, 1.0 - np.minimum(1.0, leans_deg(body.hull, body.centre, ups) / STEADY_DEG), 1.0)
    bad = (weights.overhang + weights.support) * overhang_mm2[0] / max(body.most_mm2, 1e-12)
    bad += weights.height * seen.height_mm / max(body.tallest_mm, 1e-12)
    bad += weights.footprint * (1.0 - np.minimum(1.0, contact_mm2[0] / body.shadow_mm2))
    bad += weights.stability * leans / 2.0  # the other half is for what its supports hold, which is not known yet
    bad += weights.peel * np.minimum(1.0, layer_mm2 / body.shadow_mm2)
    tier = np.zeros(len(ups))
    if len(seen.overhang_mm2) > 1:
        touched = overhang_mm2 + contact_mm2
        bad += weights.critical * np.minimum(1.0, touched[1] / max(body.critical_mm2, 1e-12))
        bad += touched[2] / max(body.keep_out_mm2, 1e-12)
        tier = (touched[2] > body.border_mm2).astype(np.float64)
    order = in_order(tier, bad / (sum(weights.shares.values()) or 1.0), plain, ups, weights.plain_step)
    return order, on_bed & (leans < 1.0) & (body.wish.lift_mm > 0.0)


def _measured(body: _Body, ups: Float, plain: Int) -> list[Pose]:
    """Everything about each direction of ``ups`` (k, 3)."""
    if not len(ups):
        return []
    wish = body.wish
    poses = _posed(body, ups, plain, wish.lift_mm)
    if wish.lift_mm > 0.0:
        contact_mm2 = facing(body.surface, ups, wish.overhang_angle_deg).contact_mm2[0]
        low = np.flatnonzero(contact_mm2 >= STANDS * np.array([pose.layer_mm2 for pose in poses]))
        for k, pose in zip(low.tolist(), _posed(body, ups[low], plain[low], 0.0) if len(low) else (), strict=True):
            poses[k] = pose
    return [_scored(body, pose) for pose in poses]


def _posed(body: _Body, ups: Float, plain: Int, lift_mm: float) -> list[Pose]:
    """The measures of each direction, as high over the bed."""
    wish, lifted = body.wish, lift_mm > 0.0
    exact = facing(body.surface, ups, wish.overhang_angle_deg, lifted=lifted)
    seen = occlusion(body.mesh, ups, wish.overhang_angle_deg, marks=body.marks, lift_mm=lift_mm, suction=wish.suction)
    cusps = steps(body.surface, ups) if body.critical_mm2 else np.zeros(len(ups))
    poses = []
    for k, up in enumerate(ups + 0.0):  # no minus zero in what people read
        contact_mm2 = 0.0 if lifted else float(exact.contact_mm2[0, k])
        marked_mm2 = float(exact.overhang_mm2[0, k] + seen.feet_mm2[k])
        critical_mm2, keep_out_mm2 = _touched(body, exact, seen, k, lifted=lifted)
        few = lifted and exact.overhang_mm2[0, k] < _FEW_MM2
        held = seen.footing_mm[k] if few else seen.reach_mm[k]
        pose = Pose(
            up=(float(up[0]), float(up[1]), float(up[2])),
            plain=int(plain[k]),
            score=0.0,
            terms={},
            overhang_mm2=float(exact.overhang_mm2[0, k]),
            support_mm3=float(seen.support_mm3[k]),
            marked_mm2=marked_mm2,
            contact_mm2=contact_mm2,
            lift_mm=lift_mm,
            height_mm=float(exact.height_mm[k]),
            tip_deg=-90.0 if lifted else tip_deg(body.hull, body.centre, up),
            held_deg=(held_deg if lifted else tip_deg)(body.hull, body.centre, up, held),
            critical_mm2=min(critical_mm2, marked_mm2 + contact_mm2),
            cusp_um=1000.0 * wish.layer_mm * cusps[k] if body.critical_mm2 else 0.0,
            keep_out_mm2=keep_out_mm2,
            layer_mm2=float(seen.layer_mm2[k]),
            mean_layer_mm2=float(seen.mean_layer_mm2[k]),
            cups=int(seen.cups[k]),
            cup_mm2=float(seen.cup_mm2[k]),
        )
        poses.append(pose)
    return poses


def _touched(body: _Body, exact: Facing, seen: Occlusion, k: int, *, lifted: bool) -> tuple[float, float]:
    """Critical and kept out surface that supports or the bed touch: from above exactly, what they stand on by columns.

    A zone narrower than a column is so found, too. Of what is kept out less than TOUCH_MM2 and a tenth of the zone is
    rounding at its border.
    """
    if len(exact.overhang_mm2) == 1:
        return 0.0, 0.0
    above = exact.overhang_mm2[1:, k] + (0.0 if lifted else exact.contact_mm2[1:, k])
    critical_mm2 = max(float(seen.critical_mm2[k]), float(above[0]))
    keep_out_mm2 = max(float(seen.keep_out_mm2[k]), float(above[1]))
    return critical_mm2, keep_out_mm2 if keep_out_mm2 > body.border_mm2 else 0.0


def _scored(body: _Body, pose: Pose) -> Pose:
    """The pose with its terms and its score."""
    steady = 1.0 - np.clip([pose.tip_deg, pose.held_deg], 0.0, STEADY_DEG) / STEADY_DEG
    terms = {
        "overhang": pose.marked_mm2 / max(body.most_mm2, 1e-12),
        "support": pose.support_mm3 / max(body.hull.volume_mm3, 1e-12),
        "height": pose.height_mm / max(body.tallest_mm, 1e-12),
        "footprint": 1.0 - pose.contact_mm2 / body.shadow_mm2,
        "stability": float(steady[1] if pose.lift_mm > 0.0 else steady.mean()),
        "critical": pose.critical_mm2 / max(body.critical_mm2, 1e-12),
        "staircase": pose.cusp_um / (1000.0 * body.wish.layer_mm),
        "peel": pose.layer_mm2 / body.shadow_mm2,
        "suction": pose.cup_mm2 / body.shadow_mm2,
    }
    terms = {name: float(min(1.0, max(0.0, term))) for name, term in terms.items()}
    shares = body.wish.weights.shares
    score = sum(shares[name] * term for name, term in terms.items()) / (sum(shares.values()) or 1.0)
    if pose.touches:
        score += pose.keep_out_mm2 / max(body.keep_out_mm2, 1e-12)
    return replace(pose, terms=terms, score=score)


def _in_order(poses: Iterable[Pose], step: float) -> list[Pose]:
    """The best first; for the way it came speaks its score alone, what more does is said by :func:`_kept`."""
    listed = list(poses)
    tier = np.array([pose.touches + 2.0 * pose.tips for pose in listed])
    scores, plain = (
        np.array([pose.score for pose in listed]),
        np.array([pose.plain or _FINEST for pose in listed], np.int32),
    )
    rows = in_order(tier, scores, plain, np.reshape([pose.up for pose in listed], (-1, 3)), step)
    return [listed[row] for row in rows]


def _kept(poses: list[Pose], original: Pose) -> list[Pose]:
    """The same with the way it came first, if that is among them and hardly worse than the best."""
    best = poses[0]
    tied = (original.touches, original.tips) == (best.touches, best.tips)
    if original in poses and tied and original.score <= best.score * (1.0 + AS_IT_CAME):
        return [original, *(pose for pose in poses if pose is not original)]
    return poses
