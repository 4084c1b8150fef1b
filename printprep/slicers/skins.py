"""Which of a layer's filling is solid, as PrusaSlicer finds it.

Its rules (2.5, without ``ensure_vertical_shell_thickness``): a surface with nothing above or below it is filled solid,
and 3 mm of the filling around it. Each such surface, that of every layer for itself, is also thrown on the layers under
(or over) it, as many as close the part; what of it is narrower there than six lines grows by three. On a slope every
step is such a narrow surface, so the skin under it is three lines wider than the steps are.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from printprep.geometry.mesh import Bool
from printprep.geometry.strata import Stack, grown, small_areas, window
from printprep.slicers import prusa_habits as habit


@dataclass(frozen=True, slots=True, kw_only=True)
class Solid:
    """The solid filling of a layer: cells that are printed in one way."""

    top: Bool
    bottom: Bool
    between: Bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Skins:
    """What throws solid skins on the layers of a plate."""

    stack: Stack
    walls_mm: float  # how far inside an outline the filling begins
    line_mm: float
    top_layers: int
    bottom_layers: int
    _thrown: dict[tuple[int, bool], Bool | None] = field(default_factory=dict)

    def solid(self, number: int, inside: Bool) -> Solid:
        """What of a filling is solid.

        Parameters
        ----------
        number
            Of the layer.
        inside
            Its filling, inside the walls.
        """
        near = window(inside, 1)
        if near is None:
            return Solid(top=inside, bottom=inside, between=inside)
        whole, inside = inside, inside[near]
        stack, cell_mm = self.stack, self.stack.cell_mm
        bare_bottom = inside & stack.bottom(number)[near]
        bare_top = inside & stack.top(number)[near]
        bottom = grown(bare_bottom, habit.SKIN_MARGIN_MM, cell_mm) & inside
        top = grown(bare_top, habit.SKIN_MARGIN_MM, cell_mm) & inside & ~bottom
        free = inside & ~top & ~bottom
        between = small_areas(inside & ~bare_top & ~bare_bottom, habit.SMALL_MM2, cell_mm) & free
        narrow = np.zeros_like(inside)
        least_mm = habit.SKIN_WIDTHS * self.line_mm
        for up, layers in ((True, self.top_layers), (False, self.bottom_layers)):
            for away in range(1, layers):
                thrown = self._surface(number + away if up else number - away, up)
                if thrown is None:
                    continue
                here = thrown[near] & free
                if here.any():
                    between |= here
                    narrow |= here & ~_opened(here, least_mm, cell_mm)
        between |= grown(narrow, least_mm, cell_mm) & free
        found = {"top": top, "bottom": bottom, "between": between}
        return Solid(**{name: _back(area, near, whole) for name, area in found.items()})

    def _surface(self, number: int, up: bool) -> Bool | None:
        """What a layer throws down (``up``: its tops) or up: what is bare, and the filling around it."""
        if number < 0:
            return None
        if (number, up) not in self._thrown:
            self._thrown[number, up] = self._found(number, up)
        return self._thrown[number, up]

    def _found(self, number: int, up: bool) -> Bool | None:
        bare = self.stack.top(number) if up else self.stack.bottom(number)
        if not bare.any():
            return None
        cell_mm = self.stack.cell_mm
        inside = _deeper(self.stack.body(number), self.walls_mm, cell_mm)
        return bare | (grown(bare & inside, habit.SKIN_MARGIN_MM, cell_mm) & inside)


def _deeper(mask: Bool, than_mm: float, cell_mm: float) -> Bool:
    """What of ``mask`` is farther than that from its edge, to 2 %: it is asked hundreds of times."""
    deep = np.zeros_like(mask)
    near = window(mask, 1)
    if near is not None:
        distance = cv2.distanceTransform(mask[near].astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
        deep[near] = distance > than_mm / cell_mm + 0.5
    return deep


def _opened(mask: Bool, by_mm: float, cell_mm: float) -> Bool:
    """Of ``mask`` what is at least twice ``by_mm`` wide."""
    return grown(_deeper(mask, by_mm, cell_mm), by_mm, cell_mm)


def _back(area: Bool, near: tuple[slice, slice], whole: Bool) -> Bool:
    """What was found in a window, in the whole layer."""
    layer = np.zeros_like(whole)
    layer[near] = area
    return layer
