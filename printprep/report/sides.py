"""Pictures of one part with its deviation: from where it matters most, from the other side, and close by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from printprep.casefile import Limits
from printprep.geometry.bvh import build, nearest
from printprep.geometry.mesh import Float, Point
from printprep.plan import Change
from printprep.report.heat import SIDES, Layer, Marker, heat, side
from printprep.report.pictures import Picture

SIZE_PX: Final = (440, 420)
CLOSE_SHARE: Final = 0.06  # of the part's diagonal around the place that is shown close by
CLOSE_MM: Final = 4.0  # and no less
MOST_MARKERS: Final = 40
"""More numbers than this hide the part: the first of them stand."""

_OPPOSITE: Final = {
    "the front": "behind",
    "the patient's left": "the patient's right",
    "above": "below",
}
OPPOSITE: Final = {**_OPPOSITE, **{b: a for a, b in _OPPOSITE.items()}}


def deviation_pictures(
    layers: Sequence[Layer],
    limits: Limits,
    changes: Sequence[Change],
    worst_mm: Point | None,
    *,
    frame: str = "RAS",
    mirrored: bool = False,
    signed: bool = True,
) -> tuple[Picture, ...]:
    """Three pictures of a part: two sides and a close-up.

    Parameters
    ----------
    layers
        The printed surface first, then its source, each with its deviation.
    limits
        Of the case.
    changes
        Of the part; those with a place are marked with their number, from 1, as in the table.
    worst_mm
        The place that is farthest from the source; None: the first change is shown close by.
    """
    markers = [Marker(str(k), c.where_mm) for k, c in enumerate(changes, start=1) if c.where_mm is not None]
    places = [worst_mm] if worst_mm is not None else [marker.at_mm for marker in markers]
    outward = _outward(layers[0], places[0]) if places else side(frame, "the front")[0] * -1.0
    first = max(SIDES, key=lambda name: -float(side(frame, name)[0] @ outward))
    pictures = []
    for name in (first, OPPOSITE[first]):
        into, up = side(frame, name)
        png = heat(
            layers, limits, into, SIZE_PX, up=up, frame=frame, mirrored=mirrored, markers=markers[:MOST_MARKERS],
            signed=signed,
        )  # fmt: skip
        pictures.append(Picture(f"from {name}" if name != "behind" else "from behind", png, *SIZE_PX))
    if places:
        reach_mm = max(CLOSE_MM, CLOSE_SHARE * float(np.linalg.norm(layers[0].mesh.size_mm)))
        up = side(frame, first)[1]
        png = heat(
            layers, limits, -outward, SIZE_PX, up=up, frame=frame, mirrored=mirrored, signed=signed,
            around_mm=(places[0], reach_mm),
        )  # fmt: skip
        what = "the place farthest from the source" if worst_mm is not None else "the first change"
        pictures.append(Picture(f"{what}, {2 * reach_mm:.0f} mm across", png, *SIZE_PX))
    return tuple(pictures)


def _outward(layer: Layer, place: Point) -> Float:
    """(3,) unit: the way out of the surface at the point of it that is nearest to a place."""
    _, (face,), _ = nearest(build(layer.mesh), np.array([place]))
    a, b, c = layer.mesh.vertices[layer.mesh.faces[face]]
    normal = np.cross(b - a, c - a)
    length = float(np.linalg.norm(normal))
    return np.asarray(normal / length) if length > 0 else np.array([0.0, 0.0, 1.0])
