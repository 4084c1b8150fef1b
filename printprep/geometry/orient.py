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
peel        largest layer over the hull's mean shadow: the film's pull on a resin print grows with it
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
from numba import njit

from printprep.geometry.directions import Hull, candidates, convex_hull, fibonacci_sphere, rotation_to_up
from printprep.geometry.facing import Facing, Surface, facing, lowest, surface_of
from printprep.geometry.mesh import Float, Int, Mesh
from printprep.geometry.nest import Room
from printprep.geometry.occlusion import Marks, occlusion
from printprep.geometry.picking import PLAIN, Picker, in_order
from printprep.geometry.pose import TOUCH_MM2, Pose
from printprep.geometry.stability import centre_of_mass, held_deg, tip_deg
from printprep.geometry.standing import possible, stands

__all__ = ["PLAIN", "Pose", "Ranking", "Weights", "Wish", "fibonacci_sphere", "rank", "rotation_to_up"]

SPHERE_DIRECTIONS: Final = 10_000  # 2 degrees apart
HULL_DIRECTIONS: Final = 4_000  # whose lowest points span the hull, but for a sag of 2e-4 of its size where it is round
DIFFERENT: Final = 40  # really different ways up that are measured in full
NEAR: Final = 10  # neighbours of each of the BEST_OF best that are measured too
BEST_OF: Final = 3
STEADY_DEG: Final = 20.0  # a lean that no push of a nozzle or a film reaches
_LEVEL: Final = float(np.cos(np.radians(0.5)))  # a plane as level as this is one layer, without a step
PLACES: Final = 12  # searches for a place that may fail: what fits nowhere is told in bounded time
_TRIES: Final = 4  # rounds of DIFFERENT when a keep-out zone is touched by all


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Share of each term; 0 ignores it. See the module's table."""

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
    pick = _picker(body.hull, ups, _screened(body, seen, ups, plain), room)
    poses: list[Pose] = []
    for _ in range(_TRIES):
        rows = pick.different(DIFFERENT)
        poses = _in_order([*poses, *_measured(body, ups[rows], plain[rows])])
        if not len(rows) or not all(pose.touches or pose.tips for pose in poses):
            break
    near = [row for pose in poses[:BEST_OF] for row in pick.near(np.array(pose.up), NEAR)]
    poses = _in_order([*poses, *_measured(body, ups[near], plain[near])])
    wanted = np.concatenate([ups[:1], np.reshape([] if asked is None else asked, (-1, 3))])
    original, *others = _measured(body, wanted, np.zeros(len(wanted), np.int32))
    return Ranking(
        poses=tuple(poses),
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
    def shadow_mm2(self) -> float:
        """Mean shadow of the hull."""
        return max(self.hull.area_mm2 / 4.0, 1e-12)


def _screened(body: _Body, seen: Facing, ups: Float, plain: Int) -> npt.NDArray[np.int64]:
    """Rows of the screen, the best first, by what is known without supports."""
    weights = body.wish.weights
    over = seen.overhang_mm2[0] / max(body.most_mm2, 1e-12)
    bad = (weights.overhang + weights.support) * over + weights.height * seen.height_mm / max(body.tallest_mm, 1e-12)
    if body.wish.lift_mm == 0.0:
        bad += weights.footprint * (1.0 - np.minimum(1.0, seen.contact_mm2[0] / body.shadow_mm2))
    tier = np.zeros(len(ups))
    if len(seen.overhang_mm2) > 1:
        touched = seen.overhang_mm2 + (seen.contact_mm2 if body.wish.lift_mm == 0.0 else 0.0)
        bad += weights.critical * np.minimum(1.0, touched[1] / max(body.critical_mm2, 1e-12))
        bad += touched[2] / max(body.keep_out_mm2, 1e-12)
        tier = (touched[2] > TOUCH_MM2).astype(np.float64)
    return in_order(tier, bad / (sum(weights.shares.values()) or 1.0), plain, ups)


def _measured(body: _Body, ups: Float, plain: Int) -> list[Pose]:
    """Everything about each direction of ``ups`` (k, 3)."""
    if not len(ups):
        return []
    wish, lifted = body.wish, body.wish.lift_mm > 0.0
    exact = facing(body.surface, ups, wish.overhang_angle_deg, lifted=lifted)
    seen = occlusion(
        body.mesh, ups, wish.overhang_angle_deg, marks=body.marks, lift_mm=wish.lift_mm, suction=wish.suction
    )
    steps = _steps(body.surface.normals, body.surface.areas[1], ups) if body.critical_mm2 else np.zeros(len(ups))
    poses = []
    for k, up in enumerate(ups + 0.0):  # no minus zero in what people read
        contact_mm2 = 0.0 if lifted else float(exact.contact_mm2[0, k])
        marked_mm2 = float(exact.overhang_mm2[0, k] + seen.feet_mm2[k])
        alone = -90.0 if lifted else tip_deg(body.hull, body.centre, up)
        with_supports = (held_deg if lifted else tip_deg)(body.hull, body.centre, up, seen.reach_mm[k])
        pose = Pose(
            up=(float(up[0]), float(up[1]), float(up[2])),
            plain=int(plain[k]),
            score=0.0,
            terms={},
            overhang_mm2=float(exact.overhang_mm2[0, k]),
            support_mm3=float(seen.support_mm3[k]),
            marked_mm2=marked_mm2,
            contact_mm2=contact_mm2,
            height_mm=float(exact.height_mm[k]),
            tip_deg=alone,
            held_deg=with_supports,
            critical_mm2=min(float(seen.critical_mm2[k]), marked_mm2 + contact_mm2),
            cusp_um=1000.0 * wish.layer_mm * steps[k] if body.critical_mm2 else 0.0,
            keep_out_mm2=float(seen.keep_out_mm2[k]),
            layer_mm2=float(seen.layer_mm2[k]),
            mean_layer_mm2=float(seen.mean_layer_mm2[k]),
            cups=int(seen.cups[k]),
            cup_mm2=float(seen.cup_mm2[k]),
        )
        poses.append(_scored(body, pose))
    return poses


def _scored(body: _Body, pose: Pose) -> Pose:
    """The pose with its terms and its score."""
    steady = 1.0 - np.clip([pose.tip_deg, pose.held_deg], 0.0, STEADY_DEG) / STEADY_DEG
    terms = {
        "overhang": pose.marked_mm2 / max(body.most_mm2, 1e-12),
        "support": pose.support_mm3 / max(body.hull.volume_mm3, 1e-12),
        "height": pose.height_mm / max(body.tallest_mm, 1e-12),
        "footprint": 1.0 - pose.contact_mm2 / body.shadow_mm2,
        "stability": float(steady[1] if body.wish.lift_mm > 0.0 else steady.mean()),
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


def _in_order(poses: Iterable[Pose]) -> list[Pose]:
    """The best first."""
    listed = list(poses)
    tier = np.array([pose.touches + 2.0 * pose.tips for pose in listed])
    scores, plain = np.array([pose.score for pose in listed]), np.array([pose.plain for pose in listed], np.int32)
    rows = in_order(tier, scores, plain, np.reshape([pose.up for pose in listed], (-1, 3)))
    return [listed[row] for row in rows]


@njit(cache=True, nogil=True)
def _steps(normals: Float, areas: Float, ups: Float) -> Float:
    """Mean, by area, of the steps' height over the layer's on surface of unit normals (3, m), for each direction."""
    found, total = np.zeros(len(ups)), areas.sum()
    for k in range(len(ups)):
        steps = 0.0
        for i in range(len(areas)):
            if areas[i] > 0.0:
                along = abs(normals[0, i] * ups[k, 0] + normals[1, i] * ups[k, 1] + normals[2, i] * ups[k, 2])
                if along < _LEVEL:
                    steps += areas[i] * along
        found[k] = steps / total if total > 0.0 else 0.0
    return found
