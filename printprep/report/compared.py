"""One picture of a surface from six sides in the colours of its distance from another."""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np

from printprep.casefile import Limits
from printprep.geometry.mesh import Mesh
from printprep.geometry.twoway import OneWay
from printprep.report.heat import SIDES, Layer, heat, side

COLUMNS: Final = 3


def compared(mesh: Mesh, off: OneWay, limit_mm: float | None = None) -> bytes:
    """A PNG file of ``mesh``, whose distances are ``off``, seen along both ways of each axis.

    The colours run to ``limit_mm``, or without one over what there is: half of them up to half of it, or to where 95 %
    of it ends if that is less.
    """
    most_mm = limit_mm or max(_round_up(off.max_mm), 1e-3)
    within_mm = 0.4 * most_mm if limit_mm is not None else min(_round_up(off.p95_mm), 0.5 * most_mm)
    limits = Limits(deviation_p95_mm=max(within_mm, 1e-4), deviation_max_mm=most_mm)
    tiles = []
    for name in SIDES:
        into, up = side("RAS", name)
        tile = heat(
            [Layer(mesh, off.by_vertex_mm)],
            limits,
            into,
            up=up,
            signed=off.bias_mm is not None,
            judged=limit_mm is not None,
        )
        tiles.append(np.asarray(cv2.imdecode(np.frombuffer(tile, np.uint8), cv2.IMREAD_COLOR)))
    rows = [np.hstack(tiles[start : start + COLUMNS]) for start in range(0, len(tiles), COLUMNS)]
    _, encoded = cv2.imencode(".png", np.vstack(rows), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    return bytes(encoded.tobytes())


def _round_up(value_mm: float) -> float:
    """The next figure of two digits."""
    if value_mm <= 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(value_mm)) - 1)
    return float(f"{math.ceil(value_mm / unit - 1e-9) * unit:.6g}")
