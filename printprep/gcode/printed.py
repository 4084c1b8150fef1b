"""What a file prints, as the deposit check looks at it: layers that can be drawn, and whose edge can be asked for.

Beads of a file of G-code are such, and so are the layers of a resin file (:mod:`printprep.gcode.lit`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from printprep.gcode.beads import Beads, Role
from printprep.gcode.canvas import Canvas, Image, lay
from printprep.gcode.outline import gaps
from printprep.geometry.mesh import Float

PIXEL_MM: Final = 0.1
MOST_PIXELS: Final = 6_000_000  # of a layer; a larger plate gets larger pixels
MARGIN_MM: Final = 2.0


class Printed(Protocol):
    """Layers of a print."""

    @property
    def layer_z_mm(self) -> Float:
        """(k,) tops of the layers that hold the model, rising."""

    @property
    def layer_height_mm(self) -> Float:
        """(k,)."""

    @property
    def middle_mm(self) -> Float:
        """(k,) heights half-way up each layer, where the parts are cut."""

    @property
    def line_mm(self) -> float:
        """Width of the usual bead, or of a pixel of light: of what is less than two of them no good wall is made."""

    @property
    def sparse(self) -> bool:
        """Whether insides may be left empty, as infill leaves them."""

    def canvas(self, box_mm: Float) -> Canvas:
        """A raster that holds all that is printed of the model, and the box (2, 2)."""

    def draw(self, layer: int, canvas: Canvas) -> tuple[Image, Image]:
        """Tool + 1 of the model's plastic in each pixel, 0: none; and 1 where anything is, supports and all."""

    def gaps(self, layer: int, places_mm: Float) -> Float:
        """(s,) distance of places (s, 2) from the edge of the model's plastic: positive where plastic is missing."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Strips:
    """The beads of a file of G-code, sorted by layer."""

    beads: Beads
    rows: npt.NDArray[np.int64]  # of the beads, by layer
    first: npt.NDArray[np.int64]  # (k + 1,) where each layer starts in them
    sparse: bool = True

    @classmethod
    def of(cls, beads: Beads) -> Strips:
        """``beads``, sorted."""
        rows = np.argsort(beads.layer, kind="stable")
        first = np.searchsorted(beads.layer[rows], np.arange(len(beads.layer_z_mm) + 1))
        return cls(beads=beads, rows=rows, first=first)

    @property
    def layer_z_mm(self) -> Float:
        """(k,) tops of the layers that hold the model."""
        return self.beads.layer_z_mm

    @property
    def layer_height_mm(self) -> Float:
        """(k,)."""
        return self.beads.layer_height_mm

    @property
    def middle_mm(self) -> Float:
        """(k,) heights half-way up each layer."""
        return self.beads.middle_mm

    @property
    def line_mm(self) -> float:
        """Median width of the model's beads; 0 of none."""
        model = self.beads.width_mm[self.beads.role == Role.PART]
        return float(np.median(model)) if len(model) else 0.0

    def of_layer(self, layer: int, *, model: bool = False) -> npt.NDArray[np.int64]:
        """Rows of the beads of a layer in the order of the file; ``model``: of these those of the model."""
        rows = self.rows[self.first[layer] : self.first[layer + 1]]
        return rows[self.beads.role[rows] == Role.PART] if model else rows

    def canvas(self, box_mm: Float) -> Canvas:
        """See :class:`Printed`."""
        beads = self.beads
        own = beads.role == Role.PART
        ends = np.concatenate([beads.start_mm[own], beads.end_mm[own], box_mm])
        lower, upper = ends.min(axis=0) - MARGIN_MM, ends.max(axis=0) + MARGIN_MM
        size = upper - lower
        pixel_mm = max(PIXEL_MM, float(np.sqrt(np.prod(size) / MOST_PIXELS)))
        shape = (int(np.ceil(size[1] / pixel_mm)), int(np.ceil(size[0] / pixel_mm)))
        return Canvas(lower_mm=lower.astype(np.float64), shape=shape, pixel_mm=pixel_mm)

    def draw(self, layer: int, canvas: Canvas) -> tuple[Image, Image]:
        """See :class:`Printed`; where beads lie on each other the later one wins."""
        laid, filled = np.zeros(canvas.shape, np.uint8), np.zeros(canvas.shape, np.uint8)
        beads, rows = self.beads, self.of_layer(layer)
        role = beads.role[rows]
        own, other = rows[role == Role.PART], rows[role != Role.PART]
        for which, image, colour in ((own, laid, beads.tool[own] + 1), (other, filled, np.ones(len(other)))):
            lay(
                beads.start_mm[which],
                beads.end_mm[which],
                beads.width_mm[which],
                colour.astype(np.uint8),
                canvas.lower_mm,
                canvas.pixel_mm,
                image,
            )
        filled |= laid > 0
        return laid, filled

    def gaps(self, layer: int, places_mm: Float) -> Float:
        """See :class:`Printed`; exact."""
        rows = self.of_layer(layer, model=True)
        found, _ = gaps(places_mm, self.beads.start_mm[rows], self.beads.end_mm[rows], self.beads.width_mm[rows])
        return found
