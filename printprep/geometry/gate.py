"""The gate after a repair: what does not pass is refused, whatever was done to it."""

from __future__ import annotations

import numpy as np

from printprep.geometry.areas import face_normals
from printprep.geometry.bvh import build, nearest
from printprep.geometry.deviation import Deviation
from printprep.geometry.kept import in_both
from printprep.geometry.matter import Matter, matter_of
from printprep.geometry.measure import Samples, inspect, same, sample, summarise
from printprep.geometry.mend import Record, Refused
from printprep.geometry.mesh import Bool, Float, Int, Mesh
from printprep.geometry.settle import VOLUME_SHARE
from printprep.geometry.shells import enclosed

P95_MM, MAX_MM = 0.01, 0.1
"""How far the result may be from its source, both ways, outside patches."""
_SAMPLES = 40_000
_DOUBT_MM = 1e-4  # points farther off than this are asked whether they count
_STEP_MM = 0.01  # to either side of a surface, to ask what is there
ON_MM = 1e-6  # closer to a patch or to a removed face than this is on it


def judge(
    source: Mesh,
    whole: Mesh,
    result: Mesh,
    record: Record,
    *,
    p95_limit_mm: float = P95_MM,
    max_limit_mm: float = MAX_MM,
    box_limit_mm: float = MAX_MM,
    patch_mm: float = ON_MM,
    partner: Int | None = None,
) -> Deviation | None:
    """Refused unless ``result`` is a solid that stands for ``source``.

    Closed, manifold, positive volume; enclosing nothing twice and nothing the wrong way round; and within
    the limits of the source in both directions, except on patches, on surface that is listed
    as removed, and on surface that does not part matter from void (walls inside united bodies).

    Parameters
    ----------
    source
        As it came.
    whole
        The source closed and wound alike, before its shells were merged or united: what is matter and what is void.
    result
        To be judged.
    record
        Of what was done.
    p95_limit_mm, max_limit_mm
        How far 95 % and all of the surface may be off.
    box_limit_mm
        And in the boxes that the record says were rebuilt.
    patch_mm
        How far from a patch its surface in the result may be; more than rounding only where it was rebuilt.
    partner
        (m,) of each face of ``whole`` one that it runs through, or -1, if known.

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
            tangled=True,
        )
    if same(source, result):
        return None
    pairs = _distances(source, whole, result, record, patch_mm, partner)
    deviation = summarise(pairs)
    outside = _beyond(pairs, record.boxes) if record.boxes else deviation
    for found_there, limit_mm in ((outside, max_limit_mm), (deviation, max(max_limit_mm, box_limit_mm))):
        if found_there.max_mm > limit_mm or deviation.p95_mm > p95_limit_mm:
            raise Refused(
                f"the repaired surface is up to {found_there.max_mm:.3f} mm (95 % {deviation.p95_mm:.3f} mm) from the "
                f"source (limits {limit_mm:.3g} and {p95_limit_mm:.3g} mm)",
                found_there.where_mm,
                tangled=True,
            )
    return deviation


def _beyond(pairs: list[tuple[Samples, Float, Bool]], boxes: list[Float]) -> Deviation:
    """The deviation outside boxes."""
    outside = []
    for samples, distance, counts in pairs:
        kept = counts.copy()
        for lower, upper in boxes:
            kept &= ~((samples.points >= lower - ON_MM) & (samples.points <= upper + ON_MM)).all(axis=1)
        outside.append((samples, distance, kept))
    return summarise(outside)


def on_triangles(points: Float, *soups: Float, within_mm: float = ON_MM) -> Bool:
    """(n,) whether each point (n, 3) lies on one of the triangles of ``soups``, each (k, 3, 3) mm, or as near."""
    corners = np.concatenate([np.zeros((0, 3, 3)), *soups])
    if not len(corners):
        return np.zeros(len(points), np.bool_)
    loose = Mesh(corners.reshape(-1, 3), np.arange(3 * len(corners), dtype=np.int32).reshape(-1, 3))
    return np.asarray(nearest(build(loose), points)[0] <= within_mm)


def parts_matter(source: Mesh, matter: Matter, samples: Samples, chosen: Bool) -> Bool:
    """(k,) whether there is ``matter`` on just one side of each chosen sample of the source."""
    corners = source.vertices[source.faces[samples.face[chosen]]]
    normal = face_normals(corners)
    # a vertex is moved a little into its face, where the normal means something; farther would be another place
    inward = corners.mean(axis=1) - samples.points[chosen]
    away = np.linalg.norm(inward, axis=1, keepdims=True)
    points = samples.points[chosen] + inward * np.minimum(0.1, _STEP_MM / np.maximum(away, 1e-300))
    outer, inner = (matter.at(points + side * _STEP_MM * normal) for side in (1.0, -1.0))
    return np.asarray(outer != inner)


def _off(samples: Samples, kept: Bool, other: Mesh) -> Float:
    """(n,) how far samples are from the other surface; those of faces that are kept (m,) there are on it."""
    off_mm = np.zeros(len(samples.points))
    asked = ~kept[samples.face]
    if asked.any():
        off_mm[asked] = nearest(build(other), samples.points[asked])[0]
    return off_mm


def _distances(
    source: Mesh, whole: Mesh, result: Mesh, record: Record, patch_mm: float, partner: Int | None
) -> list[tuple[Samples, Float, Bool]]:
    """Samples of both surfaces, how far each is from the other surface, and which of them count."""
    there, back = sample(source, _SAMPLES // 2, 0), sample(result, _SAMPLES // 2, 1)
    kept_there, kept_back = in_both(source, result)
    far = _off(there, kept_there, result)
    near = _off(back, kept_back, source)
    counts_there = far > _DOUBT_MM
    if counts_there.any():
        counts_there[counts_there] = ~on_triangles(there.points[counts_there], *record.removed)
        counts_there[counts_there] = parts_matter(source, matter_of(whole, partner), there, counts_there)
    counts_there |= far <= _DOUBT_MM
    counts_back = np.ones(len(near), np.bool_)
    doubtful = np.flatnonzero(near > _DOUBT_MM)
    counts_back[doubtful] = ~on_triangles(back.points[doubtful], *record.patches, within_mm=patch_mm)
    return [(there, far, counts_there), (back, near, counts_back)]
