"""Specks: separate bodies and sealed voids too small to matter, measured all at once however many there are.

A raw threshold of a CT leaves hundreds of thousands of them. So nothing here looks at bodies one by one: one pass over
the faces measures all.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from printprep.geometry.mend import Record, Step, keep_faces, middle_of
from printprep.geometry.mesh import Mesh
from printprep.geometry.sizes import Sizes, sizes
from printprep.geometry.topology import MOST_BODIES
from printprep.geometry.weld import weld_vertices

SPECK_MM3: Final = 1.0
"""A body of less volume will not print, or will fall off."""
LISTED: Final = 100
"""So many dropped bodies are listed one by one, the largest first; the others by their count and volume."""


def drop_specks(mesh: Mesh, below_mm3: float, record: Record) -> Mesh:
    """``mesh`` without the bodies and voids of less volume than ``below_mm3``, each written down.

    The same object when there are none, and when nothing else would be left.
    """
    welded = weld_vertices(mesh)
    found = sizes(welded)
    small = found.most_mm3 < below_mm3
    if not small.any() or small.all():
        return mesh
    ranked = np.flatnonzero(small)[np.argsort(-found.most_mm3[small], kind="stable")]
    for b in ranked[:LISTED].tolist():
        record.steps.append(_gone(welded, found, b, below_mm3))
    rest = ranked[LISTED:]
    if len(rest):
        volume = -float(found.volume_mm3[rest][found.closed[rest]].sum())
        largest, voids = float(found.most_mm3[rest[0]]), int(found.voids[rest].sum())
        what = f"dropped {len(rest)} more, {voids} of them voids, none of more than {largest:.4f} mm3"
        where = middle_of(welded, int(found.first[rest[0]]))
        record.steps.append(Step(what=what, volume_mm3=volume, where_mm=where, dropped=len(rest)))
    return keep_faces(welded, ~small[found.label] | (found.label < 0))


def _gone(mesh: Mesh, found: Sizes, body: int, below_mm3: float) -> Step:
    """That one of them went."""
    volume, closed = float(found.volume_mm3[body]), bool(found.closed[body])
    kind = "a sealed void of" if found.voids[body] else "a separate body of" if closed else "an open scrap of at most"
    return Step(
        what=f"dropped {kind} {found.most_mm3[body]:.4f} mm3: the case lets go what is below {below_mm3:g} mm3",
        volume_mm3=-volume if closed else 0.0,
        where_mm=middle_of(mesh, int(found.first[body])),
        dropped=1,
    )


def crowd(mesh: Mesh) -> str:
    """What a mesh of too many separate surfaces consists of, and what to do about it; it is welded and finite."""
    found = sizes(mesh)
    volume = found.most_mm3
    count, loose = len(volume), int((~found.closed).sum())
    if loose > count / 2:
        return (
            f"it falls into {count} pieces that do not meet at their corners (limit {MOST_BODIES}); export it again, "
            "welded"
        )
    large = int((volume >= SPECK_MM3).sum())
    said = (
        f"it consists of {count} separate bodies (limit {MOST_BODIES}), as a raw threshold of a CT does; {large} of "
        f"them have {SPECK_MM3:g} mm3 or more, the largest {volume.max():.3g} mm3, which is "
        f"{volume.max() / max(volume.sum(), 1e-300):.0%} of all. Threshold again and keep the largest islands"
    )
    return f"{said}, or say drop_below_mm3 = {SPECK_MM3:g} or more for the part" if large else said
