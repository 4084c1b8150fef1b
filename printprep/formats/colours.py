"""Colours that a file paints its surface with: of vertices, of faces, or of the corners of faces.

They say where a zone of the case is (``paint`` in case.toml) and nothing else: no colour reaches the print. A colour
is one whole number, ``0xRRGGBB``, and :data:`NONE` where the file paints nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from printprep.geometry.mesh import Bool, Int

NONE: Final = -1
"""Where a file paints nothing."""

_HEX: Final = re.compile(r"#([0-9a-fA-F]{6})")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Colours:
    """What a file paints on the surface of one object; both kinds may be there."""

    vertices: Int | None = None  # (n,) a colour a vertex
    faces: Int | None = None  # (m, 1) a colour a face, or (m, 3) one a corner

    def painted(self, triangles: Int, colour: int, tolerance: int) -> Bool:
        """(m,) the faces all of whose corners are painted in ``colour``, each channel within ``tolerance`` of 255.

        Parameters
        ----------
        triangles
            (m, 3) the faces of the object.
        """
        found = np.zeros(len(triangles), np.bool_)
        if self.faces is not None:
            found |= _alike(self.faces, colour, tolerance).all(axis=1)
        if self.vertices is not None:
            found |= _alike(self.vertices, colour, tolerance)[triangles].all(axis=1)
        return found

    def counts(self, triangles: Int) -> list[tuple[int, int]]:
        """Colours that whole faces are painted in and how many faces each, the commonest first."""
        one_each = [] if self.faces is None else [self.faces]
        if self.vertices is not None:
            one_each.append(self.vertices[triangles])
        counted: dict[int, int] = {}
        for corners in one_each:
            whole = corners[(corners == corners[:, :1]).all(axis=1), 0]
            for colour, count in zip(*np.unique(whole[whole != NONE], return_counts=True), strict=True):
                counted[int(colour)] = counted.get(int(colour), 0) + int(count)
        return sorted(counted.items(), key=lambda item: (-item[1], item[0]))

    def of_vertices(self, kept: npt.NDArray[np.integer]) -> Colours:
        """The colours when only the vertices ``kept`` stay, in that order."""
        return self if self.vertices is None else replace(self, vertices=self.vertices[kept])


def packed(red: npt.ArrayLike, green: npt.ArrayLike, blue: npt.ArrayLike, *, full: float) -> Int:
    """Colours of channels (n,) that go from 0 to ``full``; what lies outside is clipped, what is no number is none."""
    channels = np.stack([np.asarray(c, np.float64) for c in (red, green, blue)], axis=-1) * (255.0 / full)
    fine = np.asarray(np.isfinite(channels).all(axis=-1))
    whole = np.rint(np.clip(np.nan_to_num(channels), 0, 255)).astype(np.int32)
    return np.where(fine, whole[..., 0] << 16 | whole[..., 1] << 8 | whole[..., 2], np.int32(NONE))


def colour_of(text: str) -> int:
    """``#ff0000`` as a number; a ValueError if it is not written so."""
    match = _HEX.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no colour; write it as #rrggbb, such as #ff0000")
    return int(match[1], 16)


def named(colour: int) -> str:
    """A colour as ``#ff0000``."""
    return f"#{colour:06x}"


def listed(counts: Sequence[tuple[int, int]], most: int = 12) -> str:
    """The commonest colours with their faces, for a message."""
    said = [f"{named(colour)} ({count} triangles)" for colour, count in counts[:most]]
    return ", ".join(said) + (f" and {len(counts) - most} more" if len(counts) > most else "")


def _alike(colours: Int, colour: int, tolerance: int) -> Bool:
    """Where each channel is within ``tolerance``."""
    near = np.asarray(colours != NONE)
    for shift in (16, 8, 0):
        near &= np.abs((colours >> shift & 255) - (colour >> shift & 255)) <= tolerance
    return near
