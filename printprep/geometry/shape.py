"""What a mesh is like, as figures: its walls and its bodies; :mod:`printprep.geometry.survey` finds them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

Point = tuple[float, float, float]


class Kind(StrEnum):
    """What one connected surface of a mesh is."""

    SOLID = "solid"
    CAVITY = "cavity"  # inside another, wound the other way: empty
    NESTED = "nested"  # inside another, wound like a solid: its volume is there twice
    LOOSE = "loose"  # a solid in a cavity of another
    INSIDE_OUT = "inside-out"  # inside no other, wound the other way
    OPEN = "open"  # bounds no volume


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """One connected surface of a mesh."""

    number: int  # by area, the largest is 1
    kind: Kind
    triangles: int
    area_mm2: float
    volume_mm3: float | None  # a positive figure; None: it bounds none
    size_mm: Point
    where_mm: Point  # the middle of its box
    inside: int | None = None  # number of the innermost body that encloses it
    on: int | None = None  # number of the body that it lies on, within a hair
    on_mm2: float = 0.0  # over so much of its surface
    twin: bool = False  # it and that body lie on each other everywhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The separate surfaces of a mesh."""

    count: int  # of all
    bodies: tuple[Body, ...]  # the largest by area
    specks: int = 0  # solids, of all, that are too small or too thin to print
    specks_mm3: float = 0.0
    speck_mm: Point | None = None  # where the first of them is

    def of(self, *kinds: Kind) -> tuple[Body, ...]:
        """The bodies of these kinds."""
        return tuple(body for body in self.bodies if body.kind in kinds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thickness:
    """Walls of a solid, from ball to ball all over its surface, mm."""

    min_mm: float
    p05_mm: float  # 5 % of the surface is no thicker
    median_mm: float
    where_mm: Point  # of the thinnest
    points: int  # measured
