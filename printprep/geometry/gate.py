"""The gate after a repair: what does not pass is refused, whatever was done to it."""

from __future__ import annotations

import numpy as np

from printprep.geometry.bvh import build, nearest, winding
from printprep.geometry.deviation import Deviation
from printprep.geometry.measure import Samples, inspect, same, sample, summarise
from printprep.geometry.mend import Record, Refused
from printprep.geometry.mesh import Bool, Float, Mesh
from printprep.geometry.shells import enclosed

VOLUME_SHARE = 0.002
"""How far apart the volume by the surface and the volume that is enclosed once or more may be."""
P95_MM, MAX_MM = 0.01, 0.1
"""How far the result may be from its source, both ways, outside patches."""
_SAMPLES = 40_000
_DOUBT_MM = 1e-4  # points farther off than this are asked whether they count
_ON_MM = 1e-6  # closer to a patch or to a removed face than this is on it


def judge(source: Mesh, result: Mesh, record: Record) -> Deviation | None:
    """Refused unless ``result`` is a solid that stands for ``source``.

    Closed, manifold, positive volume; enclosing nothing twice and nothing the wrong way round; and within
    :data:`P95_MM` and :data:`MAX_MM` of the source in both directions, except on patches, on surface that is listed
    as removed, and on surface of the source that now lies inside the solid (bodies that were united).

    Returns
    -------
    Deviation or None
        None when the two are the same mesh.
    """
    found = inspect(result, self_intersections=False)
    if not found.closed or found.volume_mm3 <= 0:
        raise Refused(f"the repaired surface is not closed, or encloses {found.volume_mm3:.3f} mm3")
    volumes = enclosed(result)
    twice = abs(volumes.signed_mm3 - volumes.solid_mm3) / max(volumes.solid_mm3, 1e-9)
    wrong = volumes.negative_mm3 / max(volumes.solid_mm3, 1e-9)
    if max(twice, wrong) > VOLUME_SHARE:
        raise Refused(
            f"the surface runs through itself: {max(twice, wrong):.2%} of the volume is enclosed twice or inside out "
            f"(limit {VOLUME_SHARE:.1%})",
            inspect(result).where_mm.get("self_intersecting_faces"),
        )
    if same(source, result):
        return None
    return _close_enough(source, result, record)


def _on(points: Float, soups: list[Float]) -> Bool:
    """(n,) whether each point lies on one of the triangles of ``soups``."""
    corners = np.concatenate([np.zeros((0, 3, 3)), *soups])
    if not len(corners):
        return np.zeros(len(points), np.bool_)
    loose = Mesh(corners.reshape(-1, 3), np.arange(3 * len(corners), dtype=np.int32).reshape(-1, 3))
    return np.asarray(nearest(build(loose), points)[0] <= _ON_MM)


def _close_enough(source: Mesh, result: Mesh, record: Record) -> Deviation:
    there, back = sample(source, _SAMPLES // 2, 0), sample(result, _SAMPLES // 2, 1)
    tree = build(result)
    far, near = nearest(tree, there.points)[0], nearest(build(source), back.points)[0]
    counts_there = np.ones(len(far), np.bool_)
    doubtful = np.flatnonzero(far > _DOUBT_MM)
    counts_there[doubtful] = ~(
        _on(there.points[doubtful], record.removed) | (winding(tree, there.points[doubtful]) > 0)
    )
    counts_back = np.ones(len(near), np.bool_)
    doubtful = np.flatnonzero(near > _DOUBT_MM)
    counts_back[doubtful] = ~_on(back.points[doubtful], record.patches)
    pairs: list[tuple[Samples, Float, Bool]] = [(there, far, counts_there), (back, near, counts_back)]
    deviation = summarise(pairs)
    if deviation.p95_mm > P95_MM or deviation.max_mm > MAX_MM:
        raise Refused(
            f"the repaired surface is up to {deviation.max_mm:.3f} mm (95 % {deviation.p95_mm:.3f} mm) from the "
            f"source (limits {MAX_MM} and {P95_MM} mm)",
            deviation.where_mm,
        )
    return deviation
